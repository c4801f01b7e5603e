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

/// How long a partition's leader may take to say where it begins and ends.
pub(super) const WATERMARKS_MAX: Duration = Duration::from_secs(10);

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
        Ok(Self { client: reader(config, topic, partitions, From::Beginning)?, topic: topic.to_owned(), caught_up: false })
    }
}

pub(super) fn existing(config: &Config, topic: &str) -> Result<i32, Error> {
    let missing = || Error::NoTopic { topic: topic.to_owned(), brokers: config.brokers().to_owned() };
    Admin::connect(config)?.partitions(topic)?.ok_or_else(missing)
}

/// Where a reader begins.
#[derive(Clone, Copy)]
enum From {
    Beginning,
    /// So many offsets before the end.
    End(i64),
}

/// A reader of all partitions. It begins at offsets that are looked up first: asked for "the beginning", librdkafka would ask for it
/// before it knows whom to ask, and again only after half a second.
fn reader(config: &Config, topic: &str, partitions: i32, from: From) -> Result<BaseConsumer<Plain>, Error> {
    let client = BaseConsumer::from_config_and_context(&config.reader(), Plain::default());
    let client: BaseConsumer<Plain> = client.map_err(|error| Error::Property(error.to_string()))?;
    let mut list = TopicPartitionList::new();
    let what = |error: KafkaError| Error::Refused { what: format!("reading topic `{topic}`"), why: error.to_string() };
    for partition in 0..partitions {
        let (first, end) = client.fetch_watermarks(topic, partition, WATERMARKS_MAX).map_err(what)?;
        let at = match from {
            From::Beginning => first,
            From::End(count) => end.saturating_sub(count).max(first),
        };
        list.add_partition_offset(topic, partition, Offset::Offset(at)).map_err(what)?;
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
pub(super) fn fatal(topic: &str, error: &KafkaError) -> Option<Error> {
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

/// A topic, read from its beginning or near its end, and then followed.
pub struct Reader {
    client: BaseConsumer<Plain>,
    brokers: String,
    topic: String,
    /// Whether the end of each partition has been seen.
    ended: Vec<bool>,
}

impl Reader {
    /// Reads a topic from its beginning.
    ///
    /// # Errors
    /// No answer; the topic does not exist.
    pub fn open(config: &Config, topic: &str) -> Result<Self, Error> {
        Self::at(config, topic, From::Beginning)
    }

    /// Reads the last offsets of each partition, `count` of them; those of transactions' ends and of aborted records count too.
    ///
    /// # Errors
    /// As [`Reader::open`].
    pub fn tail(config: &Config, topic: &str, count: usize) -> Result<Self, Error> {
        Self::at(config, topic, From::End(i64::try_from(count).unwrap_or(i64::MAX)))
    }

    fn at(config: &Config, topic: &str, from: From) -> Result<Self, Error> {
        let partitions = existing(config, topic)?;
        let client = reader(config, topic, partitions, from)?;
        Ok(Self {
            client,
            brokers: config.brokers().to_owned(),
            topic: topic.to_owned(),
            ended: vec![false; partitions.max(0) as usize],
        })
    }

    /// Partitions whose end has not been reached yet.
    fn unread(&self) -> usize {
        self.ended.iter().filter(|ended| !**ended).count()
    }

    /// Calls `each` for every record up to the present end, partition by partition in order, until it returns false. Waits at
    /// most `wait` for the next record. Returns whether the end was reached.
    ///
    /// # Errors
    /// No answer within `wait`; the topic may not be read.
    pub fn to_end(&mut self, wait: Duration, mut each: impl FnMut(ReadRecord<'_>) -> bool) -> Result<bool, Error> {
        let mut until = Instant::now() + wait;
        while self.unread() > 0 {
            let before = self.unread();
            let mut goes_on = true;
            if self.next(Duration::from_millis(100), |record| goes_on = each(record))? || self.unread() < before {
                until = Instant::now() + wait;
            }
            if !goes_on {
                return Ok(false);
            }
            if Instant::now() >= until {
                let said = self.client.context().voice.last_error();
                let why = said.unwrap_or_else(|| format!("nothing came for {wait:?}"));
                let what = format!("reading topic `{}`", self.topic);
                return Err(Error::Unreachable { brokers: self.brokers.clone(), what, why });
            }
        }
        Ok(true)
    }

    /// Calls `each` for the next record, waiting at most `wait`. Returns whether one came.
    ///
    /// # Errors
    /// The topic may not be read, or is gone.
    pub fn next(&mut self, wait: Duration, mut each: impl FnMut(ReadRecord<'_>)) -> Result<bool, Error> {
        match self.client.poll(wait) {
            Some(Ok(message)) => {
                give(&message, &mut each);
                return Ok(true);
            }
            // It is said again each time the end of a partition is reached again.
            Some(Err(KafkaError::PartitionEOF(partition))) => {
                if let Some(ended) = usize::try_from(partition).ok().and_then(|at| self.ended.get_mut(at)) {
                    *ended = true;
                }
            }
            Some(Err(error)) => fatal(&self.topic, &error).map_or(Ok(()), Err)?,
            None => {}
        }
        Ok(false)
    }
}

/// Calls `each` for every record that a topic holds now, partition by partition in order, until it returns false. Waits at most
/// `wait` for the next record. Returns whether the end was reached.
///
/// # Errors
/// No answer within `wait`; the topic does not exist or may not be read.
pub fn read_all(config: &Config, topic: &str, wait: Duration, each: impl FnMut(ReadRecord<'_>) -> bool) -> Result<bool, Error> {
    Reader::open(config, topic)?.to_end(wait, each)
}

fn give(message: &BorrowedMessage<'_>, each: &mut impl FnMut(ReadRecord<'_>)) {
    let headers: Vec<_> =
        message.headers().map_or_else(Vec::new, |headers| headers.iter().map(|header| (header.key, header.value)).collect());
    each(ReadRecord {
        partition: message.partition(),
        offset: message.offset(),
        timestamp: message.timestamp().to_millis().unwrap_or(-1),
        key: message.key(),
        value: message.payload(),
        headers: &headers,
    });
}
