//! Small models as TensorFlow exports them (`scripts/fixtures/tensorflow.py`), against TensorFlow's own answers: all rows at once, and
//! each by itself.
#![cfg(feature = "tensorflow")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use sandstream_graphs::tensorflow::{self, Archive, Options};
use sandstream_graphs::{Answer, Bounds, Element, Feed, Graph, Port, Refused};
use serde_json::Value;

fn folder() -> PathBuf {
    std::env::var_os("TENSORFLOW_FIXTURES")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/tensorflow"), PathBuf::from)
}

/// A tensor as the fixtures have it.
struct Tensor {
    rows: usize,
    values: Vec<f64>,
}

fn tensor(value: &Value) -> Tensor {
    let number = |value: &Value| match value {
        Value::Null => f64::NAN,
        Value::Bool(value) => f64::from(u8::from(*value)),
        Value::String(text) => text.parse().unwrap(),
        other => other.as_f64().unwrap(),
    };
    let rows = value["shape"][0].as_u64().unwrap();
    Tensor { rows: usize::try_from(rows).unwrap(), values: value["values"].as_array().unwrap().iter().map(number).collect() }
}

fn load(case: &Value) -> Result<Arc<dyn Graph>, Refused> {
    let name = case["name"].as_str().unwrap();
    let bounds = Bounds::default();
    if case["kind"] == "frozen" {
        return tensorflow::frozen(&fs::read(folder().join(format!("{name}.pb"))).unwrap(), &Options::default(), &bounds);
    }
    let mut options = Options { signature: case["signature"].as_str().map(ToOwned::to_owned), ..Options::default() };
    if let Some(tags) = case["tags"].as_array() {
        options.tags = tags.iter().map(|tag| tag.as_str().unwrap().to_owned()).collect();
    }
    let archive = Archive::open(&fs::read(folder().join(format!("{name}.zip"))).unwrap(), &bounds)?;
    tensorflow::saved_model(&archive, &options, &bounds)
}

/// Values of one input for rows `from .. to`, in the form that its port takes.
enum Fed {
    F32(Vec<f32>),
    F64(Vec<f64>),
    I64(Vec<i64>),
}

fn fed(port: &Port, tensor: &Tensor, from: usize, to: usize) -> Fed {
    let width = tensor.values.len() / tensor.rows;
    let part = &tensor.values[from * width..to * width];
    match port.element {
        Element::F32 | Element::F16 => Fed::F32(part.iter().map(|value| *value as f32).collect()),
        Element::F64 => Fed::F64(part.to_vec()),
        _ => Fed::I64(part.iter().map(|value| *value as i64).collect()),
    }
}

fn run(graph: &Arc<dyn Graph>, case: &Value, from: usize, to: usize) -> Result<Vec<Vec<f64>>, String> {
    let inputs = &case["inputs"];
    let fed: Vec<Fed> = graph.inputs().iter().map(|port| fed(port, &tensor(&inputs[&port.name]), from, to)).collect();
    let feeds: Vec<Feed<'_>> = fed
        .iter()
        .map(|fed| match fed {
            Fed::F32(values) => Feed::F32(values),
            Fed::F64(values) => Feed::F64(values),
            Fed::I64(values) => Feed::I64(values),
        })
        .collect();
    let mut answers = Vec::new();
    let mut runner = graph.runner().map_err(|error| error.to_string())?;
    runner.run(to - from, &feeds, &mut answers).map_err(|error| error.to_string())?;
    Ok(answers.iter().map(values).collect())
}

fn values(answer: &Answer) -> Vec<f64> {
    match answer {
        Answer::F32(values) => values.iter().map(|value| f64::from(*value)).collect(),
        Answer::F64(values) => values.clone(),
        Answer::I64(values) => values.iter().map(|value| *value as f64).collect(),
        Answer::Strings(_) => panic!("no fixture has texts"),
    }
}

/// What is wrong with the answers of a case.
fn differs(graph: &Arc<dyn Graph>, case: &Value) -> Result<f64, String> {
    let expected: Vec<(String, Tensor)> =
        case["outputs"].as_object().unwrap().iter().map(|(name, value)| (name.clone(), tensor(value))).collect();
    let names: Vec<_> = graph.outputs().iter().map(|port| port.name.as_str()).collect();
    if names.len() != expected.len() {
        return Err(format!("outputs are {names:?}"));
    }
    let rows = expected[0].1.rows;
    let tolerance = case["tolerance"].as_f64().unwrap();
    let mut worst = 0f64;
    let mut parts = vec![(0, rows)];
    parts.extend((0..rows).map(|row| (row, row + 1)));
    for (from, to) in parts {
        let answers = run(graph, case, from, to)?;
        for (port, answer) in graph.outputs().iter().zip(&answers) {
            let wanted = &expected.iter().find(|(name, _)| *name == port.name).ok_or(format!("outputs are {names:?}"))?.1;
            let width = wanted.values.len() / rows;
            let wanted = &wanted.values[from * width..to * width];
            if wanted.len() != answer.len() {
                return Err(format!("`{}` has {} values for {} rows of {width}", port.name, answer.len(), to - from));
            }
            for (at, (value, wanted)) in answer.iter().zip(wanted).enumerate() {
                let off = (value - wanted).abs() / wanted.abs().max(1.0);
                worst = worst.max(off);
                if !(off <= tolerance || value == wanted || value.is_nan() && wanted.is_nan()) {
                    return Err(format!("`{}` of rows {from}..{to}, value {at}: {value} is not {wanted}", port.name));
                }
            }
        }
    }
    Ok(worst)
}

#[test]
fn exports_score_as_in_tensorflow() {
    let text = fs::read_to_string(folder().join("expected.json")).unwrap();
    let cases: Vec<Value> = serde_json::from_str(&text).unwrap();
    let mut wrong = Vec::new();
    for case in &cases {
        let name = case["name"].as_str().unwrap();
        let outcome = match (load(case), case["refused"].as_array()) {
            (Ok(_), Some(_)) => Err("it is not refused".to_owned()),
            (Err(refused), Some(says)) => {
                let message = refused.to_string();
                if says.iter().all(|says| message.contains(says.as_str().unwrap())) { Ok(0.0) } else { Err(message) }
            }
            (Err(refused), None) => Err(refused.to_string()),
            (Ok(graph), None) => differs(&graph, case),
        };
        match outcome {
            Ok(worst) => eprintln!("{name}: largest error {worst:.1e}"),
            Err(why) => wrong.push(format!("{name}: {why}")),
        }
    }
    assert!(cases.len() > 20, "there are {} cases only", cases.len());
    assert!(wrong.is_empty(), "{} of {} are wrong:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

#[test]
fn the_document_has_the_operators() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/tensorflow-operators.md");
    let text = fs::read_to_string(path).unwrap();
    let names = tensorflow::operators();
    let line = names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let has: Vec<&str> = text.split_whitespace().collect();
    let wanted: Vec<&str> = line.split_whitespace().collect();
    assert!(has.windows(wanted.len()).any(|part| part == wanted), "the list in docs/tensorflow-operators.md has to be:\n{line}");
}
