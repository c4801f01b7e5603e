//! An ONNX model as large as one likes that scores a row in microseconds: a table that each row takes one line of, as a network with
//! embeddings does, beside a linear part.

use std::path::{Path, PathBuf};

use anyhow::Result;
use prost::Message as _;
use sandstream::types::proto::Grants;
use sandstream::types::proto::model_descriptor::{ModelType, Payload};
use sandstream::types::{Digest, Dtype, Input, ModelId, Signature};
use sandstream_graphs::onnx::pb;
use sandstream_models::wine;

use super::world::World;

/// Values of a line of the table.
const WIDTH: usize = 64;
/// Features of a wine; the last, alcohol, says which line it takes.
const FEATURES: i64 = 11;

/// A graph's file, which lies where a host finds it.
pub(crate) struct GraphFile {
    path: PathBuf,
    digest: Digest,
}

impl GraphFile {
    /// Writes a model with a table of so many MB.
    pub(crate) fn write(folder: &Path, megabytes: u32) -> Result<Self> {
        let (path, bytes) = (folder.join("graph.onnx"), model(megabytes as usize * 1_000_000 / (4 * WIDTH)).encode_to_vec());
        std::fs::write(&path, &bytes)?;
        Ok(Self { path, digest: Digest::of(&bytes) })
    }

    /// Announces it by its location. Each version has a grant of its own, so that none is found loaded; the revision.
    pub(crate) fn publish(&self, world: &World, id: &ModelId, number: u32) -> Result<u64> {
        world.publish(id, Vec::new(), |descriptor| {
            descriptor.model_type = ModelType::Onnx as i32;
            descriptor.payload = Some(Payload::Location(self.path.display().to_string()));
            descriptor.sha256 = Some(self.digest.0.to_vec());
            descriptor.signature = Some((&signature()).into());
            descriptor.grants = Some(Grants { call_base_us: Some(500_000 + u64::from(number)), ..Grants::default() });
        })
    }
}

/// The trials' records have an id, too, so the input has to name its fields.
fn signature() -> Signature {
    let fields = wine::FEATURES.map(str::to_owned).to_vec();
    Signature {
        inputs: vec![Input { name: "x".to_owned(), dtype: Dtype::Float32, fields, dims: Vec::new() }],
        outputs: Vec::new(),
    }
}

fn model(lines: usize) -> pb::ModelProto {
    let values =
        |count: usize| (0..count as u32).flat_map(|i| ((i.wrapping_mul(2_654_435_761) >> 8) as f32 / 1e10).to_le_bytes());
    let scale = (lines as f32 / 20.0).to_le_bytes().to_vec();
    let number_of = |value: i64| value.to_le_bytes().to_vec();
    let initializer = vec![
        float("table", &[lines as i64, WIDTH as i64], values(lines * WIDTH).collect()),
        float("weights", &[FEATURES, 1], values(FEATURES as usize).collect()),
        float("scale", &[1], scale),
        integer("last", &[1], number_of(FEATURES - 1)),
        integer("axis", &[1], number_of(2)),
        integer("zero", &[1], number_of(0)),
    ];
    let cast = pb::AttributeProto {
        name: "to".to_owned(),
        r#type: pb::attribute_proto::AttributeType::Int as i32,
        i: pb::tensor_proto::DataType::Int64 as i64,
        ..pb::AttributeProto::default()
    };
    let keep = pb::AttributeProto {
        name: "keepdims".to_owned(),
        r#type: pb::attribute_proto::AttributeType::Int as i32,
        ..pb::AttributeProto::default()
    };
    let axis = pb::AttributeProto { name: "axis".to_owned(), i: 1, ..cast.clone() };
    let node = vec![
        operator("Gather", &["x", "last"], "alcohol", vec![axis]),
        operator("Mul", &["alcohol", "scale"], "scaled", Vec::new()),
        operator("Cast", &["scaled"], "line", vec![cast]),
        operator("Gather", &["table", "line"], "lines", Vec::new()),
        operator("ReduceSum", &["lines", "axis"], "sum", vec![keep]),
        operator("MatMul", &["x", "weights"], "linear", Vec::new()),
        operator("Add", &["sum", "linear"], "y", Vec::new()),
    ];
    let graph = pb::GraphProto {
        node,
        name: "table".to_owned(),
        initializer,
        input: vec![port("x", FEATURES)],
        output: vec![port("y", 1)],
        ..pb::GraphProto::default()
    };
    pb::ModelProto {
        ir_version: 8,
        opset_import: vec![pb::OperatorSetIdProto { domain: String::new(), version: 17 }],
        graph: Some(graph),
        ..pb::ModelProto::default()
    }
}

fn operator(kind: &str, takes: &[&str], gives: &str, attribute: Vec<pb::AttributeProto>) -> pb::NodeProto {
    pb::NodeProto {
        input: takes.iter().map(|name| (*name).to_owned()).collect(),
        output: vec![gives.to_owned()],
        name: format!("{kind} {gives}"),
        op_type: kind.to_owned(),
        attribute,
        ..pb::NodeProto::default()
    }
}

fn float(name: &str, dims: &[i64], raw_data: Vec<u8>) -> pb::TensorProto {
    tensor(name, dims, pb::tensor_proto::DataType::Float, raw_data)
}

fn integer(name: &str, dims: &[i64], raw_data: Vec<u8>) -> pb::TensorProto {
    tensor(name, dims, pb::tensor_proto::DataType::Int64, raw_data)
}

fn tensor(name: &str, dims: &[i64], kind: pb::tensor_proto::DataType, raw_data: Vec<u8>) -> pb::TensorProto {
    pb::TensorProto { name: name.to_owned(), dims: dims.to_vec(), data_type: kind as i32, raw_data, ..pb::TensorProto::default() }
}

fn port(name: &str, width: i64) -> pb::ValueInfoProto {
    use pb::tensor_shape_proto::{Dimension, dimension::Value};
    let dim = |value| Dimension { denotation: String::new(), value: Some(value) };
    let shape = pb::TensorShapeProto { dim: vec![dim(Value::DimParam("rows".to_owned())), dim(Value::DimValue(width))] };
    let tensor = pb::type_proto::Tensor { elem_type: pb::tensor_proto::DataType::Float as i32, shape: Some(shape) };
    let kind = pb::TypeProto { denotation: String::new(), value: Some(pb::type_proto::Value::TensorType(tensor)) };
    pb::ValueInfoProto { name: name.to_owned(), r#type: Some(kind), doc_string: String::new() }
}
