//! Chunks on Kafka, read by a consumer of their own: partition by partition, from the first that is wanted to the last.
//!
//! It reads what is uncommitted too. A manifest comes in the transaction of its chunks, so who has seen it knows that they are
//! committed, and their digests say whether they are the right ones. A reader of committed records would wait for the
//! transaction of every other publisher that began before, for minutes where one of them was killed.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Message as _};
use rdkafka::{Offset, TopicPartitionList};

use super::super::{ChunkAt, Chunks, ChunksError, Fetched};
use super::config::Config;
use super::context::Plain;
use super::error::Error;
use super::reader::{WATERMARKS_MAX, existing, fatal};

/// How long nothing may come.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a partition may be shorter than its chunks say: its new leader may not know yet what the one before has promised.
const SHORT_MAX: Duration = Duration::from_secs(10);
/// Between two looks at whether the chunks are wanted still.
const POLL: Duration = Duration::from_millis(100);

/// The chunks topic.
pub struct KafkaChunks {
    config: Config,
    topic: String,
}

impl KafkaChunks {
    /// Reads that topic. It is looked for when something is fetched: a host whose models are small needs none.
    #[must_use]
    pub fn new(config: &Config, topic: &str) -> Self {
        Self { config: config.clone(), topic: topic.to_owned() }
    }
}

impl Chunks for KafkaChunks {
    fn fetch(&self, wanted: &[ChunkAt], take: &mut dyn FnMut(Fetched<'_>) -> bool) -> Result<(), ChunksError> {
        let partitions = existing(&self.config, &self.topic).map_err(|error| unreadable(&error))?;
        let mut by_partition: BTreeMap<i32, Vec<usize>> = BTreeMap::new();
        for (number, chunk) in wanted.iter().enumerate() {
            if chunk.partition >= partitions {
                return Err(ChunksError::Missing { number, topic: self.topic.clone() });
            }
            by_partition.entry(chunk.partition).or_default().push(number);
        }
        let client = BaseConsumer::from_config_and_context(&self.config.chunks(), Plain::default());
        let client = client.map_err(|error| unreadable(&Error::Property(error.to_string())))?;
        for (partition, numbers) in by_partition {
            let left = numbers.iter().map(|number| (wanted[*number].key.as_str(), *number)).collect();
            Part { client: &client, chunks: self, partition, wanted, left }.fetch(take)?;
        }
        Ok(())
    }
}

fn unreadable(error: &Error) -> ChunksError {
    ChunksError::Unreadable(error.to_string())
}

/// What is wanted of one partition.
struct Part<'a> {
    client: &'a BaseConsumer<Plain>,
    chunks: &'a KafkaChunks,
    partition: i32,
    wanted: &'a [ChunkAt],
    /// Numbers of what has not come yet, by key.
    left: HashMap<&'a str, usize>,
}

impl Part<'_> {
    fn fetch(mut self, take: &mut dyn FnMut(Fetched<'_>) -> bool) -> Result<(), ChunksError> {
        let since = Instant::now();
        while let Some((first, last)) = self.span() {
            let end = self.read(first, take)?;
            // What was not found up to there has no copy, or the partition is shorter than it was.
            if let Some(number) = self.left.values().min()
                && (end > last || since.elapsed() >= SHORT_MAX)
            {
                return Err(ChunksError::Missing { number: *number, topic: self.chunks.topic.clone() });
            }
        }
        Ok(())
    }

    /// The lowest and the highest offset at which something is said to be that has not come.
    fn span(&self) -> Option<(i64, i64)> {
        let offsets = || self.left.values().map(|number| self.wanted[*number].offset);
        Some((offsets().min()?, offsets().max()?))
    }

    /// Reads from there to what is the end now; says where that is.
    fn read(&mut self, first: i64, take: &mut dyn FnMut(Fetched<'_>) -> bool) -> Result<i64, ChunksError> {
        let topic = &self.chunks.topic;
        let failed = |error: KafkaError| ChunksError::Unreadable(format!("reading topic `{topic}`: {error}"));
        let (start, end) = self.client.fetch_watermarks(topic, self.partition, WATERMARKS_MAX).map_err(failed)?;
        if end <= first {
            return if self.wait(take) { Ok(end) } else { Err(ChunksError::Unwanted) };
        }
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(topic, self.partition, Offset::Offset(first.max(start))).map_err(failed)?;
        self.client.assign(&list).map_err(failed)?;
        let mut until = Instant::now() + PATIENCE;
        while !self.left.is_empty() {
            match self.client.poll(POLL) {
                Some(Ok(message)) => {
                    until = Instant::now() + PATIENCE;
                    if !self.take(&message, take) {
                        return Err(ChunksError::Unwanted);
                    }
                    if message.offset() + 1 >= end {
                        break;
                    }
                }
                Some(Err(KafkaError::PartitionEOF(_))) => break,
                Some(Err(error)) => fatal(topic, &error).map_or(Ok(()), |error| Err(unreadable(&error)))?,
                None if !take(Fetched::Nothing) => return Err(ChunksError::Unwanted),
                None => {}
            }
            if Instant::now() >= until {
                return Err(self.silent());
            }
        }
        Ok(end)
    }

    /// Waits a moment; says whether they are wanted still.
    fn wait(&self, take: &mut dyn FnMut(Fetched<'_>) -> bool) -> bool {
        // Nothing is assigned to it, so nothing comes; what it has to say of brokers does.
        self.client.poll(POLL);
        take(Fetched::Nothing)
    }

    /// Hands a record over where it is one that is wanted. One before its place was replaced by the one at its place.
    fn take(&mut self, message: &BorrowedMessage<'_>, take: &mut dyn FnMut(Fetched<'_>) -> bool) -> bool {
        let key = message.key().and_then(|key| std::str::from_utf8(key).ok());
        let found = key.and_then(|key| self.left.get(key).copied().map(|number| (key, number)));
        match found {
            Some((key, number)) if message.offset() >= self.wanted[number].offset => {
                self.left.remove(key);
                take(Fetched::Chunk(number, message.payload().unwrap_or_default()))
            }
            _ => take(Fetched::Nothing),
        }
    }

    fn silent(&self) -> ChunksError {
        let said = self.client.context().voice.last_error();
        let why = said.unwrap_or_else(|| format!("nothing came for {PATIENCE:?}"));
        let what = format!("reading topic `{}`", self.chunks.topic);
        unreadable(&Error::Unreachable { brokers: self.chunks.config.brokers().to_owned(), what, why })
    }
}
