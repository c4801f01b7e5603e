//! Models of real tools, against what ONNX Runtime answers; they lie beside the checkout, in `../shared/data`.
#![cfg(feature = "onnx")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sandstream_graphs::onnx::{self, Shapes};
use sandstream_graphs::{Answer, Bounds, Feed, Files};

struct Nothing;

impl Files for Nothing {
    fn read(&self, _name: &str) -> Option<Arc<[u8]>> {
        None
    }
}

/// The folder with the data, or a message that the test is skipped.
fn data() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    let folder = if folder.is_dir() { folder } else { PathBuf::from("/work/shared/data") };
    if !folder.is_dir() {
        eprintln!("skipped: {} is not there", folder.display());
        return None;
    }
    Some(folder)
}

/// The first 64 wines, row by row.
fn wines(data: &Path) -> Vec<f32> {
    let text = fs::read_to_string(data.join("wine/winequality_red.csv")).unwrap();
    let row = |line: &str| line.split(';').take(11).map(|value| value.parse().unwrap()).collect::<Vec<f32>>();
    text.lines().take(64).flat_map(row).collect()
}

#[test]
fn what_tract_does_right_is_what_onnx_runtime_says() {
    let Some(data) = data() else { return };
    let expected: serde_json::Value = serde_json::from_slice(&fs::read(data.join("onnxml/expected.json")).unwrap()).unwrap();
    let wines = wines(&data);
    for name in ["mlp_reg", "kmeans", "linreg", "logreg_multi"] {
        let bytes = fs::read(data.join(format!("onnxml/{name}.onnx"))).unwrap();
        let graph = onnx::load(&bytes, &Nothing, &Shapes::default(), &Bounds::default())
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(graph.batched(), "{name}");
        let mut runner = graph.runner().unwrap();
        let mut answers = Vec::new();
        runner.run(64, &[Feed::F32(&wines)], &mut answers).unwrap();
        for (answer, expected) in answers.iter().zip(expected[name]["outputs"].as_array().unwrap()) {
            compare(name, answer, expected);
        }
        let (mut single, mut all) = (Vec::new(), Vec::new());
        for row in wines.chunks(11) {
            runner.run(1, &[Feed::F32(row)], &mut single).unwrap();
            all.extend(floats(&single[0]));
        }
        assert!(
            floats(&answers[0]).iter().zip(&all).all(|(a, b)| (a - b).abs() <= 1e-5 * b.abs().max(1.0)),
            "{name}: single rows"
        );
        runner.run(0, &[Feed::F32(&[])], &mut answers).unwrap();
        assert!(answers.iter().all(|answer| floats(answer).is_empty()), "{name}: no rows");
    }
}

fn floats(answer: &Answer) -> Vec<f64> {
    match answer {
        Answer::F32(values) => values.iter().map(|value| f64::from(*value)).collect(),
        Answer::F64(values) => values.clone(),
        Answer::I64(values) => values.iter().map(|value| *value as f64).collect(),
        Answer::Strings(_) => Vec::new(),
    }
}

fn compare(name: &str, answer: &Answer, expected: &serde_json::Value) {
    let flat = |value: &serde_json::Value| match value {
        serde_json::Value::Array(values) => values.iter().map(|value| value.as_f64().unwrap()).collect::<Vec<_>>(),
        value => vec![value.as_f64().unwrap()],
    };
    let expected: Vec<f64> = expected.as_array().unwrap().iter().flat_map(flat).collect();
    let got = floats(answer);
    assert_eq!(got.len(), expected.len(), "{name}");
    for (row, (a, b)) in got.iter().zip(&expected).enumerate() {
        assert!((a - b).abs() <= 1e-4 * b.abs().max(1.0), "{name}: value {row} is {a}, expected {b}");
    }
}

#[test]
fn classical_models_are_refused_by_the_name_of_their_operator() {
    let Some(data) = data() else { return };
    let cases = [
        ("dt_cls", "ai.onnx.ml.TreeEnsembleClassifier"),
        ("gb_reg", "ai.onnx.ml.TreeEnsembleRegressor"),
        ("imputer_lr", "ai.onnx.ml.Imputer"),
        ("scaler_lr", "ai.onnx.ml.Scaler"),
        ("svr", "ai.onnx.ml.SVMRegressor"),
        ("logreg_bin_zipmap", "ai.onnx.ml.ZipMap"),
    ];
    for (name, operator) in cases {
        let bytes = fs::read(data.join(format!("onnxml/{name}.onnx"))).unwrap();
        let Err(error) = onnx::load(&bytes, &Nothing, &Shapes::default(), &Bounds::default()) else {
            panic!("{name} was accepted")
        };
        let message = error.to_string();
        assert!(message.contains(operator) && message.contains("evaluator"), "{name}: {message}");
    }
}
