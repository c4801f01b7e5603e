//! From bytes to a model that is not larger than allowed.

use prost::Message as _;
use tract_onnx::pb::{GraphProto, ModelProto};

use super::{external, tensor, walk};
use crate::{Bounds, Files, Refused};

/// Room for everything but weights: names, shapes, documentation.
const REST_BYTES: u64 = 64 << 20;

/// Reads a model, brings initialisers in from their files, and puts all tensors into one form, checked.
///
/// # Errors
/// It is no ONNX model, not whole, or larger than the bounds allow.
pub(super) fn decode(bytes: &[u8], files: &dyn Files, bounds: &Bounds) -> Result<ModelProto, Refused> {
    let max = bounds.weights.saturating_add(REST_BYTES);
    let got = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    if got > max {
        return Err(Refused::TooLarge { what: "bytes of the ONNX model".to_owned(), got, max });
    }
    // prost stops at a hundred messages within each other.
    let mut model = ModelProto::decode(bytes).map_err(|error| malformed(format!("it is no ONNX model: {error}")))?;
    let Some(graph) = model.graph.as_mut() else {
        return Err(malformed("it has no graph; an ONNX model (ModelProto) is expected".to_owned()));
    };
    walk::size(graph, bounds)?;
    let mut weights = tensor::Weights::new(bounds);
    let mut files = external::Open::new(files);
    tensors(graph, &mut files, &mut weights)?;
    Ok(model)
}

fn malformed(reason: String) -> Refused {
    Refused::Malformed { what: "the model".to_owned(), reason }
}

/// All tensors of a graph and of those within it. The depth was checked before.
fn tensors(graph: &mut GraphProto, files: &mut external::Open<'_>, weights: &mut tensor::Weights<'_>) -> Result<(), Refused> {
    if let Some(sparse) = graph.sparse_initializer.first() {
        let name = sparse.values.as_ref().map(|values| values.name.clone()).unwrap_or_default();
        return Err(Refused::Malformed {
            what: format!("initialiser `{name}`"),
            reason: "sparse tensors are not supported, export it dense".to_owned(),
        });
    }
    for tensor in &mut graph.initializer {
        let what = format!("initialiser `{}`", tensor.name);
        files.fill(tensor, &what)?;
        weights.normalise(tensor, &what)?;
    }
    for node in &mut graph.node {
        let name = walk::name(node).to_owned();
        for attribute in &mut node.attribute {
            let what = format!("attribute `{}` of node `{name}`", attribute.name);
            if attribute.sparse_tensor.is_some() || !attribute.sparse_tensors.is_empty() {
                return Err(Refused::Malformed { what, reason: "sparse tensors are not supported, export it dense".to_owned() });
            }
            for tensor in attribute.t.iter_mut().chain(&mut attribute.tensors) {
                files.fill(tensor, &what)?;
                weights.normalise(tensor, &what)?;
            }
            for graph in attribute.g.iter_mut().chain(&mut attribute.graphs) {
                tensors(graph, files, weights)?;
            }
        }
    }
    Ok(())
}
