//! Kafka, by librdkafka. The only module of the host that knows the library; `unsafe` is in `ffi` alone.
//!
//! Three things differ from what examples of the library show, each for a measured reason. Records are taken in batches from a
//! queue of the lane's own. A rebalance is answered not inside poll but when the lane has finished and committed what it has in
//! hand. And a transaction is drained by short naps, because the library's own waiting spins or sleeps 100 ms.

mod admin;
mod chunks;
mod config;
mod consumer;
mod context;
mod error;
mod ffi;
mod link;
mod probe;
mod producer;
mod reader;
mod slots;
mod upload;
mod writer;

pub use admin::{Topic, create, topics};
pub use chunks::KafkaChunks;
pub use config::{Config, LinkConfig, Profile};
pub use error::Error;
pub use link::KafkaLink;
pub use probe::{Probe, Rights};
pub use reader::{KafkaFeed, ReadRecord, Reader, read_all};
pub use upload::Upload;
pub use writer::{KafkaNotices, PublishRecord, publish};
