//! Topics that are read from their beginning, by every host for itself: no group, nothing is committed.

use std::time::{Duration, Instant};

use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Headers as _, Message as _};
use rdkafka::{Offset, TopicPartitionList};

use super::super::{Announcement, Entry, Feed, LinkError};
use super::admin::Admin;
use super::config::Config;
use super::context::Plain;
use super::error::{Error, advice};
use crate::types::Revision;
use crate::types::control::EXPECTS_HEADER;

/// The control log on Kafka.
pub struct KafkaFeed {
    client: BaseConsumer<Plain>,
    topic: String,
    caught_up: bool,
}

impl KafkaFeed {
    /// Reads a control log from its beginning.
    ///
    /// # Errors
    /// No answer; the topic does not exist, has more than one partition, or may not be read.
    pub fn open(config: &Config, topic: &str) -> Result<Self, Error> {
        let partitions = existing(config, topic)?;
        if partitions != 1 {
            return Err(Error::Partitions { topic: topic.to_owned(), partitions });
        }
        Ok(Self { client: reader(config, topic, partitions)?, topic: topic.to_owned(), caught_up: false })
    }
}

fn existing(config: &Config, topic: &str) -> Result<i32, Error> {
    let missing = || Error::NoTopic { topic: topic.to_owned(), brokers: config.brokers().to_owned() };
    Admin::connect(config)?.partitions(topic)?.ok_or_else(missing)
}

fn reader(config: &Config, topic: &str, partitions: i32) -> Result<BaseConsumer<Plain>, Error> {
    let client = BaseConsumer::from_config_and_context(&config.reader(), Plain::default());
    let client: BaseConsumer<Plain> = client.map_err(|error| Error::Property(error.to_string()))?;
    let mut list = TopicPartitionList::new();
    let what = |error: KafkaError| Error::Refused { what: format!("reading topic `{topic}`"), why: error.to_string() };
    for partition in 0..partitions {
        list.add_partition_offset(topic, partition, Offset::Beginning).map_err(what)?;
    }
    client.assign(&list).map_err(what)?;
    Ok(client)
}

impl Feed for KafkaFeed {
    fn next(&mut self, wait: Duration) -> Result<Option<Announcement>, LinkError> {
        match self.client.poll(wait) {
            None => Ok(None),
            Some(Ok(message)) => Ok(Some(Announcement::Entry(entry(&message)))),
            Some(Err(KafkaError::PartitionEOF(_))) => {
                let first = !std::mem::replace(&mut self.caught_up, true);
                Ok(first.then_some(Announcement::CaughtUp))
            }
            Some(Err(error)) => fatal(&self.topic, &error).map_or(Ok(None), |error| Err(error.into())),
        }
    }
}

fn entry(message: &BorrowedMessage<'_>) -> Entry {
    let expects = message.headers().and_then(|headers| headers.iter().find(|header| header.key == EXPECTS_HEADER));
    Entry {
        revision: Revision::try_from(message.offset()).unwrap_or(0),
        timestamp: message.timestamp().to_millis().unwrap_or(-1),
        key: message.key().map(<[u8]>::to_vec),
        value: message.payload().map(<[u8]>::to_vec),
        expects: expects.and_then(|header| header.value).map(<[u8]>::to_vec),
    }
}

/// What ends the reading of a topic; anything else the client mends by itself, and has logged.
fn fatal(topic: &str, error: &KafkaError) -> Option<Error> {
    let code = error.rdkafka_error_code()?;
    // Its group is a name without a member: that the user may not use it changes nothing.
    if code == RDKafkaErrorCode::GroupAuthorizationFailed {
        return None;
    }
    let what = || format!("reading topic `{topic}`");
    if matches!(code, RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic) {
        return Some(Error::Refused { what: what(), why: "it does not exist any more".into() });
    }
    let dead = matches!(error, KafkaError::MessageConsumptionFatal(_)).then_some("The client cannot go on");
    advice(code).or(dead).map(|advice| Error::Refused { what: what(), why: format!("{error}. {advice}") })
}

/// A record as it was read.
#[derive(Debug, Clone, Copy)]
pub struct ReadRecord<'a> {
    /// Partition.
    pub partition: i32,
    /// Offset.
    pub offset: i64,
    /// Milliseconds since the epoch; -1 when there is none.
    pub timestamp: i64,
    /// Key.
    pub key: Option<&'a [u8]>,
    /// Value.
    pub value: Option<&'a [u8]>,
    /// Headers, in order.
    pub headers: &'a [(&'a str, Option<&'a [u8]>)],
}

/// Calls `each` for every record that a topic holds now, partition by partition in order, until it returns false. Waits at most
/// `wait` for the next record. Returns whether the end was reached.
///
/// # Errors
/// No answer within `wait`; the topic does not exist or may not be read.
pub fn read_all(
    config: &Config,
    topic: &str,
    wait: Duration,
    mut each: impl FnMut(ReadRecord<'_>) -> bool,
) -> Result<bool, Error> {
    let partitions = existing(config, topic)?;
    let client = reader(config, topic, partitions)?;
    let mut open = partitions;
    let mut until = Instant::now() + wait;
    while open > 0 {
        match client.poll(Duration::from_millis(100)) {
            Some(Ok(message)) => {
                until = Instant::now() + wait;
                if !give(&message, &mut each) {
                    return Ok(false);
                }
            }
            Some(Err(KafkaError::PartitionEOF(_))) => open -= 1,
            Some(Err(error)) => fatal(topic, &error).map_or(Ok(()), Err)?,
            None if Instant::now() < until => {}
            None => {
                let why = client.context().voice.last_error().unwrap_or_else(|| format!("nothing came for {wait:?}"));
                return Err(Error::Unreachable {
                    brokers: config.brokers().to_owned(),
                    what: format!("reading topic `{topic}`"),
                    why,
                });
            }
        }
    }
    Ok(true)
}

fn give(message: &BorrowedMessage<'_>, each: &mut impl FnMut(ReadRecord<'_>) -> bool) -> bool {
    let headers: Vec<_> =
        message.headers().map_or_else(Vec::new, |headers| headers.iter().map(|header| (header.key, header.value)).collect());
    each(ReadRecord {
        partition: message.partition(),
        offset: message.offset(),
        timestamp: message.timestamp().to_millis().unwrap_or(-1),
        key: message.key(),
        value: message.payload(),
        headers: &headers,
    })
}
