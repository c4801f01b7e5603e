//! The control plane: what the control log announces becomes versions that lanes use.
//!
//! ```text
//! Feed -> watch -> catalog -> plan -> [verify -> compile -> warm] -> swap -> Registry -> lanes
//!         Entry    Order             Announced Verified Compiled Warm                     |
//!                                                                  retire <- Draining <---+
//! ```
//!
//! The catalog is a pure function of the log, so all hosts agree on what is asked for. What becomes of it is each host's own: the
//! steps in brackets run on worker threads, one preparation at a time per data type and two in total, and a failure at any of
//! them leaves what answers as it is. [`Lifecycle::step`] is deterministic when its workers are.

mod catalog;
mod chunks;
mod compile;
mod control;
mod dry;
mod folder;
pub mod golden;
mod grants;
mod history;
mod locations;
mod plan;
mod rehearsal;
mod retire;
mod spares;
mod status;
mod swap;
mod task;
mod threads;
mod totals;
mod trial;
mod verify;
mod warm;
mod watch;
mod web;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

pub use catalog::{Catalog, Deployment, Effect, Wanted};
pub use control::Lifecycle;
pub use dry::{DryModel, DryRun};
pub use folder::{Folder, FolderError};
pub use grants::{apply as granted, default_maxima};
pub use history::History;
pub use locations::{Located, LocationError, Locations};
pub use rehearsal::{Answer, Rehearsal};
pub use task::{Inline, Report, Task, Work, Workers};
pub use threads::Threads;
pub use trial::Trial;
pub use watch::{Announced, Change, Order, Refused, Strategy};
pub use web::{WebError, WebRoot};

use crate::codec::{Codec, Encoding};
use crate::registry::Registry;
use crate::stream::LinkError;
use crate::types::Limits;

/// How the control plane behaves.
#[derive(Debug, Clone)]
pub struct Config {
    /// Name of this host, unique among those of the control log.
    pub instance: String,
    /// Folders under which `location` may lie.
    pub locations: Vec<PathBuf>,
    /// Web servers' folders, and parts of buckets, under which it may lie.
    pub web: Vec<WebRoot>,
    /// Whether a `location` may come without its digest.
    pub unverified_locations: bool,
    /// What a model may use without a grant.
    pub limits: Limits,
    /// What a grant may ask for.
    pub maxima: Limits,
    /// The most by which a golden of a descriptor may let a float differ.
    pub golden_tolerance: f64,
}

/// The most by which a golden may let a float differ, where the configuration says nothing else.
pub const GOLDEN_TOLERANCE: f64 = 1e-3;

impl Config {
    /// The defaults.
    #[must_use]
    pub fn new(instance: &str) -> Self {
        Self {
            instance: instance.to_owned(),
            locations: Vec::new(),
            web: Vec::new(),
            unverified_locations: false,
            limits: Limits::default(),
            maxima: default_maxima(),
            golden_tolerance: GOLDEN_TOLERANCE,
        }
    }
}

/// A stream, as far as the control plane serves it.
pub struct StreamSpec {
    /// Its name.
    pub name: String,
    /// Where its lanes look.
    pub registry: Arc<Registry>,
    /// Its data types, in the order of the registry's routes.
    pub types: Vec<TypeSpec>,
    /// How many lanes it has in this host.
    pub lanes: usize,
    /// Format of its results.
    pub encoding: Arc<dyn Encoding>,
    /// Its input topics.
    pub topics: Vec<String>,
    /// Why its versions answer, as results say it: `live`.
    pub role: String,
    /// How long a step of its lanes may take.
    pub step_max: Duration,
}

/// A data type of a stream.
pub struct TypeSpec {
    /// Its format and schema; the schema has its name.
    pub codec: Arc<dyn Codec>,
    /// Fields that results repeat: indices into the schema, ascending.
    pub include: Vec<u16>,
}

impl TypeSpec {
    /// Name of the data type.
    #[must_use]
    pub fn name(&self) -> &str {
        self.codec.schema().data_type()
    }
}

/// A moment, on both clocks.
#[derive(Debug, Clone, Copy)]
pub struct Now {
    /// For durations.
    pub instant: Instant,
    /// For people: milliseconds since the epoch.
    pub unix_ms: u64,
}

impl Now {
    /// The moment of the call.
    #[must_use]
    pub fn read() -> Self {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self { instant: Instant::now(), unix_ms: since.as_millis() as u64 }
    }
}

/// Why the control plane cannot start or go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A configured folder is not there.
    #[error(transparent)]
    Location(#[from] LocationError),
    /// The control log cannot be read.
    #[error("the control log cannot be read: {0}")]
    Feed(LinkError),
}
