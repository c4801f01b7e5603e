//! A broker in memory: topics, transactions, consumer groups with cooperative rebalance, and faults on request. It has no thread,
//! no clock and no chance but a seed, so a lane on it can be simulated and a failure repeated.
//!
//! It keeps to what Kafka promises a client and not more: records of an open or aborted transaction are in the log and only a
//! `read_committed` reader does not see them; a new owner of a partition starts at its committed offset; a member that was
//! expelled notices late and its commits are refused; an identity that is opened again fences its predecessor and ends its
//! transaction; markers and gaps take up offsets.

mod broker;
mod chunks;
mod fault;
mod feed;
mod group;
mod link;
mod partitioner;

pub use broker::{Broker, Isolation, Message, Outcome, View};
pub use chunks::MemoryChunks;
pub use fault::{Fault, Faults, Rates};
pub use feed::{MemoryFeed, MemoryNotices};
pub use link::{MemoryLink, Options};
