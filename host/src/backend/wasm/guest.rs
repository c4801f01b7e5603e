//! What a session's guest can see of the host, and all of it: its log, its own artifacts and the models among them.

use std::sync::Arc;

use wasmtime::Engine;
use wasmtime::component::{HasSelf, Linker};

use super::bindings::sandstream::model::{artifacts, inference, log as log_import, types};
use super::deadline::Deadline;
use super::inference::Inference;
use super::limiter::Limiter;
use super::log::Log;
use super::opened::Openable;
use crate::backend::{Artifact, Payload};
use crate::types::Limits;

/// The host's side of one session.
pub(super) struct Guest {
    pub(super) limiter: Limiter,
    pub(super) deadline: Deadline,
    pub(super) log: Log,
    pub(super) inference: Inference,
    artifacts: Arc<[Artifact]>,
}

impl Guest {
    pub(super) fn new(payload: &Payload, openable: &Arc<Openable>, limits: &Limits) -> Self {
        Self {
            limiter: Limiter::new(limits),
            deadline: Deadline::new(),
            log: Log::new(Arc::clone(&payload.label), limits),
            inference: Inference::new(openable, limits),
            artifacts: Arc::clone(&payload.artifacts),
        }
    }
}

/// Names of the interfaces a component may import, without their version.
pub(super) const OFFERED: [&str; 4] = ["sandstream:model/types", "sandstream:model/log", "sandstream:model/artifacts", INFERENCE];

/// The interface by which models are opened.
pub(super) const INFERENCE: &str = "sandstream:model/inference";

/// The imports.
pub(super) fn linker(engine: &Engine) -> wasmtime::Result<Linker<Guest>> {
    let mut linker = Linker::new(engine);
    types::add_to_linker::<_, HasSelf<_>>(&mut linker, |guest| guest)?;
    log_import::add_to_linker::<_, HasSelf<_>>(&mut linker, |guest| guest)?;
    artifacts::add_to_linker::<_, HasSelf<_>>(&mut linker, |guest| guest)?;
    inference::add_to_linker::<_, HasSelf<_>>(&mut linker, |guest| guest)?;
    Ok(linker)
}

impl types::Host for Guest {}

impl log_import::Host for Guest {
    fn emit(&mut self, level: log_import::Level, message: String) {
        self.log.emit(level, &message);
    }
}

impl artifacts::Host for Guest {
    fn names(&mut self) -> Vec<String> {
        self.artifacts.iter().map(|artifact| artifact.name.clone()).collect()
    }

    fn read(&mut self, name: String) -> Result<Vec<u8>, String> {
        match self.artifacts.iter().find(|artifact| artifact.name == name) {
            Some(artifact) => Ok(artifact.data.to_vec()),
            None => Err(format!("no artifact `{name}` was announced with this model; there are: {}", self.names().join(", "))),
        }
    }
}
