//! Small models, put together in memory.
#![allow(dead_code, reason = "each test file uses what it needs")]

use std::sync::Arc;

use sandstream_graphs::Files;
use sandstream_graphs::onnx::pb;

/// No files beside the model.
pub(crate) struct Nothing;

impl Files for Nothing {
    fn read(&self, _name: &str) -> Option<Arc<[u8]>> {
        None
    }
}

/// A model of operator set 18.
pub(crate) fn model(
    node: Vec<pb::NodeProto>,
    input: Vec<pb::ValueInfoProto>,
    output: Vec<pb::ValueInfoProto>,
    initializer: Vec<pb::TensorProto>,
) -> pb::ModelProto {
    let graph = pb::GraphProto { name: "g".to_owned(), node, input, output, initializer, ..Default::default() };
    let opset = pb::OperatorSetIdProto { domain: String::new(), version: 18 };
    pb::ModelProto { ir_version: 8, opset_import: vec![opset], graph: Some(graph), ..Default::default() }
}

/// A node without attributes, named after its output.
pub(crate) fn node(operator: &str, input: &[&str], output: &[&str]) -> pb::NodeProto {
    let texts = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let name = format!("n_{}", output.first().unwrap_or(&""));
    pb::NodeProto { op_type: operator.to_owned(), name, input: texts(input), output: texts(output), ..Default::default() }
}

/// An input of floats; zero is an open dimension.
pub(crate) fn float_input(name: &str, dims: &[i64]) -> pb::ValueInfoProto {
    input(name, dims, pb::tensor_proto::DataType::Float as i32)
}

/// An input; zero is an open dimension.
pub(crate) fn input(name: &str, dims: &[i64], elem_type: i32) -> pb::ValueInfoProto {
    use pb::tensor_shape_proto::{Dimension, dimension::Value};
    let value = |dim: &i64| if *dim == 0 { Value::DimParam("batch".to_owned()) } else { Value::DimValue(*dim) };
    let dim = dims.iter().map(|dim| Dimension { denotation: String::new(), value: Some(value(dim)) }).collect();
    let tensor = pb::type_proto::Tensor { elem_type, shape: Some(pb::TensorShapeProto { dim }) };
    let kind = pb::TypeProto { denotation: String::new(), value: Some(pb::type_proto::Value::TensorType(tensor)) };
    pb::ValueInfoProto { name: name.to_owned(), r#type: Some(kind), doc_string: String::new() }
}

/// An output of which nothing is said but the name.
pub(crate) fn output(name: &str) -> pb::ValueInfoProto {
    pb::ValueInfoProto { name: name.to_owned(), ..Default::default() }
}

/// A constant of floats.
pub(crate) fn floats(name: &str, dims: &[i64], values: &[f32]) -> pb::TensorProto {
    let data_type = pb::tensor_proto::DataType::Float as i32;
    pb::TensorProto { name: name.to_owned(), dims: dims.to_vec(), data_type, float_data: values.to_vec(), ..Default::default() }
}

/// A constant of integers.
pub(crate) fn ints(name: &str, values: &[i64]) -> pb::TensorProto {
    let data_type = pb::tensor_proto::DataType::Int64 as i32;
    let dims = vec![i64::try_from(values.len()).unwrap_or(0)];
    pb::TensorProto { name: name.to_owned(), dims, data_type, int64_data: values.to_vec(), ..Default::default() }
}
