//! ONNX models that get past the decoder: up to four nodes of the allow-list over one input, constants and each other.
#![no_main]

use prost::Message as _;
use sandstream_graphs::onnx::{self, Shapes, pb};
use sandstream_graphs_fuzz::{Choices, OneFile, bounds, run, watch_panics};

libfuzzer_sys::fuzz_target!(init: watch_panics(), |bytes: &[u8]| {
    let mut choices = Choices::new(bytes);
    let rows = choices.byte() % 4 != 0;
    let bytes = model(&mut choices).encode_to_vec();
    if rows {
        run(onnx::load(&bytes, &OneFile, &Shapes::default(), &bounds()));
    } else {
        run(onnx::load_fixed(&bytes, &OneFile, &bounds()));
    }
});

const TYPES: &[i32] = &[1, 1, 7, 6, 9, 11, 10, 3, 2, 13, 8];

const TEXTS: &[&str] = &[
    "SAME_UPPER",
    "SAME_LOWER",
    "VALID",
    "NOTSET",
    "constant",
    "reflect",
    "edge",
    "wrap",
    "linear",
    "nearest",
    "cubic",
    "bilinear",
    "sum",
    "mean",
    "none",
    "add",
    "mul",
    "max",
    "min",
    "DCR",
    "CRD",
    "LEFT",
    "RIGHT",
    "tanh",
    "forward",
    "reverse",
    "bidirectional",
    "ij,jk->ik",
    "bij,bjk",
    "ii->i",
    "...i,...i->...",
    "half_pixel",
    "asymmetric",
    "align_corners",
    "floor",
    "ceil",
];

fn model(choices: &mut Choices<'_>) -> pb::ModelProto {
    let mut dims = vec![i64::from(choices.byte() % 3)];
    dims.extend((0..choices.byte() % 4).map(|_| choices.number()));
    let kind = TYPES[choices.below(TYPES.len())];
    let input = vec![port("x", &dims, kind)];
    let initializer: Vec<_> = (0..choices.byte() % 5).map(|at| tensor(&format!("c{at}"), choices)).collect();
    let mut names: Vec<String> = vec![String::new(), "x".to_owned()];
    names.extend(initializer.iter().map(|tensor| tensor.name.clone()));
    let node: Vec<_> = (0..=choices.byte() % 4).map(|at| node(at, &mut names, choices)).collect();
    let output = vec![pb::ValueInfoProto { name: names.last().cloned().unwrap_or_default(), ..Default::default() }];
    let graph = pb::GraphProto { name: "g".to_owned(), node, input, output, initializer, ..Default::default() };
    let version = [18, 13, 21, 24, 11, 9, 7][choices.below(7)];
    let opset_import = vec![
        pb::OperatorSetIdProto { domain: String::new(), version },
        pb::OperatorSetIdProto { domain: "ai.onnx.ml".to_owned(), version: 3 },
    ];
    pb::ModelProto { ir_version: 8, opset_import, graph: Some(graph), ..Default::default() }
}

fn node(at: u8, names: &mut Vec<String>, choices: &mut Choices<'_>) -> pb::NodeProto {
    let operators = onnx::operators();
    let operator = operators[choices.below(operators.len())];
    let input = (0..choices.byte() % 6).map(|_| names[choices.below(names.len())].clone()).collect();
    let output: Vec<String> = (0..=choices.byte() % 3).map(|slot| format!("n{at}_{slot}")).collect();
    names.extend(output.iter().cloned());
    let asked = usize::from(choices.byte());
    let attributes = operator.attributes().enumerate().filter(|(place, _)| asked >> (place % 8) & 1 == 1);
    let attribute = attributes.map(|(_, name)| attribute(name, choices)).collect();
    let (op_type, domain) = (operator.name.to_owned(), operator.domain.to_owned());
    pb::NodeProto { op_type, domain, name: format!("n{at}"), input, output, attribute, ..Default::default() }
}

fn attribute(name: &str, choices: &mut Choices<'_>) -> pb::AttributeProto {
    use pb::attribute_proto::AttributeType;
    let mut made = pb::AttributeProto { name: name.to_owned(), ..Default::default() };
    let text = |choices: &mut Choices<'_>| choices.one(TEXTS).unwrap_or_default().as_bytes().to_vec();
    let kind = match choices.byte() % 8 {
        0 | 1 => (made.i = choices.number(), AttributeType::Int).1,
        2 | 3 => (made.ints = choices.numbers(), AttributeType::Ints).1,
        4 => (made.f = choices.float(), AttributeType::Float).1,
        5 => (made.s = text(choices), AttributeType::String).1,
        6 => (made.t = Some(tensor("", choices)), AttributeType::Tensor).1,
        _ if choices.byte() % 2 == 0 => (made.strings = vec![text(choices), text(choices)], AttributeType::Strings).1,
        _ => (made.floats = vec![choices.float(), choices.float()], AttributeType::Floats).1,
    };
    made.r#type = kind as i32;
    made
}

/// A constant: integers as axes and shapes are, or numbers of any type.
fn tensor(name: &str, choices: &mut Choices<'_>) -> pb::TensorProto {
    if choices.byte() % 2 == 0 {
        let int64_data = choices.numbers();
        let dims = if choices.byte() % 4 == 0 { Vec::new() } else { vec![int64_data.len() as i64] };
        return pb::TensorProto { name: name.to_owned(), dims, data_type: 7, int64_data, ..Default::default() };
    }
    let dims: Vec<i64> = (0..choices.byte() % 4).map(|_| i64::from(choices.byte() % 5)).collect();
    let data_type = TYPES[choices.below(TYPES.len())];
    let size = match data_type {
        2 | 3 | 9 => 1,
        10 => 2,
        7 | 11 | 13 => 8,
        _ => 4,
    };
    let count = usize::try_from(dims.iter().product::<i64>()).unwrap_or(0);
    if data_type == 8 {
        let string_data = vec![b"word".to_vec(); count];
        return pb::TensorProto { name: name.to_owned(), dims, data_type, string_data, ..Default::default() };
    }
    let raw_data = match data_type {
        1 => (0..count).flat_map(|_| choices.float().to_le_bytes()).collect(),
        9 => (0..count).map(|_| choices.byte() & 1).collect(),
        _ => (0..count).flat_map(|_| choices.number().to_le_bytes().into_iter().take(size).collect::<Vec<_>>()).collect(),
    };
    pb::TensorProto { name: name.to_owned(), dims, data_type, raw_data, ..Default::default() }
}

/// An input; zero is open.
fn port(name: &str, dims: &[i64], elem_type: i32) -> pb::ValueInfoProto {
    use pb::tensor_shape_proto::{Dimension, dimension::Value};
    let value = |dim: &i64| if *dim == 0 { Value::DimParam("batch".to_owned()) } else { Value::DimValue(*dim) };
    let dim = dims.iter().map(|dim| Dimension { denotation: String::new(), value: Some(value(dim)) }).collect();
    let tensor = pb::type_proto::Tensor { elem_type, shape: Some(pb::TensorShapeProto { dim }) };
    let kind = pb::TypeProto { denotation: String::new(), value: Some(pb::type_proto::Value::TensorType(tensor)) };
    pb::ValueInfoProto { name: name.to_owned(), r#type: Some(kind), doc_string: String::new() }
}
