//! The model as the library gets it: what was read and checked, written anew. Initialisers from other files are inside by now, so that the
//! library opens no file; inputs have the shapes that were agreed on, and shapes that the file says of anything else are left to the
//! library to find out.

use std::collections::HashSet;

use prost::Message as _;
use tract_onnx::pb::tensor_shape_proto::{Dimension, dimension::Value as Size};
use tract_onnx::pb::type_proto::Value as Type;
use tract_onnx::pb::{GraphProto, ModelProto, NodeProto, TensorShapeProto, ValueInfoProto};

use crate::onnx::load::{Input, Wanted};

/// What the dimension of the rows is called.
const ROWS: &str = "sandstream_rows";

/// The bytes of a model with these inputs.
pub(super) fn bytes(model: &ModelProto, inputs: &[Input], wanted: Wanted) -> Vec<u8> {
    let mut model = model.clone();
    // Nodes of functions are refused before.
    (model.functions, model.training_info) = (Vec::new(), Vec::new());
    if let Some(graph) = model.graph.as_mut() {
        graph.input.retain(|info| inputs.iter().any(|input| input.name == info.name));
        for (info, input) in graph.input.iter_mut().zip(inputs) {
            shape(info, input, wanted);
        }
        forget_shapes(graph);
        exact_sigmoid(graph);
    }
    model.encode_to_vec()
}

fn shape(info: &mut ValueInfoProto, input: &Input, wanted: Wanted) {
    let first = if wanted == Wanted::Rows { Size::DimParam(ROWS.to_owned()) } else { Size::DimValue(1) };
    let rest = input.rest.iter().map(|size| Size::DimValue(i64::try_from(*size).unwrap_or(i64::MAX)));
    let dim = std::iter::once(first).chain(rest).map(|size| Dimension { denotation: String::new(), value: Some(size) });
    if let Some(Type::TensorType(tensor)) = info.r#type.as_mut().and_then(|kind| kind.value.as_mut()) {
        tensor.shape = Some(TensorShapeProto { dim: dim.collect() });
    }
}

/// They may say one row where there are several now.
fn forget_shapes(graph: &mut GraphProto) {
    graph.value_info.clear();
    for info in &mut graph.output {
        if let Some(Type::TensorType(tensor)) = info.r#type.as_mut().and_then(|kind| kind.value.as_mut()) {
            tensor.shape = None;
        }
    }
    for attribute in graph.node.iter_mut().flat_map(|node| &mut node.attribute) {
        attribute.g.iter_mut().chain(&mut attribute.graphs).for_each(forget_shapes);
    }
}

/// The library's sigmoid is zero from -20 on, where 2e-9 is right: no score for a rare event. sigmoid(x) = exp(-softplus(-x)) keeps its
/// relative accuracy. A sigmoid that does no more than scale something, as in SiLU, keeps the library's.
fn exact_sigmoid(graph: &mut GraphProto) {
    let seen = beyond_products(graph);
    let mut nodes = Vec::with_capacity(graph.node.len());
    for mut node in std::mem::take(&mut graph.node) {
        for attribute in &mut node.attribute {
            attribute.g.iter_mut().chain(&mut attribute.graphs).for_each(exact_sigmoid);
        }
        match (node.input.first(), node.output.first()) {
            (Some(input), Some(output)) if node.op_type == "Sigmoid" && node.domain.is_empty() && seen.contains(output) => {
                let name = |step: &str| format!("sandstream_{step}_{output}");
                let (negative, softplus, logarithm) = (name("negative"), name("softplus"), name("logarithm"));
                nodes.push(step("Neg", input, &negative));
                nodes.push(step("Softplus", &negative, &softplus));
                nodes.push(step("Neg", &softplus, &logarithm));
                nodes.push(step("Exp", &logarithm, output));
            }
            _ => nodes.push(node),
        }
    }
    graph.node = nodes;
}

fn step(operator: &str, input: &str, output: &str) -> NodeProto {
    NodeProto {
        op_type: operator.to_owned(),
        input: vec![input.to_owned()],
        output: vec![output.to_owned()],
        ..NodeProto::default()
    }
}

/// Names that are used for more than a product: by other nodes, within graphs of nodes, as outputs.
fn beyond_products(graph: &GraphProto) -> HashSet<String> {
    fn inner<'a>(graph: &'a GraphProto, all: bool, names: &mut HashSet<String>) {
        let used = |node: &&'a NodeProto| all || node.op_type != "Mul";
        names.extend(graph.node.iter().filter(used).flat_map(|node| node.input.iter().cloned()));
        names.extend(graph.output.iter().map(|output| output.name.clone()));
        for attribute in graph.node.iter().flat_map(|node| &node.attribute) {
            attribute.g.iter().chain(&attribute.graphs).for_each(|graph| inner(graph, true, names));
        }
    }
    let mut names = HashSet::new();
    inner(graph, false, &mut names);
    names
}
