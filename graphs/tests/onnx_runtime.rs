//! ONNX Runtime as a second engine. Its library is no part of this checkout: `cargo xtask onnxruntime` prints the path for
//! `SANDSTREAM_TEST_ONNXRUNTIME`; without it, what needs the library is skipped.
#![cfg(feature = "onnx")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod build;

use std::path::PathBuf;
use std::sync::Arc;

use build::{Nothing, float_input, floats, input, ints, model, node, output};
use prost::Message as _;
use sandstream_graphs::onnx::{self, Choice, Engines, Shapes, pb};
use sandstream_graphs::{Answer, Bounds, Feed, Graph, Refused};

/// The library, or a message that the test is skipped.
fn library() -> Option<PathBuf> {
    let library = std::env::var_os("SANDSTREAM_TEST_ONNXRUNTIME").filter(|_| cfg!(feature = "ort"));
    if library.is_none() {
        eprintln!("skipped: SANDSTREAM_TEST_ONNXRUNTIME is not set, or the feature `ort` is off");
    }
    library.map(PathBuf::from)
}

fn load(model: &pb::ModelProto, choice: Choice, onnxruntime: Option<PathBuf>) -> Result<Arc<dyn Graph>, Refused> {
    let engines = Engines { choice, onnxruntime };
    onnx::load_with(&model.encode_to_vec(), &Nothing, &Shapes::default(), &Bounds::default(), &engines)
}

fn run(graph: &dyn Graph, rows: usize, feeds: &[Feed<'_>]) -> Vec<Answer> {
    let mut answers = Vec::new();
    graph.runner().unwrap().run(rows, feeds, &mut answers).unwrap();
    answers
}

/// Two dense layers, and a score that is tiny for most rows.
fn network() -> pb::ModelProto {
    let weights: Vec<f32> = (0..32).map(|at| ((at * 7 % 11) as f32 - 5.0) / 4.0).collect();
    let nodes = vec![
        node("MatMul", &["x", "w"], &["a"]),
        node("Tanh", &["a"], &["b"]),
        node("MatMul", &["b", "v"], &["c"]),
        node("Sub", &["c", "far"], &["d"]),
        node("Sigmoid", &["d"], &["y"]),
    ];
    let constants = vec![floats("w", &[4, 8], &weights), floats("v", &[8, 4], &weights), floats("far", &[1], &[25.0])];
    model(nodes, vec![float_input("x", &[0, 4])], vec![output("y")], constants)
}

fn convolution(rows: i64) -> pb::ModelProto {
    let weights: Vec<f32> = (0..54).map(|at| ((at * 5 % 13) as f32 - 6.0) / 8.0).collect();
    let nodes = vec![node("Conv", &["x", "w"], &["a"]), node("Relu", &["a"], &["b"]), node("GlobalAveragePool", &["b"], &["y"])];
    model(nodes, vec![float_input("x", &[rows, 2, 6, 6])], vec![output("y")], vec![floats("w", &[3, 2, 3, 3], &weights)])
}

fn rows(count: usize) -> Vec<f32> {
    (0..count).map(|at| ((at * 37 % 101) as f32 - 50.0) / 25.0).collect()
}

fn same(one: &[Answer], other: &[Answer]) {
    let (Answer::F32(one), Answer::F32(other)) = (&one[0], &other[0]) else { panic!("floats are expected") };
    assert_eq!(one.len(), other.len());
    // Relative: a score of 1e-9 has to be one.
    let far = one.iter().zip(other).find(|(a, b)| (*a - *b).abs() > 2e-5 * b.abs().max(1e-12));
    assert!(far.is_none(), "{far:?}");
}

#[test]
fn both_engines_say_the_same() {
    let Some(library) = library() else { return };
    for (name, model, width) in [("network", network(), 4), ("convolution", convolution(0), 72), ("of one", convolution(1), 72)] {
        let tract = load(&model, Choice::Tract, Some(library.clone())).unwrap();
        let runtime = load(&model, Choice::OnnxRuntime, Some(library.clone())).unwrap();
        assert!(tract.engine().starts_with("tract "), "{name}: {}", tract.engine());
        assert!(runtime.engine().starts_with("onnxruntime "), "{name}: {}", runtime.engine());
        assert!(runtime.batched(), "{name}");
        assert_eq!((tract.inputs(), tract.outputs()), (runtime.inputs(), runtime.outputs()), "{name}");
        for count in [0, 1, 5, 300] {
            let x = rows(count * width);
            same(&run(tract.as_ref(), count, &[Feed::F32(&x)]), &run(runtime.as_ref(), count, &[Feed::F32(&x)]));
        }
    }
}

#[test]
fn auto_takes_what_is_several_times_as_fast() {
    let Some(library) = library() else { return };
    let engine = |model: &pb::ModelProto, library| load(model, Choice::Auto, library).unwrap().engine().to_owned();
    assert!(engine(&network(), Some(library.clone())).starts_with("tract "));
    assert!(engine(&convolution(0), Some(library)).starts_with("onnxruntime "));
    assert!(engine(&convolution(0), None).starts_with("tract "));
}

#[test]
fn every_element_type_goes_through_the_library() {
    use pb::tensor_proto::DataType;
    let Some(library) = library() else { return };
    let values = [1i64, 0, 1, 1];
    let integers = [
        DataType::Int8,
        DataType::Int16,
        DataType::Int32,
        DataType::Int64,
        DataType::Uint8,
        DataType::Uint16,
        DataType::Uint32,
        DataType::Uint64,
        DataType::Bool,
    ];
    let identity = |datum: DataType| {
        model(vec![node("Identity", &["x"], &["y"])], vec![input("x", &[0, 2], datum as i32)], vec![output("y")], Vec::new())
    };
    let through = |datum: DataType| load(&identity(datum), Choice::OnnxRuntime, Some(library.clone())).unwrap();
    for datum in integers {
        assert_eq!(run(through(datum).as_ref(), 2, &[Feed::I64(&values)]), [Answer::I64(values.to_vec())], "{datum:?}");
    }
    let halves = [0.5f32, -1.0, 2.0, 0.0];
    for datum in [DataType::Float, DataType::Float16] {
        assert_eq!(run(through(datum).as_ref(), 2, &[Feed::F32(&halves)]), [Answer::F32(halves.to_vec())], "{datum:?}");
    }
    let doubles = halves.map(f64::from);
    assert_eq!(run(through(DataType::Double).as_ref(), 2, &[Feed::F64(&doubles)]), [Answer::F64(doubles.to_vec())]);
    let raw: Vec<u8> = halves.iter().flat_map(|value| value.to_le_bytes()).collect();
    let feed = Feed::Strings { data: &raw, ends: &[8, 16] };
    assert_eq!(run(through(DataType::Float).as_ref(), 2, &[feed]), [Answer::F32(halves.to_vec())]);
}

#[test]
fn what_is_not_there_says_what_to_set() {
    let cases = [
        (Choice::OnnxRuntime, None, "`onnxruntime` in `[backends]`"),
        (
            Choice::OnnxRuntime,
            Some("/nowhere/libonnxruntime.so"),
            if cfg!(feature = "ort") { "/nowhere/libonnxruntime.so" } else { "feature `ort`" },
        ),
        (Choice::Auto, Some("/etc/passwd"), if cfg!(feature = "ort") { "/etc/passwd" } else { "feature `ort`" }),
    ];
    for (choice, path, expected) in cases {
        let Err(error) = load(&network(), choice, path.map(PathBuf::from)) else { panic!("{path:?} was accepted") };
        let message = error.to_string();
        // Without the variable it is asked for first; with another test's library open, another one is refused.
        let before = ["ORT_DISABLE_TELEMETRY=1", "one process uses one"].iter().any(|words| message.contains(words));
        assert!(
            matches!(error, Refused::Unavailable(_)) && (message.contains(expected) || before && path.is_some()),
            "{message}"
        );
    }
    assert!(load(&network(), Choice::Tract, Some(PathBuf::from("/nowhere"))).is_ok(), "tract needs no library");
    assert!("tracked".parse::<Choice>().unwrap_err().contains("auto, tract or onnxruntime"));
}

/// The library sees nothing that the allow-list did not let through, and no file.
#[test]
fn hostile_files_do_not_reach_the_library() {
    let Some(library) = library() else { return };
    let x = || vec![float_input("x", &[0, 4])];
    let outside = pb::TensorProto {
        name: "w".to_owned(),
        dims: vec![4],
        data_type: pb::tensor_proto::DataType::Float as i32,
        data_location: Some(pb::tensor_proto::DataLocation::External as i32),
        external_data: vec![pb::StringStringEntryProto { key: "location".to_owned(), value: "../../etc/passwd".to_owned() }],
        ..Default::default()
    };
    let cases = [
        (
            "a cycle",
            model(vec![node("Relu", &["z"], &["y"]), node("Relu", &["y"], &["z"])], x(), vec![output("y")], Vec::new()),
            "cycle",
        ),
        (
            "an operator",
            model(vec![node("RandomUniformLike", &["x"], &["y"])], x(), vec![output("y")], Vec::new()),
            "RandomUniformLike",
        ),
        ("a path", model(vec![node("Add", &["x", "w"], &["y"])], x(), vec![output("y")], vec![outside]), "passwd"),
        (
            "ten to the ten values",
            model(
                vec![node("Expand", &["x", "s"], &["a"]), node("ReduceMean", &["a"], &["y"])],
                x(),
                vec![output("y")],
                vec![ints("s", &[100_000, 100_000, 1, 4])],
            ),
            "values",
        ),
        ("shapes", model(vec![node("Add", &["x", "w"], &["y"])], x(), vec![output("y")], vec![floats("w", &[3], &[0.0; 3])]), ""),
    ];
    for (name, model, expected) in cases {
        let Err(error) = load(&model, Choice::OnnxRuntime, Some(library.clone())) else { panic!("{name} was accepted") };
        assert!(error.to_string().contains(expected), "{name}: {error}");
    }
}
