//! Verified -> Compiled: the backend loads the model, once for all versions and streams that use the same bytes.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use super::verify::Verified;
use crate::backend::{Backend, Backends, Model, Rejected};
use crate::types::Digest;
use crate::types::proto::model_descriptor::ModelType;

/// A model that has been loaded.
pub(super) struct Compiled {
    pub(super) verified: Verified,
    pub(super) model: Arc<dyn Model>,
}

/// How many loaded models are kept beyond those that versions hold, so that what was replaced comes back without being loaded.
const LOADED_MAX: usize = 8;

/// The models loaded last.
#[derive(Default)]
pub(super) struct Loaded(Mutex<VecDeque<Known>>);

type Known = (ModelType, Digest, Arc<dyn Model>);

impl Loaded {
    fn get(&self, kind: ModelType, digest: Digest) -> Option<Arc<dyn Model>> {
        let mut models = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = models.iter().position(|(its, of, _)| (*its, *of) == (kind, digest))?;
        let found = models.remove(at)?;
        let model = found.2.clone();
        models.push_front(found);
        Some(model)
    }

    /// Adds a model and returns the one that has to go for it, so that it is dropped outside the lock.
    fn put(&self, kind: ModelType, digest: Digest, model: Arc<dyn Model>) -> Option<Arc<dyn Model>> {
        let mut models = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        models.push_front((kind, digest, model));
        if models.len() > LOADED_MAX { models.pop_back().map(|(_, _, model)| model) } else { None }
    }
}

/// Loads a verified model, or finds it loaded.
pub(super) fn compile(verified: Verified, backends: &Backends, loaded: &Loaded) -> Result<Compiled, Rejected> {
    let kind = verified.payload.kind;
    if let Some(model) = loaded.get(kind, verified.digest) {
        let model = model.labelled(&verified.payload.label).unwrap_or(model);
        return Ok(Compiled { verified, model });
    }
    let model = backends.load(&verified.payload, &verified.limits)?;
    drop(loaded.put(kind, verified.digest, model.clone()));
    Ok(Compiled { verified, model })
}
