//! The control log and the status topic, as a command sees them: read to their ends, then written to and followed.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};

use super::large::Large;
use super::status::{Notice, States};
use crate::config::{Config, Control};
use crate::lifecycle::{Effect, History, Refused};
use crate::stream::kafka::{self, KafkaFeed, PublishRecord, Reader, Upload, publish};
use crate::stream::{Announcement, Feed as _, LinkError};
use crate::types::Revision;
use crate::types::control::{EXPECTS_HEADER, Key};

/// How long brokers may take to answer.
const WAIT: Duration = Duration::from_secs(30);
/// What a record's key, headers and framing take of a topic's `max.message.bytes`, at most.
pub(super) const FRAMING: usize = 4096;
/// Bytes of a record that are not worth asking for what the topic takes.
const SMALL: usize = 64 << 10;

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
        let offset = with_record(write, |record| publish(&self.kafka, &self.control.topic, record, WAIT))?;
        self.come_to(offset)
    }

    /// Writes a descriptor and its chunks in one transaction; the value of `write` is the descriptor's.
    pub(super) fn write_large(&mut self, write: Write<'_>, large: Large) -> Result<(Revision, Result<Effect, Refused>)> {
        let topic = &self.control.topic;
        eprintln!(
            "sandstream: the model is too large for a record of `{topic}`: {} go to `{}`",
            large.shown(),
            self.control.chunks
        );
        // Nobody else's, so that two who publish at a time do not end one another's transaction.
        let random = getrandom::u64().map_err(|error| anyhow!("no random bytes for the name of a transaction: {error}"))?;
        let id = format!("{topic}-publish-{random:016x}");
        let mut upload = Upload::begin(&self.kafka, &id, &self.control.chunks, large.timeout(), large.takes())?;
        let value = large.send(&mut upload)?;
        let offset = with_record(Write { value: Some(&value), ..write }, |record| upload.commit(topic, record))?;
        self.come_to(offset)
    }

    /// Reads on to a record that was written.
    fn come_to(&mut self, offset: i64) -> Result<(Revision, Result<Effect, Refused>)> {
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

    /// The control log's name.
    pub(super) fn topic(&self) -> &str {
        &self.control.topic
    }

    /// The chunks topic's name.
    pub(super) fn chunks_topic(&self) -> &str {
        &self.control.chunks
    }

    /// What the control log takes, bytes, where a record of this size might be too large for it.
    pub(super) fn too_small_for(&self, size: usize) -> Result<Option<usize>> {
        if size <= SMALL {
            return Ok(None);
        }
        let takes = self.takes(&self.control.topic)?;
        Ok(takes.filter(|takes| size + FRAMING > *takes))
    }

    /// What the chunks topic takes, bytes.
    pub(super) fn chunks_take(&self) -> Result<usize> {
        let topic = &self.control.chunks;
        self.takes(topic)?.with_context(|| {
            format!(
                "the model is too large for a record of `{}`, and topic `{topic}`, where it would go in chunks, does not exist on \
                 {}: create it, or run `sandstream check --kafka --create`; or put the model where all hosts find it, under a \
                 folder of `control.locations`, and publish it with --location",
                self.control.topic,
                self.kafka.brokers()
            )
        })
    }

    fn takes(&self, topic: &str) -> Result<Option<usize>> {
        Ok(kafka::topics(&self.kafka, [topic].into_iter())?.get(topic).map(kafka::Topic::bytes_max))
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

/// Hands a record over as the library takes it.
fn with_record<E: Into<anyhow::Error>>(write: Write<'_>, to: impl FnOnce(PublishRecord<'_>) -> Result<i64, E>) -> Result<i64> {
    let (key, expects) = (write.key.map(Key::to_string), write.expects.map(|revision| revision.to_string()));
    let headers: Vec<(&str, &[u8])> = expects.iter().map(|text| (EXPECTS_HEADER, text.as_bytes())).collect();
    let key = key.as_deref().map(str::as_bytes);
    to(PublishRecord { partition: Some(0), key, value: write.value, headers: &headers }).map_err(Into::into)
}
