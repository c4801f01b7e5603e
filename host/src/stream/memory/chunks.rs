//! A chunks topic in memory.

use super::broker::{Broker, Isolation};
use crate::stream::{ChunkAt, Chunks, ChunksError, Fetched};

/// Reads chunks from a topic of the broker in memory.
#[derive(Debug, Clone)]
pub struct MemoryChunks {
    broker: Broker,
    topic: String,
}

impl MemoryChunks {
    /// Reads that topic, which need not exist.
    #[must_use]
    pub fn new(broker: &Broker, topic: &str) -> Self {
        Self { broker: broker.clone(), topic: topic.to_owned() }
    }
}

impl Chunks for MemoryChunks {
    fn fetch(&self, wanted: &[ChunkAt], take: &mut dyn FnMut(Fetched<'_>) -> bool) -> Result<(), ChunksError> {
        if self.broker.partitions(&self.topic) == 0 {
            return Err(ChunksError::Unreadable(format!("topic `{}` does not exist", self.topic)));
        }
        for (number, chunk) in wanted.iter().enumerate() {
            let records = self.broker.read(&self.topic, chunk.partition, chunk.offset, Isolation::Uncommitted);
            let found = records.into_iter().find(|view| view.message.key.as_deref() == Some(chunk.key.as_bytes()));
            let missing = || ChunksError::Missing { number, topic: self.topic.clone() };
            let value = found.ok_or_else(missing)?.message.value.unwrap_or_default();
            if !take(Fetched::Chunk(number, &value)) {
                return Err(ChunksError::Unwanted);
            }
        }
        Ok(())
    }
}
