//! The control log and the status topic, as a command sees them: read to their ends, then written to and followed.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::status::{Notice, States};
use crate::config::{Config, Control};
use crate::lifecycle::{Effect, History, Refused};
use crate::stream::kafka::{self, KafkaFeed, PublishRecord, Reader, publish};
use crate::stream::{Announcement, Feed as _, LinkError};
use crate::types::Revision;
use crate::types::control::{EXPECTS_HEADER, Key};

/// How long brokers may take to answer.
const WAIT: Duration = Duration::from_secs(30);
/// What a record's key, headers and framing take of a topic's `max.message.bytes`, at most.
const FRAMING: usize = 4096;

/// Both topics.
pub(super) struct Log {
    kafka: kafka::Config,
    control: Control,
    feed: KafkaFeed,
    status: Reader,
    pub(super) history: History,
    pub(super) states: States,
}

/// A record to be written.
#[derive(Clone, Copy, Default)]
pub(super) struct Write<'a> {
    pub(super) key: Option<&'a Key>,
    pub(super) value: Option<&'a [u8]>,
    /// The revision that must be the last to have changed the data type.
    pub(super) expects: Option<Revision>,
}

impl Log {
    /// Reads both to their ends.
    pub(super) fn open(config: &Config) -> Result<Self> {
        let Some(kafka) = &config.kafka else {
            bail!("{}: expected a table [kafka] with `brokers`: the control log is there", config.file.display())
        };
        let mut states = States::default();
        let mut status = Reader::open(kafka, &config.control.status).context("the status topic")?;
        let taken = status.to_end(WAIT, |record| {
            states.take(Notice::read(record.key, record.value));
            true
        });
        taken.context("the status topic")?;
        let feed = KafkaFeed::open(kafka, &config.control.topic).context("the control log")?;
        let history = History::new(states.unfit());
        let mut log = Self { kafka: kafka.clone(), control: config.control.clone(), feed, status, history, states };
        log.catch_up()?;
        Ok(log)
    }

    fn catch_up(&mut self) -> Result<()> {
        let mut until = Instant::now() + WAIT;
        loop {
            match self.next_record(until)? {
                // What has been refused was refused to whoever wrote it.
                Announcement::Entry(entry) => drop(self.history.read(entry)),
                Announcement::CaughtUp => return Ok(()),
            }
            until = Instant::now() + WAIT;
        }
    }

    fn next_record(&mut self, until: Instant) -> Result<Announcement> {
        while Instant::now() < until {
            match self.feed.next(Duration::from_millis(100)) {
                Ok(Some(announcement)) => return Ok(announcement),
                Ok(None) => {}
                Err(error @ (LinkError::Fatal(_) | LinkError::Namesake(_))) => return Err(error).context("the control log"),
                Err(error) => tracing::warn!(%error, "control log"),
            }
        }
        let (brokers, topic) = (self.kafka.brokers(), &self.control.topic);
        bail!("no answer from {brokers} within {WAIT:?} to reading the control log `{topic}`; the client's log above says more")
    }

    /// Writes a record, and says at which revision it is and what it comes to: every host decides the same.
    pub(super) fn write(&mut self, write: Write<'_>) -> Result<(Revision, Result<Effect, Refused>)> {
        let (key, expects) = (write.key.map(Key::to_string), write.expects.map(|revision| revision.to_string()));
        let headers: Vec<(&str, &[u8])> = expects.iter().map(|text| (EXPECTS_HEADER, text.as_bytes())).collect();
        let key = key.as_deref().map(str::as_bytes);
        let record = PublishRecord { partition: Some(0), key, value: write.value, headers: &headers };
        let written = publish(&self.kafka, &self.control.topic, record, WAIT);
        let offset = written.or_else(|error| Err(self.explained(error, write.value)?))?;
        let revision = Revision::try_from(offset).context("the offset of the record")?;
        let until = Instant::now() + WAIT;
        loop {
            let Announcement::Entry(entry) = self.next_record(until)? else { continue };
            let at = entry.revision;
            let effect = self.history.read(entry);
            if at >= revision {
                return Ok((revision, effect));
            }
        }
    }

    /// A record that is too large is the one failure that has a way round it.
    fn explained(&self, error: kafka::Error, value: Option<&[u8]>) -> Result<anyhow::Error> {
        let topic = &self.control.topic;
        let size = value.map_or(0, <[u8]>::len);
        let takes =
            kafka::topics(&self.kafka, [topic.as_str()].into_iter())?.get(topic).map_or(usize::MAX, kafka::Topic::bytes_max);
        if size + FRAMING <= takes {
            return Ok(error.into());
        }
        Ok(anyhow::anyhow!(
            "the descriptor has {size} bytes, but topic `{topic}` takes {takes} (its max.message.bytes): put the model where all \
             hosts find it, under a folder of `control.locations`, and publish it with --location, big artifacts with \
             --artifact NAME=LOCATION; or raise the topic's max.message.bytes ({error})"
        ))
    }

    /// The next thing a host says, taken into `states`; waits at most until then.
    pub(super) fn next_notice(&mut self, until: Instant) -> Result<Option<Notice>> {
        let mut notice = None;
        let wait = until.saturating_duration_since(Instant::now());
        self.status.next(wait, |record| notice = Notice::read(record.key, record.value)).context("the status topic")?;
        self.states.take(notice.clone());
        Ok(notice)
    }
}
