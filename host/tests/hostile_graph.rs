//! Graphs that attack the host, through its own way of loading them: each is rejected within the limits, with a reason, and the host
//! loads the next good model.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![cfg(all(feature = "onnx", feature = "tensorflow"))]

#[path = "../../graphs/tests/build/archive.rs"]
mod archive;
#[path = "../../graphs/tests/build/mod.rs"]
mod build;
#[path = "../../graphs/tests/build/wire.rs"]
mod wire;

use std::sync::Arc;
use std::time::{Duration, Instant};

use archive::{bomb, tar, zip};
use build::{float_input, floats, ints, node, output};
use prost::Message as _;
use sandstream::backend::graph::Graphs;
use sandstream::backend::wasm::Compiler;
use sandstream::backend::{Artifact, Backend, Model, Payload, Rejected};
use sandstream::types::proto::model_descriptor::ModelType::{self, Onnx, Tensorflow, Tensorflowsaved};
use sandstream::types::{Digest, Limits, Scores, Tensor, TensorRef};
use sandstream_graphs::onnx::pb;

/// What a model may take in this test: the machine that runs it has others to serve.
fn limits() -> Limits {
    Limits { compile: Duration::from_secs(20), compile_bytes: 512 << 20, ..Limits::default() }
}

fn load(kind: ModelType, data: &[u8]) -> Result<Arc<dyn Model>, Rejected> {
    let beside = Artifact { name: "weights.bin".to_owned(), digest: Digest([0; 32]), data: [0; 8].into() };
    let payload = Payload {
        kind,
        digest: Digest::of(data),
        data: data.into(),
        config: [].into(),
        artifacts: [beside].into(),
        signature: None,
        label: "hostile/graph@1".into(),
    };
    let graphs = Graphs::new(Compiler::Child { program: env!("CARGO_BIN_EXE_sandstream").into() });
    graphs.load(&payload, &limits())
}

/// Loads a model that is in order, and scores a row.
fn the_host_is_alive() {
    let model = load(Onnx, &onnx(vec![node("Relu", &["x"], &["y"])], &[0, 2], Vec::new())).expect("a good model");
    let mut session = model.session(Instant::now()).unwrap();
    let mut scores = Scores::default();
    session.score(0..1, &[TensorRef::Float32(&[1.0, -1.0])], Instant::now(), &mut scores).unwrap();
    assert_eq!(scores.outputs, [Tensor::Float32(vec![1.0, 0.0])]);
}

/// A model over the input `x` of these dimensions, with the output `y`.
fn onnx(nodes: Vec<pb::NodeProto>, dims: &[i64], constants: Vec<pb::TensorProto>) -> Vec<u8> {
    build::model(nodes, vec![float_input("x", dims)], vec![output("y")], constants).encode_to_vec()
}

fn outside(location: &str) -> Vec<u8> {
    let entry = |key: &str, value: &str| pb::StringStringEntryProto { key: key.to_owned(), value: value.to_owned() };
    let mut tensor = floats("w", &[2], &[]);
    tensor.data_location = Some(pb::tensor_proto::DataLocation::External as i32);
    tensor.external_data = vec![entry("location", location), entry("length", "8")];
    onnx(vec![node("Add", &["x", "w"], &["y"])], &[0, 2], vec![tensor])
}

/// Branches within branches.
fn nested(depth: usize) -> Vec<u8> {
    let branch = |body: pb::GraphProto| {
        let mut node = node("If", &["x"], &["y"]);
        let kind = pb::attribute_proto::AttributeType::Graph as i32;
        node.attribute =
            vec![pb::AttributeProto { name: "then_branch".to_owned(), g: Some(body), r#type: kind, ..Default::default() }];
        node
    };
    let body = (0..depth).fold(pb::GraphProto::default(), |body, _| pb::GraphProto {
        node: vec![branch(body)],
        output: vec![output("y")],
        ..Default::default()
    });
    onnx(vec![branch(body)], &[0, 2], Vec::new())
}

/// Graphs in attributes of nodes of graphs, as Protobuf's binary form alone allows.
fn deep_message(depth: usize) -> Vec<u8> {
    // Field 6 of an attribute is a graph, 5 of a node an attribute, 1 of a graph a node; the last is the outermost.
    (0..depth).fold(Vec::new(), |inner, at| wire::part([6, 5, 1][at % 3], inner))
}

fn frozen(nodes: &[Vec<u8>]) -> Vec<u8> {
    wire::graph(&[&[wire::input(&[-1, 4])], nodes].concat())
}

fn graphs_of_onnx() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let relu = || vec![node("Relu", &["x"], &["y"])];
    let good = onnx(relu(), &[0, 2], Vec::new());
    let add = |constant: pb::TensorProto| onnx(vec![node("Add", &["x", "w"], &["y"])], &[0, 4], vec![constant]);
    let computed = vec![
        node("Mul", &["s", "s"], &["shape"]),
        node("ConstantOfShape", &["shape"], &["big"]),
        node("Add", &["x", "big"], &["y"]),
    ];
    let mut untyped = floats("w", &[4], &[1.0; 4]);
    untyped.data_type = 99;
    vec![
        ("cut off", good[..good.len() - 9].to_vec(), "no ONNX model"),
        ("noise", vec![0xff; 4_096], "no ONNX model"),
        ("a cycle", onnx(vec![node("Add", &["x", "y"], &["a"]), node("Relu", &["a"], &["y"])], &[0, 4], Vec::new()), "cycle"),
        ("10^9 values a row", onnx(relu(), &[0, 1_000_000_000], Vec::new()), "at most"),
        ("more than a number holds", onnx(relu(), &[0, i64::MAX, i64::MAX], Vec::new()), "at most"),
        ("a negative dimension", onnx(relu(), &[0, -4], Vec::new()), "negative"),
        ("a computed constant of 10^10", onnx(computed, &[0, 4], vec![ints("s", &[100_000, 100_000])]), "at most"),
        ("a constant of 10^12", add(floats("w", &[1 << 40], &[])), "number of values"),
        ("a constant of negative size", add(floats("w", &[-4], &[])), "negative"),
        ("a type that is none", add(untyped), "not known"),
        ("types that do not fit", add(ints("w", &[1, 2, 3, 4])), "engine"),
        ("branches in branches", nested(17), "depth"),
        ("branches in branches, far", nested(60), "recursion"),
        ("messages in messages", wire::part(7, deep_message(5_001)), "recursion"),
        ("a way up", outside("../../../etc/passwd"), "`..`"),
        ("the root", outside("/etc/passwd"), "relative"),
        ("a way up in the middle", outside("a/../../weights.bin"), "`..`"),
    ]
}

fn graphs_of_tensorflow() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    use wire::{call, function, node};
    let cycle = [node("a", "Relu", &["b"], &[]), node("b", "Relu", &["a"], &[]), node("y", "AddV2", &["x", "a"], &[])];
    let itself = [frozen(&[call("y", "x", "f")]), function("f", &[call("n", "a", "f")], "n:output:0")].concat();
    let constant = |dims: &[i64]| frozen(&[wire::floats("c", dims), node("y", "AddV2", &["x", "c"], &[])]);
    let good = constant(&[4]);
    vec![
        ("cut off", good[..good.len() - 9].to_vec(), "GraphDef"),
        ("noise", vec![0xff; 4_096], "GraphDef"),
        ("a cycle", frozen(&cycle), "cycles"),
        ("a function in itself", itself, "functions within each other"),
        ("10^9 values a row", wire::graph(&[wire::input(&[-1, 1_000_000_000]), node("y", "Relu", &["x"], &[])]), "at most"),
        ("a negative dimension", wire::graph(&[wire::input(&[-1, -7]), node("y", "Relu", &["x"], &[])]), "a dimension is -7"),
        ("a constant of 10^12", constant(&[1_000_000, 1_000_000]), "has more than"),
        ("a constant of negative size", constant(&[-3]), "negative"),
        ("a type that is none", frozen(&[node("y", "Cast", &["x"], &[wire::attribute("DstT", wire::number(6, 99))])]), "type 99"),
    ]
}

fn archives() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let deep = "unknown { ".repeat(100_000);
    vec![
        ("a way up in a zip", zip("../saved_model.pb", b""), "must not leave its folder"),
        ("the root in a zip", zip("/etc/saved_model.pb", b""), "must not leave its folder"),
        ("a way up in a tar", tar("../saved_model.pb", b'0', b""), "must not leave its folder"),
        ("a link in a tar", tar("saved_model.pb", b'2', b""), "Symlink"),
        ("a zip that is cut off", zip("saved_model.pb", &[7; 100])[..60].to_vec(), "zip archive"),
        // Either bound is a reason: what an archive may unpack to, or what the child may take.
        ("a zip of 3 GB in 20 MB", bomb("saved_model.pb", 3_000), "memory"),
        ("text that is deep", tar("saved_model.pbtxt", b'0', deep.as_bytes()), "deep"),
    ]
}

#[test]
fn each_is_rejected_within_limits_and_the_host_goes_on() {
    the_host_is_alive();
    let kinds = [(Onnx, graphs_of_onnx()), (Tensorflow, graphs_of_tensorflow()), (Tensorflowsaved, archives())];
    let mut wrong = Vec::new();
    for (kind, cases) in kinds {
        for (name, data, says) in cases {
            let began = Instant::now();
            let reason = load(kind, &data).err().map(|rejected| rejected.to_string());
            match reason {
                None => wrong.push(format!("{name}: was loaded")),
                Some(reason) if !reason.contains(says) => wrong.push(format!("{name}: `{says}` is expected, it says: {reason}")),
                Some(_) => {}
            }
            if began.elapsed() > limits().compile {
                wrong.push(format!("{name}: took {:?}", began.elapsed()));
            }
        }
        the_host_is_alive();
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}
