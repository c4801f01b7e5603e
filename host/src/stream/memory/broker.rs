//! Topics and transactions.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::group::Group;
use super::partitioner::partition_of;
use crate::stream::{Headers, Offsets, Partition};

/// Which records a reader sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Isolation {
    /// Those of no transaction and of committed ones, up to the first that is undecided.
    Committed,
    /// All, those of aborted transactions included.
    Uncommitted,
}

/// How the transaction of a record stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Undecided.
    Open,
    /// Committed, or the record was in none.
    Committed,
    /// Aborted.
    Aborted,
}

/// A record in a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Key.
    pub key: Option<Vec<u8>>,
    /// Value.
    pub value: Option<Vec<u8>>,
    /// Milliseconds since the epoch; -1 where the producer sent none, as there is no clock.
    pub timestamp: i64,
    /// Headers.
    pub headers: Vec<(Vec<u8>, Option<Vec<u8>>)>,
}

impl Message {
    /// A record with a value and nothing else.
    #[must_use]
    pub fn of(value: impl Into<Vec<u8>>) -> Self {
        Self { key: None, value: Some(value.into()), timestamp: -1, headers: Vec::new() }
    }

    /// Last header of that name, as text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().rev().find(|(header, _)| header == name.as_bytes())?;
        std::str::from_utf8(value.as_deref()?).ok()
    }
}

/// A record as a reader sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// Its offset.
    pub offset: i64,
    /// How its transaction stands.
    pub outcome: Outcome,
    /// The record.
    pub message: Message,
}

/// The broker; a clone is another connection to it.
#[derive(Debug, Clone, Default)]
pub struct Broker(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
pub(super) struct Inner {
    topics: BTreeMap<String, Vec<Vec<Slot>>>,
    transactions: Vec<Transaction>,
    identities: BTreeMap<String, Identity>,
    groups: BTreeMap<String, Group>,
}

/// What takes up one offset.
#[derive(Debug)]
enum Slot {
    /// A marker, or what a compaction left.
    Gap,
    Record {
        transaction: Option<usize>,
        message: Message,
    },
}

#[derive(Debug)]
struct Transaction {
    outcome: Outcome,
    written: Vec<(String, i32)>,
}

/// What the transaction coordinator knows of a transactional.id.
#[derive(Debug, Default)]
struct Identity {
    epoch: u64,
    open: Option<usize>,
}

impl Broker {
    /// A broker without topics.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    pub(super) fn locked(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a topic. One that exists stays as it is.
    pub fn create(&self, topic: &str, partitions: i32) {
        let logs = || (0..partitions.max(1)).map(|_| Vec::new()).collect();
        self.locked().topics.entry(topic.to_owned()).or_insert_with(logs);
    }

    /// Appends a record outside of any transaction; the offset it got, or `None` where there is no such partition.
    pub fn produce(&self, topic: &str, partition: i32, message: Message) -> Option<i64> {
        self.locked().append(topic, partition, Slot::Record { transaction: None, message })
    }

    /// Leaves an offset out, as a transaction's marker or a compaction does.
    pub fn skip(&self, topic: &str, partition: i32) {
        self.locked().append(topic, partition, Slot::Gap);
    }

    /// Number of partitions of a topic; 0 where there is none.
    #[must_use]
    pub fn partitions(&self, topic: &str) -> i32 {
        self.locked().topics.get(topic).map_or(0, |logs| logs.len() as i32)
    }

    /// The offset the next record of a partition gets.
    #[must_use]
    pub fn end(&self, topic: &str, partition: i32) -> i64 {
        self.locked().log(topic, partition).map_or(0, |log| log.len() as i64)
    }

    /// Everything a reader sees of a partition from `from` on.
    #[must_use]
    pub fn read(&self, topic: &str, partition: i32, from: i64, isolation: Isolation) -> Vec<View> {
        let mut views = Vec::new();
        self.locked().visit(topic, partition, from, isolation, |offset, outcome, message| {
            views.push(View { offset, outcome, message: message.clone() });
            true
        });
        views
    }

    /// Committed offset of a group. `topic` is an index into the inputs its members named.
    #[must_use]
    pub fn committed(&self, group: &str, partition: Partition) -> Option<i64> {
        self.locked().groups.get(group)?.committed(partition)
    }

    /// The group expels a member at once, as it does when a session has expired: its partitions are free, it does not know yet.
    pub fn expel(&self, group: &str, member: u64) {
        self.locked().group(group).leave(member);
    }

    /// Gives a group's partitions to its members in an order that follows from `seed`.
    pub fn shuffle(&self, group: &str, seed: u64) {
        self.locked().group(group).shuffle(seed);
    }

    /// Ends every open transaction as the broker does when its timeout has passed: aborted, and its producer is fenced.
    pub fn expire_transactions(&self) {
        let mut inner = self.locked();
        let open: Vec<String> =
            inner.identities.iter().filter(|(_, identity)| identity.open.is_some()).map(|(name, _)| name.clone()).collect();
        for identity in open {
            inner.initialise(&identity);
        }
    }
}

impl Inner {
    fn log(&self, topic: &str, partition: i32) -> Option<&Vec<Slot>> {
        self.topics.get(topic)?.get(usize::try_from(partition).ok()?)
    }

    fn append(&mut self, topic: &str, partition: i32, slot: Slot) -> Option<i64> {
        let log = self.topics.get_mut(topic)?.get_mut(usize::try_from(partition).ok()?)?;
        log.push(slot);
        Some(log.len() as i64 - 1)
    }

    pub(super) fn partitions(&self, topic: &str) -> i32 {
        self.topics.get(topic).map_or(0, |logs| logs.len() as i32)
    }

    pub(super) fn group(&mut self, name: &str) -> &mut Group {
        self.groups.entry(name.to_owned()).or_default()
    }

    /// Shows the records of a partition in order until `each` returns false. The offset to go on at.
    pub(super) fn visit(
        &self,
        topic: &str,
        partition: i32,
        from: i64,
        isolation: Isolation,
        mut each: impl FnMut(i64, Outcome, &Message) -> bool,
    ) -> i64 {
        let log = self.log(topic, partition).map(Vec::as_slice).unwrap_or_default();
        let start = usize::try_from(from).unwrap_or(0).min(log.len());
        for (at, slot) in log.iter().enumerate().skip(start) {
            let Slot::Record { transaction, message } = slot else { continue };
            let outcome = transaction.map_or(Outcome::Committed, |transaction| self.transactions[transaction].outcome);
            match (isolation, outcome) {
                (Isolation::Committed, Outcome::Aborted) => continue,
                (Isolation::Committed, Outcome::Open) => return at as i64,
                _ => {}
            }
            if !each(at as i64, outcome, message) {
                return at as i64;
            }
        }
        log.len().max(start) as i64
    }

    /// Opens an identity: its predecessor is fenced and the transaction that left open is aborted. Returns the new epoch.
    pub(super) fn initialise(&mut self, identity: &str) -> u64 {
        let entry = self.identities.entry(identity.to_owned()).or_default();
        entry.epoch += 1;
        let (epoch, open) = (entry.epoch, entry.open.take());
        if let Some(transaction) = open {
            self.decide(transaction, Outcome::Aborted);
        }
        epoch
    }

    /// Whether nobody has opened the identity since.
    pub(super) fn is_current(&self, identity: &str, epoch: u64) -> bool {
        self.identities.get(identity).is_some_and(|entry| entry.epoch == epoch)
    }

    /// The open transaction of an identity; begins one where there is none.
    pub(super) fn transaction(&mut self, identity: &str) -> usize {
        let entry = self.identities.entry(identity.to_owned()).or_default();
        *entry.open.get_or_insert_with(|| {
            self.transactions.push(Transaction { outcome: Outcome::Open, written: Vec::new() });
            self.transactions.len() - 1
        })
    }

    /// Appends what a link sends.
    pub(super) fn send(
        &mut self,
        topic: &str,
        partition: Option<i32>,
        transaction: Option<usize>,
        message: Message,
    ) -> Result<(), String> {
        let partitions = self.partitions(topic);
        let partition = partition.unwrap_or_else(|| partition_of(message.key.as_deref(), partitions));
        self.append(topic, partition, Slot::Record { transaction, message })
            .ok_or_else(|| format!("there is no partition {partition} of topic `{topic}`, which has {partitions}"))?;
        if let Some(transaction) = transaction {
            let written = &mut self.transactions[transaction].written;
            if !written.iter().any(|(name, number)| name == topic && *number == partition) {
                written.push((topic.to_owned(), partition));
            }
        }
        Ok(())
    }

    /// Ends the open transaction of an identity, with the group's offsets if it is committed.
    pub(super) fn end_transaction(&mut self, identity: &str, outcome: Outcome, group: &str, next: &Offsets) {
        if outcome == Outcome::Committed {
            self.group(group).commit(next);
        }
        if let Some(transaction) = self.identities.get_mut(identity).and_then(|entry| entry.open.take()) {
            self.decide(transaction, outcome);
        }
    }

    /// Every partition the transaction wrote to gets a marker.
    fn decide(&mut self, transaction: usize, outcome: Outcome) {
        self.transactions[transaction].outcome = outcome;
        for (topic, partition) in std::mem::take(&mut self.transactions[transaction].written) {
            self.append(&topic, partition, Slot::Gap);
        }
    }
}

/// Copies headers out of a batch.
pub(super) fn copy_headers(headers: Headers<'_>) -> Vec<(Vec<u8>, Option<Vec<u8>>)> {
    let mut copied = Vec::new();
    headers.for_each(|name, value| copied.push((name.to_vec(), value.map(<[u8]>::to_vec))));
    copied
}
