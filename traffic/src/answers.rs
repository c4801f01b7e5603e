//! What came out: results and dead letters as a consumer of the topics sees them.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Headers as _, Message as _};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use serde::Deserialize;

/// Where a dead letter says what it is about.
const PARTITION: &str = "__connect.errors.partition";
const OFFSET: &str = "__connect.errors.offset";

/// How long no record and no end may come.
const PATIENCE: Duration = Duration::from_secs(60);

/// Which records a reader sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Isolation {
    /// Those of committed transactions.
    Committed,
    /// All.
    Uncommitted,
}

/// A consumer of a whole topic from its beginning, without a group.
pub struct Reader {
    consumer: BaseConsumer,
    topic: String,
    partitions: i32,
}

impl Reader {
    /// Reads a topic from its beginning.
    ///
    /// # Errors
    /// The client cannot be made.
    pub fn open(brokers: &str, topic: &str, partitions: i32, isolation: Isolation) -> Result<Self> {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", brokers).set("group.id", "trial-reader").set("enable.auto.commit", "false");
        let level = if isolation == Isolation::Committed { "read_committed" } else { "read_uncommitted" };
        config.set("isolation.level", level).set("enable.partition.eof", "true").set("fetch.wait.max.ms", "20");
        config.set("queued.max.messages.kbytes", "65536").set("fetch.queue.backoff.ms", "5");
        let consumer: BaseConsumer = config.create()?;
        let mut list = TopicPartitionList::new();
        for partition in 0..partitions {
            list.add_partition_offset(topic, partition, Offset::Beginning)?;
        }
        consumer.assign(&list)?;
        Ok(Self { consumer, topic: topic.to_owned(), partitions })
    }

    /// The next record; `None` when nothing came within `wait`.
    ///
    /// # Errors
    /// The topic cannot be read.
    pub fn next(&self, wait: Duration) -> Result<Option<BorrowedMessage<'_>>> {
        match self.consumer.poll(wait) {
            // The client reconnects by itself.
            None | Some(Err(KafkaError::PartitionEOF(_) | KafkaError::MessageConsumption(_))) => Ok(None),
            Some(Ok(message)) => Ok(Some(message)),
            Some(Err(error)) => bail!("reading `{}`: {error}", self.topic),
        }
    }

    /// Every record there is now, partition by partition in order.
    ///
    /// # Errors
    /// The topic cannot be read, nothing comes any more, or `each` fails.
    pub fn to_end(&self, mut each: impl FnMut(&BorrowedMessage<'_>) -> Result<()>) -> Result<()> {
        let mut ended = BTreeSet::new();
        let mut until = Instant::now() + PATIENCE;
        while ended.len() < self.partitions as usize {
            match self.consumer.poll(Duration::from_millis(200)) {
                Some(Ok(message)) => {
                    until = Instant::now() + PATIENCE;
                    each(&message)?;
                }
                Some(Err(KafkaError::PartitionEOF(partition))) => drop(ended.insert(partition)),
                Some(Err(KafkaError::MessageConsumption(_))) => {}
                Some(Err(error)) => bail!("reading `{}`: {error}", self.topic),
                None if Instant::now() > until => {
                    bail!("reading `{}`: nothing came for {PATIENCE:?}, and its end was not reached", self.topic)
                }
                None => {}
            }
        }
        Ok(())
    }
}

/// A JSON result, as far as it is looked at here.
#[derive(Debug, Deserialize)]
pub struct ScoringResult<'a> {
    /// Name of the model.
    pub model: &'a str,
    /// Its version.
    pub version: &'a str,
    /// Its revision.
    pub revision: u64,
    /// Partition of the record.
    pub partition: i32,
    /// Offset of the record.
    pub offset: i64,
}

impl<'a> ScoringResult<'a> {
    /// Reads a record of the output.
    ///
    /// # Errors
    /// It is no result.
    pub fn read(message: &'a BorrowedMessage<'_>) -> Result<Self> {
        let value = message.payload().context("a result without a value")?;
        serde_json::from_slice(value).with_context(|| format!("no result: {}", String::from_utf8_lossy(value)))
    }
}

/// A header of a dead letter, or of any record, as text.
#[must_use]
pub fn header(message: &BorrowedMessage<'_>, name: &str) -> Option<String> {
    let found = message.headers()?.iter().find(|header| header.key == name)?.value?;
    Some(String::from_utf8_lossy(found).into_owned())
}

/// Position in the input that a dead letter is about.
///
/// # Errors
/// It does not say.
pub fn origin(message: &BorrowedMessage<'_>) -> Result<(i32, i64)> {
    let number = |name| header(message, name).with_context(|| format!("a dead letter without the header {name}"));
    Ok((number(PARTITION)?.parse()?, number(OFFSET)?.parse()?))
}
