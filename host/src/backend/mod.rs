//! The seam to what runs models. Three lifetimes: a backend lives as long as the process, a model as long as some version needs
//! it, a session belongs to one lane.

mod check;
mod child;
mod engines;
#[cfg(any(feature = "onnx", feature = "tensorflow"))]
pub mod graph;
pub mod kind;
mod list;
pub mod native;
pub mod wasm;

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub use engines::{Engine, Engines};
pub use list::Backends;

use crate::types::proto::model_descriptor::ModelType;
use crate::types::{Digest, Limits, Scores, Signature, TensorRef};

/// A file announced with a model.
#[derive(Clone)]
pub struct Artifact {
    /// Name under which the module reads it.
    pub name: String,
    /// Digest of its content, verified.
    pub digest: Digest,
    /// Its content.
    pub data: Arc<[u8]>,
}

/// A verified model, ready to be loaded.
#[derive(Clone)]
pub struct Payload {
    /// What it is.
    pub kind: ModelType,
    /// Digest of `data` alone, verified: the key of compiled code.
    pub digest: Digest,
    /// The model.
    pub data: Arc<[u8]>,
    /// Given to `load`.
    pub config: Arc<[u8]>,
    /// Files it may read.
    pub artifacts: Arc<[Artifact]>,
    /// What the descriptor says it takes and gives: a graph is told by it which fields its inputs take.
    pub signature: Option<Signature>,
    /// `dataType/name@version`, for messages and the guest's log lines.
    pub label: Arc<str>,
}

/// How far a model came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Descriptor, digest, permissions.
    Verify,
    /// Machine code.
    Compile,
    /// Sessions, binding, trial call.
    Warm,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Verify => "verify",
            Self::Compile => "compile",
            Self::Warm => "warm",
        })
    }
}

/// Why a model does not become live.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("rejected at {stage}: {reason}")]
pub struct Rejected {
    /// How far it came.
    pub stage: Stage,
    /// What was expected, what came, and what to do.
    pub reason: String,
}

/// Why a session could not score. After a `Trap` or `Late` the session is beyond use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The module stopped: panic, unreachable, memory, stack.
    #[error("trap: {0}")]
    Trap(String),
    /// The module returned an error for the whole call.
    #[error("refused: {0}")]
    Refused(String),
    /// What it returned is not what its signature says.
    #[error("wrong shape: {0}")]
    Shape(String),
    /// It did not end in time.
    #[error("not done within its time limit")]
    Late,
}

/// How much longer a call may take on a busy lane than when it was measured.
const SLACK: u32 = 3;

/// What a model that cannot be interrupted costs, measured when it was loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cost {
    /// What runs it: `tract 0.23.9`.
    pub engine: Arc<str>,
    /// Whether the rows of a call go through it together.
    pub batched: bool,
    /// Bytes of its weights.
    pub weights_bytes: u64,
    /// Rows of a call, ascending from 1, and how long it took.
    pub calls: Vec<(u32, Duration)>,
}

impl Cost {
    /// Time of a call as a base and a share for every row, such that no call that was measured is above it.
    #[must_use]
    pub fn line(&self) -> (Duration, Duration) {
        let Some((_, base)) = self.calls.first() else { return (Duration::ZERO, Duration::ZERO) };
        let per_row = |(rows, took): &(u32, Duration)| took.saturating_sub(*base) / rows.saturating_sub(1).max(1);
        let per_row = self.calls.iter().skip(1).map(per_row).max().unwrap_or(*base);
        (*base, per_row)
    }

    /// The time that a lane reckons with, as a base and a share for every row.
    #[must_use]
    pub fn allowance(&self) -> (Duration, Duration) {
        let (base, per_row) = self.line();
        (base * SLACK, per_row * SLACK)
    }
}

/// Loads models of the kinds it knows. Called off the lanes.
pub trait Backend: Send + Sync {
    /// Checks, compiles (or finds compiled) and loads a model, and reads its signature.
    ///
    /// # Errors
    /// The stage and the reason.
    fn load(&self, what: &Payload, limits: &Limits) -> Result<Arc<dyn Model>, Rejected>;
}

/// A loaded model.
pub trait Model: Send + Sync {
    /// What it takes and gives.
    fn signature(&self) -> &Signature;

    /// The bounds it runs under.
    fn limits(&self) -> &Limits;

    /// A new session, loaded and ready to score, or a fault by `until`. Called off the lanes.
    ///
    /// # Errors
    /// `load` trapped, refused, was late or gave another signature.
    fn session(&self, until: Instant) -> Result<Box<dyn Session>, Fault>;

    /// How far two answers to one row may lie apart, |a - b| <= t * max(1, |b|), when it came in calls of other sizes; `None`: not at all.
    fn tolerance(&self) -> Option<f64> {
        None
    }

    /// What it costs, where that was measured.
    fn cost(&self) -> Option<&Cost> {
        None
    }

    /// The same model for another announcement of the same bytes, where sessions say whose they are. Nothing is loaded for it.
    fn labelled(&self, _label: &Arc<str>) -> Option<Arc<dyn Model>> {
        None
    }
}

/// A model as one lane uses it.
pub trait Session: Send {
    /// Scores rows `rows` of the inputs `x`, one matrix per input of the signature, each with all rows of the batch. On `Ok`, `y`
    /// holds one tensor per output with `rows.len()` rows, checked; NaNs in it are canonical.
    ///
    /// # Errors
    /// See [`Fault`]; by `until` at the latest: a few milliseconds later, and up to a second where the thread did not get the
    /// processor meanwhile, for which a model is not to blame.
    fn score(&mut self, rows: Range<u32>, x: &[TensorRef<'_>], until: Instant, y: &mut Scores) -> Result<(), Fault>;

    /// Memory that the module itself has taken so far, bytes, where the backend knows it.
    fn memory_bytes(&self) -> Option<u64> {
        None
    }
}
