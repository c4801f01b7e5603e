//! Native graphs through the backend's seam: what they take and give, what they say of a file that is none, and their bounds.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::type_complexity, reason = "tables of cases")]
#![cfg(feature = "onnx")]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use sandstream::backend::graph::Graphs;
use sandstream::backend::wasm::Compiler;
use sandstream::backend::{Backend, Engine, Engines, Model, Payload};
use sandstream::types::proto::model_descriptor::ModelType;
use sandstream::types::{Digest, Dtype, Input, Limits, Scores, Signature, Tensor, TensorRef};
use sandstream_graphs::onnx::pb;

fn graphs() -> Graphs {
    Graphs::new(Compiler::Child { program: env!("CARGO_BIN_EXE_sandstream").into() })
}

fn payload(kind: ModelType, data: &[u8], signature: Option<Signature>) -> Payload {
    Payload {
        kind,
        digest: Digest::of(data),
        data: data.into(),
        config: [].into(),
        artifacts: [].into(),
        signature,
        label: "wine/graph@1".into(),
    }
}

fn load(kind: ModelType, data: &[u8], signature: Option<Signature>) -> Result<Arc<dyn Model>, String> {
    graphs().load(&payload(kind, data, signature), &Limits::default()).map_err(|rejected| rejected.to_string())
}

fn port(name: &str, dims: &[Option<i64>]) -> pb::ValueInfoProto {
    use pb::tensor_shape_proto::{Dimension, dimension};
    let dim = |size: &Option<i64>| Dimension {
        denotation: String::new(),
        value: Some(match size {
            Some(size) => dimension::Value::DimValue(*size),
            None => dimension::Value::DimParam("N".to_owned()),
        }),
    };
    let shape = pb::TensorShapeProto { dim: dims.iter().map(dim).collect() };
    let tensor = pb::type_proto::Tensor { elem_type: pb::tensor_proto::DataType::Float as i32, shape: Some(shape) };
    let kind = pb::TypeProto { denotation: String::new(), value: Some(pb::type_proto::Value::TensorType(tensor)) };
    pb::ValueInfoProto { name: name.to_owned(), r#type: Some(kind), doc_string: String::new() }
}

/// `y = operator(x)` over rows of these dimensions.
fn onnx(operator: &str, dims: &[Option<i64>]) -> Vec<u8> {
    use prost::Message as _;
    let node = pb::NodeProto {
        input: vec!["x".to_owned()],
        output: vec!["y".to_owned()],
        name: "the node".to_owned(),
        op_type: operator.to_owned(),
        ..pb::NodeProto::default()
    };
    let graph = pb::GraphProto {
        node: vec![node],
        name: "g".to_owned(),
        input: vec![port("x", dims)],
        output: vec![port("y", dims)],
        ..pb::GraphProto::default()
    };
    let opset = pb::OperatorSetIdProto { domain: String::new(), version: 17 };
    let model = pb::ModelProto { ir_version: 8, opset_import: vec![opset], graph: Some(graph), ..pb::ModelProto::default() };
    model.encode_to_vec()
}

fn input(dtype: Dtype, fields: &[&str], dims: &[u32]) -> Signature {
    let fields = fields.iter().map(|field| (*field).to_owned()).collect();
    Signature { inputs: vec![Input { name: "x".to_owned(), dtype, fields, dims: dims.to_vec() }], outputs: Vec::new() }
}

fn score(model: &dyn Model, rows: u32, x: TensorRef<'_>) -> Scores {
    let mut session = model.session(Instant::now()).unwrap();
    let mut scores = Scores::default();
    session.score(0..rows, &[x], Instant::now(), &mut scores).unwrap();
    scores
}

#[test]
fn an_input_takes_the_feature_list_or_what_it_is_told() {
    let relu = onnx("Relu", &[None, Some(3)]);
    let plain = load(ModelType::Onnx, &relu, None).unwrap();
    assert_eq!(plain.signature().inputs[0].fields, ["", "", ""]);
    assert_eq!((plain.signature().outputs[0].name.as_str(), plain.signature().outputs[0].width), ("y", 3));
    let scores = score(plain.as_ref(), 2, TensorRef::Float32(&[1.0, -2.0, 3.0, -4.0, 5.0, -6.0]));
    assert_eq!(scores.outputs, [Tensor::Float32(vec![1.0, 0.0, 3.0, 0.0, 5.0, 0.0])]);
    let told = load(ModelType::Onnx, &relu, Some(input(Dtype::Float32, &["a", "b", "c"], &[]))).unwrap();
    assert_eq!(told.signature().inputs[0].fields, ["a", "b", "c"]);
    let cost = told.cost().unwrap();
    assert!(cost.engine.starts_with("tract ") && cost.batched && cost.calls[0].0 == 1, "{cost:?}");
    assert!(told.limits().call(1) >= cost.calls[0].1 && told.tolerance().is_some());
}

#[test]
fn one_field_of_bytes_is_a_row_of_raw_values() {
    let image = onnx("Neg", &[None, Some(1), Some(2), Some(2)]);
    let model = load(ModelType::Onnx, &image, Some(input(Dtype::Bytes, &["$value"], &[]))).unwrap();
    let good: Vec<u8> = [1.0f32, 2.0, 3.0, 4.0].iter().flat_map(|value| value.to_le_bytes()).collect();
    let data = [&good[..], b"short", &good[..]].concat();
    let packed = sandstream::types::PackedRef { data: &data, ends: &[16, 21, 37], missing: &[] };
    let scores = score(model.as_ref(), 3, TensorRef::Bytes(packed));
    let Tensor::Float32(values) = &scores.outputs[0] else { panic!("{scores:?}") };
    assert_eq!((&values[..4], &values[8..]), (&[-1.0, -2.0, -3.0, -4.0][..], &[-1.0, -2.0, -3.0, -4.0][..]));
    let rejected: Vec<_> = scores.rejected.iter().map(|rejection| (rejection.row, rejection.reason.as_str())).collect();
    assert_eq!(rejected, [(1, "input `x`: expected 16 bytes, got 5")]);
}

#[test]
fn what_cannot_be_run_is_rejected_with_the_reason() {
    let open = onnx("Relu", &[None, None]);
    let cases: &[(&str, ModelType, &[u8], Option<Signature>, &[&str])] = &[
        ("no operator", ModelType::Onnx, &onnx("Frobnicate", &[None, Some(1)]), None, &["Frobnicate", "the node"]),
        ("not ONNX", ModelType::Onnx, b"\x08\x08\xff\xff\xff", None, &["compile"]),
        ("empty graph", ModelType::Onnx, b"\x08\x08", None, &["graph"]),
        ("no such input", ModelType::Onnx, &onnx("Relu", &[None, Some(1)]), Some(named("z")), &["`z`", "nearest", "`x`"]),
        (
            "too few fields",
            ModelType::Onnx,
            &onnx("Relu", &[None, Some(3)]),
            Some(input(Dtype::Float32, &["a"], &[])),
            &["1 fields", "3 values"],
        ),
        (
            "another type",
            ModelType::Onnx,
            &onnx("Relu", &[None, Some(1)]),
            Some(input(Dtype::Int64, &["a"], &[])),
            &["int64", "float32"],
        ),
        (
            "dimensions fit the file",
            ModelType::Onnx,
            &onnx("Relu", &[None, Some(3)]),
            Some(input(Dtype::Float32, &["a", "b"], &[2])),
            &["2", "3"],
        ),
    ];
    for (what, kind, data, signature, words) in cases {
        let reason = load(*kind, data, signature.clone()).err().unwrap_or_else(|| panic!("{what}: was loaded"));
        for word in *words {
            assert!(reason.contains(word), "{what}: `{word}` is not in: {reason}");
        }
    }
    // Dimensions that the file leaves open are given by the signature.
    let told = load(ModelType::Onnx, &open, Some(input(Dtype::Float32, &["a", "b"], &[2])));
    assert!(told.is_ok_and(|model| model.signature().outputs[0].width == 2));
}

/// A model with what its descriptor's `config` says.
fn configured(graphs: &Graphs, config: &str) -> Result<Arc<dyn Model>, String> {
    let payload = Payload { config: config.as_bytes().into(), ..payload(ModelType::Onnx, &onnx("Relu", &[None, Some(3)]), None) };
    graphs.load(&payload, &Limits::default()).map_err(|rejected| rejected.to_string())
}

#[test]
fn a_model_may_say_what_runs_it() {
    for config in ["", r#"{"backend":"auto"}"#, r#"{"backend":"tract"}"#] {
        let model = configured(&graphs(), config).unwrap_or_else(|reason| panic!("{config}: {reason}"));
        assert!(model.cost().unwrap().engine.starts_with("tract "), "{config}");
    }
    let cases = [
        (r#"{"backend":"tracked"}"#, "expected `backend` to be one of auto, tract, onnxruntime, got `tracked`"),
        (r#"{"backend":"onnxruntime"}"#, "`onnxruntime` in `[backends]`"),
        (r#"{"tags":["serve"]}"#, "neither tags nor signatures"),
        (r#"{"backedn":"tract"}"#, "`backend` of an ONNX model"),
    ];
    for (config, expected) in cases {
        let reason = configured(&graphs(), config).err().unwrap_or_else(|| panic!("{config} was accepted"));
        assert!(reason.contains(expected), "{config}: {reason}");
    }
}

/// The library is tried in the child process first, whose limits it has to live within.
#[test]
fn the_library_runs_a_model_behind_the_same_seam() {
    let Some(library) = std::env::var_os("SANDSTREAM_TEST_ONNXRUNTIME").filter(|_| cfg!(feature = "ort")) else {
        eprintln!("skipped: SANDSTREAM_TEST_ONNXRUNTIME is not set, or the feature `ort` is off");
        return;
    };
    let engines = Engines { onnx: Engine::OnnxRuntime, onnxruntime: Some(library.into()) };
    let host = graphs().with_engines(engines).unwrap();
    let model = configured(&host, "").unwrap();
    let cost = model.cost().unwrap();
    assert!(cost.engine.starts_with("onnxruntime ") && cost.batched, "{cost:?}");
    let scores = score(model.as_ref(), 2, TensorRef::Float32(&[1.0, -2.0, 3.0, -4.0, 5.0, -6.0]));
    assert_eq!(scores.outputs, [Tensor::Float32(vec![1.0, 0.0, 3.0, 0.0, 5.0, 0.0])]);
    assert!(model.session(Instant::now()).unwrap().memory_bytes().is_some_and(|bytes| bytes > 0));
    let model = configured(&host, r#"{"backend":"tract"}"#).unwrap();
    assert!(model.cost().unwrap().engine.starts_with("tract "));
}

fn named(name: &str) -> Signature {
    let mut signature = input(Dtype::Float32, &["a"], &[]);
    signature.inputs[0].name = name.to_owned();
    signature
}

/// A file of `../shared/data`; `None`, with a word, where it is not.
fn shared(name: &str) -> Option<PathBuf> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data").join(name);
    if !path.exists() {
        eprintln!("skipped: there is no {}", path.display());
    }
    path.exists().then_some(path)
}

/// What scikit-learn's exporter makes: what runs answers as ONNX Runtime does, labels exactly; what does not is refused by its operator.
#[test]
fn exported_models_answer_as_the_reference_or_are_refused() {
    let Some(expected) = shared("onnxml/expected.json") else { return };
    let expected: serde_json::Value = serde_json::from_slice(&std::fs::read(expected).unwrap()).unwrap();
    let rows = &sandstream_wine::matrix()[..64 * 11];
    let mut scored = Vec::new();
    for (name, expected) in expected.as_object().unwrap() {
        let path = shared(&format!("onnxml/{name}.onnx")).unwrap();
        let model = match load(ModelType::Onnx, &std::fs::read(path).unwrap(), None) {
            Ok(model) => model,
            Err(reason) => {
                assert!(reason.contains("operator ai.onnx.ml."), "{name}: {reason}");
                continue;
            }
        };
        let scores = score(model.as_ref(), 64, TensorRef::Float32(rows));
        for (at, expected) in expected["outputs"].as_array().unwrap().iter().enumerate() {
            let expected = flat(expected);
            let got: Vec<f64> = match &scores.outputs[at] {
                Tensor::Float32(values) => values.iter().map(|value| f64::from(*value)).collect(),
                Tensor::Int64(values) => values.iter().map(|value| *value as f64).collect(),
                other => panic!("{name}: {other:?}"),
            };
            assert_eq!(got.len(), expected.len(), "{name}, output {at}");
            for (row, (got, expected)) in got.iter().zip(&expected).enumerate() {
                assert!(
                    (got - expected).abs() <= 1e-4 * expected.abs().max(1.0),
                    "{name}, output {at}, value {row}: {got}, {expected}"
                );
            }
        }
        scored.push(name.as_str());
    }
    assert_eq!(scored, ["kmeans", "knn", "linreg", "logreg_multi", "mlp_reg"]);
}

/// All numbers below a value, in order.
fn flat(value: &serde_json::Value) -> Vec<f64> {
    match value {
        serde_json::Value::Number(number) => vec![number.as_f64().unwrap()],
        serde_json::Value::Array(all) => all.iter().flat_map(flat).collect(),
        serde_json::Value::Object(all) => all.values().flat_map(flat).collect(),
        _ => Vec::new(),
    }
}

/// Every wine through the tutorial's two graphs, against TensorFlow's own answers; relative, as the tails count.
#[cfg(feature = "tensorflow")]
#[test]
fn the_tutorials_graphs_answer_as_tensorflow() {
    let cases = [
        ("wine/optimized_WineQuality.pb", "wine/optimized_WineQuality.expected.csv", ModelType::Tensorflow),
        ("wine/saved/1", "wine/saved.expected.csv", ModelType::Tensorflowsaved),
    ];
    for (model, expected, kind) in cases {
        let (Some(path), Some(expected)) = (shared(model), shared(expected)) else { return };
        let data = if path.is_dir() {
            sandstream::lifecycle::Folder::open(&path, 1 << 20).unwrap().archive
        } else {
            std::fs::read(&path).unwrap()
        };
        let model = load(kind, &data, None).unwrap();
        assert_eq!((model.signature().inputs.len(), model.signature().inputs[0].fields.len()), (1, 11));
        let text = std::fs::read_to_string(expected).unwrap();
        let expected: Vec<f64> = text.lines().flat_map(|line| line.split(',').map(|cell| cell.parse::<f64>().unwrap())).collect();
        let rows = sandstream_wine::matrix();
        let (mut got, mut session, mut scores) = (Vec::new(), model.session(Instant::now()).unwrap(), Scores::default());
        for rows in rows.chunks(11 * 256) {
            let count = (rows.len() / 11) as u32;
            session.score(0..count, &[TensorRef::Float32(rows)], Instant::now(), &mut scores).unwrap();
            let Tensor::Float32(values) = &scores.outputs[0] else { panic!("{scores:?}") };
            got.extend(values.iter().map(|value| f64::from(*value)));
        }
        assert_eq!((got.len(), expected.len()), (1599 * 9, 1599 * 9));
        for (got, expected) in got.iter().zip(&expected) {
            assert!((got - expected).abs() <= 1e-4 * expected.abs() + 1e-12, "{}: {got} is not {expected}", path.display());
        }
    }
}
