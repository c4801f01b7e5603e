//! Models that came with a component as artifacts, to be opened by it through `inference`: loaded once beside it, by the backend of
//! their kind. A model that is opened opens none itself.

use std::path::Path;
use std::sync::Arc;

use super::Host;
use super::model::{Nested, WasmModel};
use crate::backend::{Artifact, Backend, Cost, Model, Payload, kind};
use crate::types::proto::model_descriptor::ModelType;
use crate::types::{Limits, Signature};

/// What an artifact's name ends with that says which dimensions and fields the model of the name before it has.
const SIGNATURE: &str = ".signature.json";

/// The models that a component may open, by name.
pub(super) struct Openable {
    models: Vec<(String, Loaded)>,
}

/// A model, or why it cannot be opened.
type Loaded = Result<Arc<dyn Model>, String>;

impl Openable {
    /// None.
    pub(super) fn none() -> Arc<Self> {
        Arc::new(Self { models: Vec::new() })
    }

    /// Loads every artifact that is a model of a kind this host runs. One that cannot be loaded stays a file, and the reason is said
    /// to whoever opens it.
    pub(super) fn load(host: &Arc<Host>, what: &Payload, limits: &Limits) -> Arc<Self> {
        let models = what.artifacts.iter().filter_map(|artifact| {
            let kind = kind::guess(Path::new(&artifact.name), &artifact.data)?;
            let known = kind == ModelType::Wasm || host.others.of(kind).is_ok();
            known.then(|| (artifact.name.clone(), load(host, what, kind, artifact, limits)))
        });
        Arc::new(Self { models: models.collect() })
    }

    /// Files of the component that are none of the models: those it may read. A model's bytes are not kept.
    pub(super) fn files(&self, artifacts: &[Artifact]) -> Arc<[Artifact]> {
        let is_file = |artifact: &&Artifact| !self.models.iter().any(|(name, model)| *name == artifact.name && model.is_ok());
        artifacts.iter().filter(is_file).cloned().collect()
    }

    /// Names of what can be opened.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.models.iter().map(|(name, _)| name.as_str())
    }

    /// The number of a model, by which [`Self::model`] gives it.
    pub(super) fn find(&self, name: &str) -> Result<usize, String> {
        let Some(at) = self.models.iter().position(|(its, _)| its == name) else {
            let names: Vec<_> = self.names().collect();
            let there = if names.is_empty() { "none was announced with it".to_owned() } else { names.join(", ") };
            return Err(format!("there is no model `{name}` to open; there are: {there}"));
        };
        match &self.models[at].1 {
            Ok(_) => Ok(at),
            Err(reason) => Err(format!("`{name}` cannot be opened: {reason}")),
        }
    }

    pub(super) fn model(&self, at: usize) -> Option<&Arc<dyn Model>> {
        self.models.get(at).and_then(|(_, model)| model.as_ref().ok())
    }
}

fn load(host: &Arc<Host>, what: &Payload, kind: ModelType, artifact: &Artifact, limits: &Limits) -> Loaded {
    let told = what.artifacts.iter().find(|other| other.name.strip_suffix(SIGNATURE) == Some(&artifact.name));
    let signature = told.map(|file| Signature::from_json(&file.data).map_err(|reason| format!("`{}`: {reason}", file.name)));
    let inner = Payload {
        kind,
        digest: artifact.digest,
        data: Arc::clone(&artifact.data),
        config: [].into(),
        artifacts: beside(what, artifact),
        signature: signature.transpose()?,
        label: format!("{}/{}", what.label, artifact.name).into(),
    };
    let loaded = match kind {
        ModelType::Wasm => WasmModel::load(host, &inner, limits, Nested::Yes).map(|model| Arc::new(model) as Arc<dyn Model>),
        _ => host.others.load(&inner, limits),
    };
    loaded.map_err(|rejected| rejected.reason)
}

/// The files of an opened model: those whose names begin with its own and a slash, as `net.onnx/weights.bin`.
fn beside(what: &Payload, artifact: &Artifact) -> Arc<[Artifact]> {
    let its = |other: &Artifact| {
        let name = other.name.strip_prefix(&artifact.name)?.strip_prefix('/')?;
        Some(Artifact { name: name.to_owned(), ..other.clone() })
    };
    what.artifacts.iter().filter_map(its).collect()
}

/// What calls of the opened models add to a component's own budget, for one row of each with every row of its own.
pub(super) fn budget<'a>(own: &Limits, opened: impl Iterator<Item = &'a Cost>) -> Limits {
    let mut limits = own.clone();
    for cost in opened {
        let (base, per_row) = cost.allowance();
        limits.call_base += base;
        limits.call_per_row += per_row;
    }
    limits
}
