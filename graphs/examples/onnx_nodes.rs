//! Runs the node tests of ONNX that lie in a folder and says of each whether it is refused, right or wrong, as lines of
//! `verdict <tab> case <tab> operator <tab> reason`. `cargo xtask onnx-conformance` makes the folder and the report.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a tool for developers fails by panicking")]

use std::fs;
use std::path::Path;
use std::sync::Arc;

use prost::Message as _;
use sandstream_graphs::onnx::{self, pb};
use sandstream_graphs::{Answer, Bounds, Dim, Feed, Files, Strings};

/// No files beside the model.
struct Nothing;

impl Files for Nothing {
    fn read(&self, _name: &str) -> Option<Arc<[u8]>> {
        None
    }
}

enum Verdict {
    Passed,
    Refused(String),
    Wrong(String),
}

fn main() {
    let mut words = std::env::args().skip(1);
    let folder = words.next().expect("the folder with the cases");
    let only = words.next().unwrap_or_default();
    let mut cases: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect();
    cases.sort();
    // Panics of the engine are verdicts.
    std::panic::set_hook(Box::new(|_| {}));
    for case in cases {
        let name = case.file_name().unwrap().to_string_lossy().into_owned();
        if !name.contains(&only) {
            continue;
        }
        let bytes = fs::read(case.join("model.onnx")).unwrap();
        let model = pb::ModelProto::decode(&bytes[..]).unwrap();
        let operator = model.graph.as_ref().and_then(|graph| graph.node.last()).map(operator).unwrap_or_default();
        let (verdict, reason) = match run(&case, &bytes) {
            Verdict::Passed => ("passed", String::new()),
            Verdict::Refused(reason) => ("refused", reason),
            Verdict::Wrong(reason) => ("wrong", reason),
        };
        println!("{verdict}\t{name}\t{operator}\t{}", reason.replace(['\n', '\t'], " "));
    }
}

fn operator(node: &pb::NodeProto) -> String {
    if node.domain.is_empty() { node.op_type.clone() } else { format!("{}.{}", node.domain, node.op_type) }
}

fn run(case: &Path, bytes: &[u8]) -> Verdict {
    let Some(inputs) = tensors(case, "input") else { return Verdict::Refused("an input is no tensor".to_owned()) };
    let graph = match onnx::load_fixed(bytes, &Nothing, &Bounds::default()) {
        Ok(graph) => graph,
        Err(error) => return Verdict::Refused(error.to_string()),
    };
    let Some(expected) = tensors(case, "output") else {
        return Verdict::Wrong("accepted, although an output is no tensor".to_owned());
    };
    let inputs: Option<Vec<Answer>> = inputs.iter().map(values).collect();
    let Some(inputs) = inputs else { return Verdict::Wrong("accepted with an input of an unknown type".to_owned()) };
    let feeds: Vec<Feed<'_>> = inputs.iter().map(feed).collect();
    let mut answers = Vec::new();
    if let Err(error) = graph.runner().and_then(|mut runner| runner.run(1, &feeds, &mut answers)) {
        return Verdict::Wrong(format!("accepted, then: {error}"));
    }
    let tolerance = fs::read_to_string(case.join("tolerance.txt")).unwrap();
    let tolerance: Vec<f64> = tolerance.split_whitespace().map(|number| number.parse().unwrap()).collect();
    if answers.len() != expected.len() {
        return Verdict::Wrong(format!("{} outputs, expected {}", answers.len(), expected.len()));
    }
    for ((answer, expected), port) in answers.iter().zip(&expected).zip(graph.outputs()) {
        let dims: Vec<i64> =
            port.dims.iter().skip(1).map(|dim| if let Dim::Fixed(size) = dim { *size as i64 } else { -1 }).collect();
        let fits = dims.len() == expected.dims.len() && dims.iter().zip(&expected.dims).all(|(a, b)| *a == -1 || a == b);
        if !fits {
            return Verdict::Wrong(format!("shape {dims:?}, expected {:?}", expected.dims));
        }
        let Some(expected) = values(expected) else {
            return Verdict::Wrong("accepted with an output of an unknown type".to_owned());
        };
        if let Some(reason) = differs(answer, &expected, (tolerance[0], tolerance[1])) {
            return Verdict::Wrong(reason);
        }
    }
    Verdict::Passed
}

fn tensors(case: &Path, kind: &str) -> Option<Vec<pb::TensorProto>> {
    let mut found = Vec::new();
    loop {
        let at = found.len();
        if case.join(format!("{kind}_{at}.none")).exists() {
            return None;
        }
        let Ok(bytes) = fs::read(case.join(format!("{kind}_{at}.pb"))) else { return Some(found) };
        found.push(pb::TensorProto::decode(&bytes[..]).unwrap());
    }
}

/// The values of a tensor as numpy writes them: raw, but for texts.
fn values(tensor: &pb::TensorProto) -> Option<Answer> {
    use pb::tensor_proto::DataType;
    let raw = &tensor.raw_data;
    fn each<const SIZE: usize, T>(raw: &[u8], convert: impl Fn([u8; SIZE]) -> T) -> Vec<T> {
        raw.as_chunks::<SIZE>().0.iter().map(|chunk| convert(*chunk)).collect()
    }
    Some(match DataType::try_from(tensor.data_type).ok()? {
        DataType::Float => Answer::F32(each(raw, f32::from_le_bytes)),
        DataType::Double => Answer::F64(each(raw, f64::from_le_bytes)),
        DataType::Float16 => Answer::F32(each(raw, |bytes| half(u16::from_le_bytes(bytes)))),
        DataType::Int64 => Answer::I64(each(raw, i64::from_le_bytes)),
        DataType::Int32 => Answer::I64(each(raw, |bytes| i32::from_le_bytes(bytes).into())),
        DataType::Int16 => Answer::I64(each(raw, |bytes| i16::from_le_bytes(bytes).into())),
        DataType::Int8 => Answer::I64(each(raw, |bytes| i8::from_le_bytes(bytes).into())),
        DataType::Uint64 => Answer::I64(each(raw, |bytes| u64::from_le_bytes(bytes) as i64)),
        DataType::Uint32 => Answer::I64(each(raw, |bytes| u32::from_le_bytes(bytes).into())),
        DataType::Uint16 => Answer::I64(each(raw, |bytes| u16::from_le_bytes(bytes).into())),
        DataType::Uint8 | DataType::Bool => Answer::I64(raw.iter().map(|byte| (*byte).into()).collect()),
        DataType::String => {
            let mut texts = Strings::default();
            for text in &tensor.string_data {
                texts.data.extend_from_slice(text);
                texts.ends.push(u32::try_from(texts.data.len()).unwrap());
            }
            Answer::Strings(texts)
        }
        _ => return None,
    })
}

fn half(bits: u16) -> f32 {
    let (sign, exponent, fraction) = (bits >> 15, (bits >> 10) & 31, f32::from(bits & 1023));
    let size = match exponent {
        0 => fraction * 2f32.powi(-24),
        31 if fraction == 0.0 => f32::INFINITY,
        31 => f32::NAN,
        _ => (1.0 + fraction / 1024.0) * 2f32.powi(i32::from(exponent) - 15),
    };
    if sign == 1 { -size } else { size }
}

fn feed(values: &Answer) -> Feed<'_> {
    match values {
        Answer::F32(values) => Feed::F32(values),
        Answer::F64(values) => Feed::F64(values),
        Answer::I64(values) => Feed::I64(values),
        Answer::Strings(texts) => Feed::Strings { data: &texts.data, ends: &texts.ends },
    }
}

fn differs(got: &Answer, expected: &Answer, tolerance: (f64, f64)) -> Option<String> {
    let floats = |values: &Answer| match values {
        Answer::F32(values) => Some(values.iter().map(|value| f64::from(*value)).collect::<Vec<_>>()),
        Answer::F64(values) => Some(values.clone()),
        Answer::I64(_) | Answer::Strings(_) => None,
    };
    if std::mem::discriminant(got) != std::mem::discriminant(expected) {
        return Some("another element type".to_owned());
    }
    let (Some(a), Some(b)) = (floats(got), floats(expected)) else {
        return (got != expected).then(|| format!("{:.150?}, expected {:.150?}", format!("{got:?}"), format!("{expected:?}")));
    };
    if a.len() != b.len() {
        return Some(format!("{} values, expected {}", a.len(), b.len()));
    }
    let near = |a: f64, b: f64| (a - b).abs() <= tolerance.1 + tolerance.0 * b.abs() || a == b || (a.is_nan() && b.is_nan());
    let at = a.iter().zip(&b).position(|(a, b)| !near(*a, *b))?;
    Some(format!("value {at} is {}, expected {}", a[at], b[at]))
}
