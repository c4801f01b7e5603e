//! Records into a stream at a steady rate, and a count of what comes out of it. The demo and the trials look at a host with this, from
//! outside, as a producer and a consumer of its topics do; it knows nothing of the host but its contracts.

#![allow(clippy::disallowed_methods, reason = "it keeps a pace, which takes naps")]

mod answers;
mod load;
mod tally;

pub use answers::{Isolation, Reader, ScoringResult, header, origin};
pub use load::Load;
pub use tally::{Sink, Tally, Verdict};

/// The topics of a stream of one input.
#[derive(Debug, Clone)]
pub struct Topics {
    /// Bootstrap address.
    pub brokers: String,
    /// Records.
    pub input: String,
    /// Their results.
    pub scores: String,
    /// Those that could not be scored.
    pub dead_letters: String,
    /// As many as each of these topics has.
    pub partitions: i32,
}
