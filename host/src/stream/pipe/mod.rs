//! A stream without Kafka: records come from a source, results go to an outlet, and a folder of models is the control log. One
//! partition, so nothing changes its order; a commit is a write to the outlet, so a record that was not answered left nothing
//! behind there.

mod chunk;
mod folder;
mod gauge;
mod link;
mod queue;

use serde_json::Value;

use super::{ChunkAt, Chunks, ChunksError, Fetched, Notices, Outgoing};

pub use chunk::Chunk;
pub use folder::{Folder, FolderFeed};
pub use gauge::Gauge;
pub use link::PipeLink;

/// Where records come from. It is read on a thread of its own, and asks [`Gauge::closing`] before it takes more.
pub trait Source: Send + 'static {
    /// The next records, waiting for them; `None` is the end.
    ///
    /// # Errors
    /// What keeps it from reading on; records before that are answered all the same.
    fn next(&mut self) -> Result<Option<Chunk>, String>;
}

/// Where results and dead letters go. What it is given between two commits belongs together.
pub trait Outlet: Send {
    /// Takes a result.
    fn result(&mut self, value: &[u8]);

    /// Takes a dead letter; the reason is in its headers.
    fn dead_letter(&mut self, letter: &Outgoing<'_>);

    /// Takes an activation: another version answers from here on.
    fn activation(&mut self, value: &[u8]);

    /// Writes what it was given.
    ///
    /// # Errors
    /// It cannot be written; nothing can be taken back then.
    fn commit(&mut self) -> Result<(), String>;

    /// Forgets what it was given since the last commit.
    fn undo(&mut self);

    /// Nothing more comes.
    ///
    /// # Errors
    /// The end of a file cannot be written.
    fn finish(&mut self) -> Result<(), String> {
        Ok(())
    }
}

/// What is published of models: those that cannot answer are a warning, with the reason. The rest is in the log.
#[derive(Debug)]
pub struct Complaints;

impl Notices for Complaints {
    fn put(&mut self, key: &str, value: &[u8]) {
        let Ok(value) = serde_json::from_slice::<Value>(value) else { return };
        let unfit = matches!(value["state"].as_str(), Some("Rejected" | "Quarantined"));
        // A name that begins with `$` is no model's.
        let model = key.splitn(3, '/').nth(2).filter(|model| unfit && !model.contains("/$"));
        if let Some(model) = model {
            let (state, stage, reason) = (value["state"].as_str(), value["stage"].as_str(), value["reason"].as_str());
            tracing::warn!(model, state, stage, reason, "this model does not answer; what answered before does");
        }
    }
}

/// A folder has no chunks: each of its models is a file, however large.
#[derive(Debug)]
pub struct NoChunks;

impl Chunks for NoChunks {
    fn fetch(&self, _: &[ChunkAt], _: &mut dyn FnMut(Fetched<'_>) -> bool) -> Result<(), ChunksError> {
        Err(ChunksError::Unreadable("there is no topic beside a folder of models".to_owned()))
    }
}
