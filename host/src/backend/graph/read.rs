//! From the bytes of a model to a graph.

use std::sync::Arc;

use sandstream_graphs::{Bounds, Files, Graph};

use super::options::Options;
#[cfg(feature = "onnx")]
use crate::backend::Engine;
use crate::backend::{Artifact, Engines, Payload};
use crate::types::proto::model_descriptor::ModelType;

/// The artifacts of a model are the files beside it.
struct Beside<'a>(&'a [Artifact]);

impl Files for Beside<'_> {
    fn read(&self, name: &str) -> Option<Arc<[u8]>> {
        self.0.iter().find(|artifact| artifact.name == name).map(|artifact| Arc::clone(&artifact.data))
    }
}

/// Reads and plans a graph of whatever kind.
pub(super) fn graph(what: &Payload, engines: &Engines) -> Result<Arc<dyn Graph>, String> {
    let (bounds, options) = (Bounds::default(), Options::of(&what.config)?);
    match what.kind {
        #[cfg(feature = "onnx")]
        ModelType::Onnx => {
            options.untagged("an ONNX model")?;
            let engine = options.engine()?.unwrap_or(engines.onnx);
            let mut shapes = sandstream_graphs::onnx::Shapes::default();
            rows(what).for_each(|(name, row)| shapes.insert(name, row));
            let engines = onnx_engines(engine, engines);
            sandstream_graphs::onnx::load_with(&what.data, &Beside(&what.artifacts), &shapes, &bounds, &engines)
                .map_err(|error| error.to_string())
        }
        #[cfg(feature = "tensorflow")]
        ModelType::Tensorflow => {
            options.untagged("a frozen graph")?;
            options.tract("a frozen graph")?;
            sandstream_graphs::tensorflow::frozen(&what.data, &tensorflow(what, options), &bounds)
                .map_err(|error| error.to_string())
        }
        #[cfg(feature = "tensorflow")]
        ModelType::Tensorflowsaved => {
            use sandstream_graphs::tensorflow::{Archive, saved_model};
            options.tract("a SavedModel")?;
            let archive = Archive::open(&what.data, &bounds).map_err(|error| error.to_string())?;
            saved_model(&archive, &tensorflow(what, options), &bounds).map_err(|error| error.to_string())
        }
        other => Err(format!("models of type {} are no graphs", other.as_str_name())),
    }
}

/// What the crate is told of the engines.
#[cfg(feature = "onnx")]
pub(super) fn onnx_engines(engine: Engine, engines: &Engines) -> sandstream_graphs::onnx::Engines {
    use sandstream_graphs::onnx::Choice;
    let choice = match engine {
        Engine::Auto => Choice::Auto,
        Engine::Tract => Choice::Tract,
        Engine::OnnxRuntime => Choice::OnnxRuntime,
    };
    sandstream_graphs::onnx::Engines { choice, onnxruntime: engines.onnxruntime.clone() }
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
