//! A stream without Kafka: records come from a source, results go to an outlet, and a folder of models is the control log. One
//! partition, so nothing changes its order; a commit is a write to the outlet, so a record that was not answered left nothing
//! behind there.

mod chunk;
mod folder;
mod gauge;
mod link;
mod queue;

use super::Outgoing;

pub use chunk::Chunk;
pub use folder::{Folder, FolderFeed};
pub use gauge::Gauge;
pub use link::PipeLink;

/// Where records come from. It is read on a thread of its own, as a read of stdin cannot be given up.
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

/// Publishes nothing: the states of models are in the log lines of the control plane.
#[derive(Debug)]
pub struct NoNotices;

impl super::Notices for NoNotices {
    fn put(&mut self, _key: &str, _value: &[u8]) {}
}
