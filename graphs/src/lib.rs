//! Native graphs: what a deep-learning tool exports, read within bounds, checked against an allow-list before any library sees it,
//! and run on one thread over any number of rows.
//!
//! The crate knows no Kafka, no data types and no host: bytes of a model go in, a [`Graph`] with typed ports comes out, or a
//! [`Refused`] that names the operator, the node and the reason. `host/src/backend/graph` makes a backend of it.

#[cfg(any(feature = "onnx", feature = "tensorflow"))]
mod exact;
#[cfg(feature = "onnx")]
pub mod onnx;
mod port;
mod refused;
#[cfg(any(feature = "onnx", feature = "tensorflow"))]
mod run;
#[cfg(feature = "tensorflow")]
pub mod tensorflow;

pub use port::{Answer, Bounds, Dim, Element, Feed, Port, Strings};
pub use refused::{Refused, RunError};

use std::sync::Arc;

/// Files beside a model: initialisers that ONNX keeps in files of their own. A name that is not known does not exist.
pub trait Files: Sync {
    /// The content of a file.
    fn read(&self, name: &str) -> Option<Arc<[u8]>>;
}

/// A model that has been read, checked and optimised, for every number of rows.
pub trait Graph: Send + Sync {
    /// What it takes.
    fn inputs(&self) -> &[Port];

    /// What it gives.
    fn outputs(&self) -> &[Port];

    /// What runs it: `tract 0.23.9`, `onnxruntime 1.32.0`.
    fn engine(&self) -> &str;

    /// Whether the rows of a call go through it together. Where they do not, a row costs what a call costs.
    fn batched(&self) -> bool;

    /// Bytes of its weights, held once for all runners.
    fn memory_bytes(&self) -> u64;

    /// A runner for one thread.
    ///
    /// # Errors
    /// The engine says why not.
    fn runner(&self) -> Result<Box<dyn Runner>, RunError>;
}

/// A graph as one thread uses it.
pub trait Runner: Send {
    /// Runs `rows` rows: one feed per input, each with `rows` times the port's width values; one answer per output.
    /// Answers of the call before are overwritten, and their memory is kept where it can be.
    ///
    /// # Errors
    /// A feed does not fit its port, or the engine failed; a panic of the engine is an error, after which the runner is beyond use.
    fn run(&mut self, rows: usize, feeds: &[Feed<'_>], answers: &mut Vec<Answer>) -> Result<(), RunError>;

    /// Bytes that it keeps between calls, where they are known.
    fn memory_bytes(&self) -> Option<u64> {
        None
    }
}
