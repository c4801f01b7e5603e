//! The one list of backends: which of them runs which kind of model.

use std::sync::Arc;

use super::{Backend, Model, Payload, Rejected, Stage};
use crate::types::Limits;
use crate::types::proto::model_descriptor::ModelType;

/// Every kind of model with the backend that runs it. A kind without one is Rejected by its name.
#[derive(Default)]
pub struct Backends {
    kinds: Vec<(ModelType, Arc<dyn Backend>)>,
}

impl Backends {
    /// No kinds yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a kind.
    #[must_use]
    pub fn with(mut self, kind: ModelType, backend: Arc<dyn Backend>) -> Self {
        self.kinds.push((kind, backend));
        self
    }

    /// The backend that runs a kind.
    ///
    /// # Errors
    /// There is none; the reason names the kind.
    pub fn of(&self, kind: ModelType) -> Result<&dyn Backend, Rejected> {
        let found = self.kinds.iter().find(|(its, _)| *its == kind);
        found.map(|(_, backend)| backend.as_ref()).ok_or_else(|| {
            let known: Vec<_> = self.kinds.iter().map(|(kind, _)| kind.as_str_name()).collect();
            let reason = format!("models of type {} are not built yet; this host runs {}", kind.as_str_name(), known.join(", "));
            Rejected { stage: Stage::Verify, reason }
        })
    }
}

impl Backend for Backends {
    fn load(&self, what: &Payload, limits: &Limits) -> Result<Arc<dyn Model>, Rejected> {
        self.of(what.kind)?.load(what, limits)
    }
}
