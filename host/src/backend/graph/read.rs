//! From the bytes of a model to a graph.

use std::sync::Arc;

use sandstream_graphs::{Bounds, Files, Graph};

use super::options::Options;
use crate::backend::{Artifact, Payload};
use crate::types::proto::model_descriptor::ModelType;

/// The artifacts of a model are the files beside it.
struct Beside<'a>(&'a [Artifact]);

impl Files for Beside<'_> {
    fn read(&self, name: &str) -> Option<Arc<[u8]>> {
        self.0.iter().find(|artifact| artifact.name == name).map(|artifact| Arc::clone(&artifact.data))
    }
}

/// Reads and plans a graph of whatever kind.
pub(super) fn graph(what: &Payload) -> Result<Arc<dyn Graph>, String> {
    let (bounds, options) = (Bounds::default(), Options::of(&what.config)?);
    match what.kind {
        #[cfg(feature = "onnx")]
        ModelType::Onnx => {
            options.none("an ONNX model")?;
            let mut shapes = sandstream_graphs::onnx::Shapes::default();
            rows(what).for_each(|(name, row)| shapes.insert(name, row));
            sandstream_graphs::onnx::load(&what.data, &Beside(&what.artifacts), &shapes, &bounds)
                .map_err(|error| error.to_string())
        }
        #[cfg(feature = "tensorflow")]
        ModelType::Tensorflow => {
            options.none("a frozen graph")?;
            sandstream_graphs::tensorflow::frozen(&what.data, &tensorflow(what, options), &bounds)
                .map_err(|error| error.to_string())
        }
        #[cfg(feature = "tensorflow")]
        ModelType::Tensorflowsaved => {
            use sandstream_graphs::tensorflow::{Archive, saved_model};
            let archive = Archive::open(&what.data, &bounds).map_err(|error| error.to_string())?;
            saved_model(&archive, &tensorflow(what, options), &bounds).map_err(|error| error.to_string())
        }
        other => Err(format!("models of type {} are no graphs", other.as_str_name())),
    }
}

#[cfg(feature = "tensorflow")]
fn tensorflow(what: &Payload, options: Options) -> sandstream_graphs::tensorflow::Options {
    let default = sandstream_graphs::tensorflow::Options::default();
    sandstream_graphs::tensorflow::Options {
        tags: options.tags.unwrap_or(default.tags),
        signature: options.signature,
        shapes: rows(what).collect(),
    }
}

/// Dimensions of one row that the descriptor's signature gives to an input.
fn rows(what: &Payload) -> impl Iterator<Item = (String, Vec<usize>)> + '_ {
    let inputs = what.signature.iter().flat_map(|signature| &signature.inputs);
    inputs
        .filter(|input| !input.dims.is_empty())
        .map(|input| (input.name.clone(), input.dims.iter().map(|dim| *dim as usize).collect()))
}
