//! TensorFlow models: frozen graphs and SavedModels.
//!
//! A graph is not handed to a library whole. It is walked from the outputs that are asked for, functions and loops are followed where
//! they lead, and each operator on the way is wired by its entry in `translate/operator`: that list *is* the allow-list, and what is
//! not in it is refused by operator and node. tract then gets a model of its own operators, and nothing else.

mod bundle;
mod dtype;
mod folder;
mod saved_model;
mod tensor;
mod translate;

use std::collections::BTreeMap;
use std::sync::Arc;

use prost::Message as _;

use crate::{Bounds, Graph, Refused, run};
pub use folder::{Archive, Directory, Folder};

/// Messages of `proto/tensorflow.proto`.
#[allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic, reason = "generated")]
mod proto {
    include!(concat!(env!("OUT_DIR"), "/sandstream.tensorflow.rs"));
}

/// Which part of a model is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Tags of the MetaGraph of a SavedModel; it has to have all of them and no other.
    pub tags: Vec<String>,
    /// Name of the SignatureDef of a SavedModel; `None` is `serving_default`, or the only one where there is no other.
    pub signature: Option<String>,
    /// Dimensions of one row, by the name of an input: for inputs whose dimensions the model leaves open.
    pub shapes: BTreeMap<String, Vec<usize>>,
}

impl Default for Options {
    fn default() -> Self {
        Self { tags: vec!["serve".to_owned()], signature: None, shapes: BTreeMap::new() }
    }
}

/// Loads a frozen graph: its inputs are its placeholders, its outputs the nodes that no other uses, both in the order of the graph.
///
/// # Errors
/// The bytes are no GraphDef, an operator is not on the list, or the bounds are exceeded.
pub fn frozen(bytes: &[u8], options: &Options, bounds: &Bounds) -> Result<Arc<dyn Graph>, Refused> {
    guarded(|| {
        let graph = proto::GraphDef::decode(bytes)
            .map_err(|error| Refused::Malformed { what: "GraphDef".to_owned(), reason: error.to_string() })?;
        let ends = translate::ends(&graph, bounds)?;
        let typed = translate::frozen(&graph, &ends, options, bounds)?;
        run::graph(typed, bounds)
    })
}

/// Loads one signature of a SavedModel.
///
/// # Errors
/// A file is missing or broken, there is no such MetaGraph or signature, an operator is not on the list, or the bounds are exceeded.
pub fn saved_model(folder: &dyn Folder, options: &Options, bounds: &Bounds) -> Result<Arc<dyn Graph>, Refused> {
    guarded(|| {
        let model = saved_model::read(folder, bounds)?;
        let meta = saved_model::choose(&model, &options.tags)?;
        let ends = saved_model::ends(meta, options.signature.as_deref())?;
        let typed = translate::saved(meta, folder, &ends, options, bounds)?;
        run::graph(typed, bounds)
    })
}

/// Names of the operators that are run, in order; `docs/tensorflow-operators.md` has them too.
#[must_use]
pub fn operators() -> Vec<&'static str> {
    translate::operators()
}

/// tract checks much by asserting; a panic of its own while a model is made is a refusal of that model.
fn guarded(load: impl FnOnce() -> Result<Arc<dyn Graph>, Refused>) -> Result<Arc<dyn Graph>, Refused> {
    run::guarded(load).unwrap_or_else(|panic| Err(Refused::Engine(format!("it panicked: {panic}"))))
}
