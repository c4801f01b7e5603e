//! Rows, shapes, element types: how values get in and out.
#![cfg(feature = "onnx")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod build;

use std::sync::Arc;

use build::{Nothing, float_input, floats, input, ints, model, node, output};
use prost::Message as _;
use sandstream_graphs::onnx::{self, Shapes, pb};
use sandstream_graphs::{Answer, Bounds, Dim, Element, Feed, Files, Graph, RunError};

fn load(model: &pb::ModelProto) -> Arc<dyn Graph> {
    onnx::load(&model.encode_to_vec(), &Nothing, &Shapes::default(), &Bounds::default()).unwrap_or_else(|error| panic!("{error}"))
}

fn run(graph: &dyn Graph, rows: usize, feeds: &[Feed<'_>]) -> Result<Vec<Answer>, RunError> {
    let mut answers = Vec::new();
    graph.runner()?.run(rows, feeds, &mut answers)?;
    Ok(answers)
}

fn one(operator: &str, inputs: &[&str], dims: &[i64], constants: Vec<pb::TensorProto>) -> pb::ModelProto {
    model(vec![node(operator, inputs, &["y"])], vec![float_input("x", dims)], vec![output("y")], constants)
}

fn with_axis(mut model: pb::ModelProto, name: &str, value: i64) -> pb::ModelProto {
    let kind = pb::attribute_proto::AttributeType::Int as i32;
    let attribute = pb::AttributeProto { name: name.to_owned(), i: value, r#type: kind, ..Default::default() };
    model.graph.as_mut().unwrap().node[0].attribute = vec![attribute];
    model
}

#[test]
fn a_batch_of_one_becomes_any_number_where_that_is_sound() {
    let values: Vec<f32> = (0..12u8).map(f32::from).collect();
    let add = load(&one("Add", &["x", "w"], &[1, 4], vec![floats("w", &[4], &[1.0; 4])]));
    assert!(add.batched());
    assert_eq!(run(add.as_ref(), 3, &[Feed::F32(&values)]).unwrap(), [Answer::F32(values.iter().map(|x| x + 1.0).collect())]);
    // A softmax over the rows, and a shape that is written out: the first would mix rows, the second has room for one.
    let mixed = load(&with_axis(one("Softmax", &["x"], &[1, 4], Vec::new()), "axis", 0));
    let written = load(&one("Reshape", &["x", "s"], &[1, 4], vec![ints("s", &[1, 2, 2])]));
    assert!(!mixed.batched() && !written.batched());
    assert_eq!(run(mixed.as_ref(), 3, &[Feed::F32(&values)]).unwrap(), [Answer::F32(vec![1.0; 12])]);
    assert_eq!(run(written.as_ref(), 3, &[Feed::F32(&values)]).unwrap(), [Answer::F32(values.clone())]);
    assert_eq!(written.outputs()[0].dims, [Dim::Rows, Dim::Fixed(2), Dim::Fixed(2)]);
    assert_eq!(run(written.as_ref(), 0, &[Feed::F32(&[])]).unwrap(), [Answer::F32(Vec::new())]);
}

#[test]
fn open_dimensions_are_given_by_the_signature() {
    let bytes = one("Relu", &["x"], &[0, 0, 0], Vec::new()).encode_to_vec();
    let mut shapes = Shapes::default();
    shapes.insert("x", vec![2, 3]);
    let graph = onnx::load(&bytes, &Nothing, &shapes, &Bounds::default()).unwrap();
    assert_eq!(graph.inputs()[0].width(), Some(6));
    for (name, shape) in [("x", vec![2]), ("z", vec![2, 3])] {
        let mut wrong = Shapes::default();
        wrong.insert(name, shape);
        let Err(error) = onnx::load(&bytes, &Nothing, &wrong, &Bounds::default()) else { panic!("accepted") };
        assert!(error.to_string().contains(name), "{error}");
    }
}

#[test]
fn every_element_type_goes_in_and_comes_out() {
    use pb::tensor_proto::DataType;
    let values = [1i64, 0, 1, 1];
    let whole = Answer::I64(values.to_vec());
    let raw = |size: usize| values.iter().flat_map(|value| value.to_le_bytes().into_iter().take(size)).collect::<Vec<u8>>();
    let cases = [
        (DataType::Int8, Element::I8, 1),
        (DataType::Int16, Element::I16, 2),
        (DataType::Int32, Element::I32, 4),
        (DataType::Int64, Element::I64, 8),
        (DataType::Uint8, Element::U8, 1),
        (DataType::Uint16, Element::U16, 2),
        (DataType::Uint32, Element::U32, 4),
        (DataType::Uint64, Element::U64, 8),
        (DataType::Bool, Element::Bool, 1),
    ];
    for (datum, element, size) in cases {
        let graph = load(&model(
            vec![node("Identity", &["x"], &["y"])],
            vec![input("x", &[0, 2], datum as i32)],
            vec![output("y")],
            Vec::new(),
        ));
        assert_eq!((graph.inputs()[0].element, graph.outputs()[0].element), (element, element));
        assert_eq!(run(graph.as_ref(), 2, &[Feed::I64(&values)]).unwrap(), std::slice::from_ref(&whole), "{element}");
        let raw = raw(size);
        let row = u32::try_from(2 * size).unwrap();
        let rows = Feed::Strings { data: &raw, ends: &[row, 2 * row] };
        assert_eq!(run(graph.as_ref(), 2, &[rows]).unwrap(), std::slice::from_ref(&whole), "{element} as bytes");
        if element != Element::I64 {
            let range = [i64::MIN, 0];
            assert!(matches!(run(graph.as_ref(), 1, &[Feed::I64(&range)]), Err(RunError::Feed { .. })), "{element}");
        }
    }
    let half = load(&model(
        vec![node("Identity", &["x"], &["y"])],
        vec![input("x", &[0, 2], DataType::Float16 as i32)],
        vec![output("y")],
        Vec::new(),
    ));
    assert_eq!(run(half.as_ref(), 1, &[Feed::F32(&[0.5, -2.0])]).unwrap(), [Answer::F32(vec![0.5, -2.0])]);
}

#[test]
fn a_feed_that_does_not_fit_is_an_error_and_the_runner_goes_on() {
    let graph = load(&one("Relu", &["x"], &[0, 2], Vec::new()));
    let mut runner = graph.runner().unwrap();
    let mut answers = Vec::new();
    let bytes = [0u8; 7];
    let wrong = [
        Feed::F32(&[1.0]),
        Feed::F64(&[1.0, 2.0]),
        Feed::I64(&[1, 2]),
        Feed::Strings { data: &bytes, ends: &[7] },
        Feed::Strings { data: &bytes, ends: &[8] },
        Feed::Strings { data: &bytes, ends: &[] },
    ];
    for feed in wrong {
        assert!(matches!(runner.run(1, &[feed], &mut answers), Err(RunError::Feed { .. })), "{feed:?}");
    }
    assert!(matches!(runner.run(1, &[], &mut answers), Err(RunError::Failed(_))));
    runner.run(1, &[Feed::F32(&[-1.0, 1.0])], &mut answers).unwrap();
    assert_eq!(answers, [Answer::F32(vec![0.0, 1.0])]);
}

#[test]
fn initialisers_lie_in_files_of_their_own() {
    struct Weights;
    impl Files for Weights {
        fn read(&self, name: &str) -> Option<Arc<[u8]>> {
            let values = [9.0f32, 1.0, 2.0, 9.0];
            (name == "data/w.bin").then(|| values.iter().flat_map(|value| value.to_le_bytes()).collect())
        }
    }
    let entry = |key: &str, value: &str| pb::StringStringEntryProto { key: key.to_owned(), value: value.to_owned() };
    let mut weights = floats("w", &[2], &[]);
    weights.data_location = Some(pb::tensor_proto::DataLocation::External as i32);
    weights.external_data = vec![entry("location", "data/w.bin"), entry("offset", "4"), entry("length", "8")];
    let bytes = one("Add", &["x", "w"], &[0, 2], vec![weights]).encode_to_vec();
    let graph = onnx::load(&bytes, &Weights, &Shapes::default(), &Bounds::default()).unwrap();
    assert_eq!(run(graph.as_ref(), 1, &[Feed::F32(&[0.0, 0.0])]).unwrap(), [Answer::F32(vec![1.0, 2.0])]);
}

/// tract's own LSTM keeps its state from run to run, and needs a fixed batch; a row must not depend on those before it.
#[test]
fn a_recurrent_network_begins_anew_with_every_run_and_row() {
    let weights = |name: &str, dims: &[i64]| {
        let count = usize::try_from(dims.iter().product::<i64>()).unwrap();
        floats(name, dims, &(0..count).map(|at| (at % 5) as f32 * 0.3 - 0.5).collect::<Vec<_>>())
    };
    let mut lstm = node("LSTM", &["t", "w", "r"], &["", "h"]);
    let kind = pb::attribute_proto::AttributeType::Int as i32;
    lstm.attribute = vec![pb::AttributeProto { name: "hidden_size".to_owned(), i: 2, r#type: kind, ..Default::default() }];
    let mut turn = node("Transpose", &["x"], &["t"]);
    let kind = pb::attribute_proto::AttributeType::Ints as i32;
    turn.attribute =
        vec![pb::AttributeProto { name: "perm".to_owned(), ints: vec![1, 0, 2], r#type: kind, ..Default::default() }];
    let squeeze = node("Squeeze", &["h", "axes"], &["y"]);
    let constants = vec![weights("w", &[1, 8, 3]), weights("r", &[1, 8, 2]), ints("axes", &[0])];
    let graph = load(&model(vec![turn, lstm, squeeze], vec![float_input("x", &[0, 4, 3])], vec![output("y")], constants));
    assert!(graph.batched());
    let values: Vec<f32> = (0..24u8).map(|x| f32::from(x % 7) / 7.0).collect();
    let mut runner = graph.runner().unwrap();
    let (mut both, mut first, mut second) = (Vec::new(), Vec::new(), Vec::new());
    runner.run(2, &[Feed::F32(&values)], &mut both).unwrap();
    runner.run(1, &[Feed::F32(&values[..12])], &mut first).unwrap();
    runner.run(1, &[Feed::F32(&values[12..])], &mut second).unwrap();
    let (Answer::F32(both), Answer::F32(first), Answer::F32(second)) = (&both[0], &first[0], &second[0]) else {
        panic!("floats")
    };
    let singly: Vec<f32> = first.iter().chain(second).copied().collect();
    assert!(both.iter().zip(&singly).all(|(a, b)| (a - b).abs() < 1e-6), "{both:?} {singly:?}");
}

/// tract keeps int64 as dimensions in places, and makes them by way of 32 bits.
#[test]
fn integers_of_64_bits_stay_what_they_are() {
    use pb::tensor_proto::DataType;
    let cast = |from: DataType| {
        let mut cast = node("Cast", &["x"], &["y"]);
        let kind = pb::attribute_proto::AttributeType::Int as i32;
        cast.attribute =
            vec![pb::AttributeProto { name: "to".to_owned(), i: DataType::Int64 as i64, r#type: kind, ..Default::default() }];
        load(&model(vec![cast], vec![input("x", &[0, 2], from as i32)], vec![output("y")], Vec::new()))
    };
    let large = [1i64 << 40, -(1 << 33)];
    let whole = Answer::I64(large.to_vec());
    assert_eq!(run(cast(DataType::Int64).as_ref(), 1, &[Feed::I64(&large)]).unwrap(), std::slice::from_ref(&whole));
    assert_eq!(
        run(cast(DataType::Double).as_ref(), 1, &[Feed::F64(&large.map(|x| x as f64))]).unwrap(),
        std::slice::from_ref(&whole)
    );
    assert_eq!(run(cast(DataType::Float).as_ref(), 1, &[Feed::F32(&large.map(|x| x as f32))]).unwrap(), [whole]);
    let ends = vec![ints("starts", &[1]), ints("ends", &[i64::MAX]), ints("axes", &[1])];
    let slice = load(&one("Slice", &["x", "starts", "ends", "axes"], &[0, 4], ends));
    assert_eq!(run(slice.as_ref(), 1, &[Feed::F32(&[1.0, 2.0, 3.0, 4.0])]).unwrap(), [Answer::F32(vec![2.0, 3.0, 4.0])]);
}
