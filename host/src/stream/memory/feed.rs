//! A control log and a status topic in memory.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::broker::{Broker, Isolation};
use crate::stream::{Announcement, Entry, Feed, LinkError, Notices};
use crate::types::control::EXPECTS_HEADER;

/// Reads a topic of one partition from its beginning.
#[derive(Debug)]
pub struct MemoryFeed {
    broker: Broker,
    topic: String,
    next: i64,
    end: i64,
    caught_up: bool,
}

impl MemoryFeed {
    /// Opens the control log.
    ///
    /// # Errors
    /// The topic is absent or has more than one partition.
    pub fn open(broker: &Broker, topic: &str) -> Result<Self, LinkError> {
        match broker.partitions(topic) {
            1 => {
                Ok(Self { broker: broker.clone(), topic: topic.to_owned(), next: 0, end: broker.end(topic, 0), caught_up: false })
            }
            partitions => Err(LinkError::Fatal(format!(
                "control log `{topic}` must have one partition, so that all hosts see one order; it has {partitions}"
            ))),
        }
    }
}

impl Feed for MemoryFeed {
    fn next(&mut self, _wait: Duration) -> Result<Option<Announcement>, LinkError> {
        if !self.caught_up && self.next >= self.end {
            self.caught_up = true;
            return Ok(Some(Announcement::CaughtUp));
        }
        let mut entry = None;
        self.next = self.broker.locked().visit(&self.topic, 0, self.next, Isolation::Committed, |offset, _, message| {
            if entry.is_some() || (!self.caught_up && offset >= self.end) {
                return false;
            }
            let expects = message.headers.iter().rev().find(|(name, _)| name == EXPECTS_HEADER.as_bytes());
            entry = Some(Entry {
                revision: offset as u64,
                timestamp: message.timestamp,
                key: message.key.clone(),
                value: message.value.clone(),
                expects: expects.and_then(|(_, value)| value.clone()),
            });
            true
        });
        match entry {
            Some(entry) => Ok(Some(Announcement::Entry(entry))),
            // Only gaps were left before what was the end at the start.
            None if !self.caught_up => {
                self.caught_up = true;
                Ok(Some(Announcement::CaughtUp))
            }
            None => Ok(None),
        }
    }
}

/// Keeps the latest value of every key; a clone reads the same.
#[derive(Debug, Clone, Default)]
pub struct MemoryNotices(Arc<Mutex<BTreeMap<String, Vec<u8>>>>);

impl MemoryNotices {
    /// The latest value of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    /// All keys with their latest values.
    #[must_use]
    pub fn all(&self) -> BTreeMap<String, Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Notices for MemoryNotices {
    fn put(&mut self, key: &str, value: &[u8]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key.to_owned(), value.to_vec());
    }
}
