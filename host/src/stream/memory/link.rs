//! A lane's consumer and producer on the broker in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use super::broker::{Broker, Inner, Isolation, Message, Outcome, copy_headers};
use super::fault::{Fault, Faults};
use crate::stream::{Delivery, Event, Link, LinkError, Offsets, Outgoing, Partition, Sink};
use crate::types::Batch;

/// What a link connects.
#[derive(Debug, Clone)]
pub struct Options {
    /// Consumer group.
    pub group: String,
    /// transactional.id; one link at a time has it.
    pub identity: String,
    /// Input topics.
    pub inputs: Vec<String>,
    /// Output topic of each of them.
    pub outputs: Vec<String>,
    /// Dead-letter topic of each of them.
    pub dead_letters: Vec<String>,
    /// Activations topic.
    pub activations: String,
    /// What is promised.
    pub delivery: Delivery,
    /// The most records that come from one partition before another has its turn.
    pub fetch_max: usize,
    /// What goes wrong.
    pub faults: Faults,
}

/// A link in memory. Dropping it leaves the group and leaves an open transaction behind, as a killed process does; whoever opens
/// the identity next ends it.
#[derive(Debug)]
pub struct MemoryLink {
    broker: Broker,
    options: Options,
    member: u64,
    epoch: u64,
    /// Next offset to fetch of every partition that is ours.
    positions: BTreeMap<Partition, i64>,
    paused: BTreeSet<Partition>,
    /// The loss of the partitions has been reported and is not answered yet.
    lost: bool,
    /// Number of fills, so that every partition comes first in turn.
    turn: usize,
}

fn check_fence(inner: &Inner, options: &Options, epoch: u64) -> Result<(), LinkError> {
    if options.delivery == Delivery::AtLeastOnce || inner.is_current(&options.identity, epoch) {
        return Ok(());
    }
    Err(LinkError::Fatal(format!("`{}` was fenced: another instance has opened it", options.identity)))
}

impl MemoryLink {
    /// Joins the group and opens the identity.
    #[must_use]
    pub fn open(broker: &Broker, options: Options) -> Self {
        let mut link = Self {
            broker: broker.clone(),
            options,
            member: 0,
            epoch: 0,
            positions: BTreeMap::new(),
            paused: BTreeSet::new(),
            lost: false,
            turn: 0,
        };
        link.join();
        link.epoch = broker.locked().initialise(&link.options.identity);
        link
    }

    /// Its number in the group, for [`Broker::expel`].
    #[must_use]
    pub fn member(&self) -> u64 {
        self.member
    }

    /// Ends it the way a cut power line does: the group does not notice before [`Broker::expel`].
    pub fn vanish(mut self) {
        self.member = 0;
    }

    fn join(&mut self) {
        self.positions.clear();
        self.paused.clear();
        self.lost = false;
        let mut inner = self.broker.locked();
        let counts: Vec<i32> = self.options.inputs.iter().map(|topic| inner.partitions(topic)).collect();
        let all = counts
            .iter()
            .enumerate()
            .flat_map(|(topic, count)| (0..*count).map(move |number| Partition { topic: topic as u16, number }));
        self.member = inner.group(&self.options.group).join(all);
    }

    fn topic(&self, sink: Sink) -> &str {
        match sink {
            Sink::Output(input) => &self.options.outputs[input as usize],
            Sink::DeadLetters(input) => &self.options.dead_letters[input as usize],
            Sink::Activations => &self.options.activations,
        }
    }

    /// An expelled member notices with its next heartbeat, so it may read on for a while.
    fn event(&mut self) -> Option<Event> {
        let mut inner = self.broker.locked();
        let group = inner.group(&self.options.group);
        if !group.has(self.member) {
            if self.lost || self.options.faults.below(2) == 0 {
                return None;
            }
            self.lost = true;
            return Some(Event::Lost(self.positions.keys().copied().collect()));
        }
        let event = group.event(self.member)?;
        if let Event::Assigned(partitions) = &event {
            for partition in partitions {
                self.positions.insert(*partition, group.committed(*partition).unwrap_or(0));
                self.paused.remove(partition);
            }
        }
        Some(event)
    }

    fn fetch(&mut self, batch: &mut Batch) {
        let flowing: Vec<Partition> =
            self.positions.keys().filter(|partition| !self.paused.contains(partition)).copied().collect();
        if flowing.is_empty() {
            return;
        }
        self.turn += 1;
        let first = self.turn % flowing.len();
        let inner = self.broker.locked();
        for i in 0..flowing.len() {
            let partition = flowing[(first + i) % flowing.len()];
            let Some(position) = self.positions.get_mut(&partition) else { continue };
            let mut room = 1 + self.options.faults.below(self.options.fetch_max);
            let topic = &self.options.inputs[partition.topic as usize];
            *position = inner.visit(topic, partition.number, *position, Isolation::Committed, |offset, _, message| {
                if room == 0 || batch.is_full() {
                    return false;
                }
                room -= 1;
                let headers = message.headers.iter().map(|(name, value)| (name.as_slice(), value.as_deref()));
                let (key, value) = (message.key.as_deref(), message.value.as_deref());
                batch.push(partition.topic, partition.number, offset, message.timestamp, key, value, headers);
                true
            });
        }
    }
}

impl Link for MemoryLink {
    fn fill(&mut self, batch: &mut Batch, _until: Instant) -> Result<Event, LinkError> {
        match self.options.faults.now(&[Fault::Fill, Fault::Expelled]) {
            Some(Fault::Fill) => return Err(LinkError::Reopen("the connection broke (injected)".to_owned())),
            Some(_) => self.broker.expel(&self.options.group, self.member),
            None => {}
        }
        if let Some(event) = self.event() {
            return Ok(event);
        }
        let unanswered = self.lost || self.broker.locked().group(&self.options.group).is_asked(self.member);
        if !unanswered {
            self.fetch(batch);
        }
        Ok(Event::Filled)
    }

    fn events(&mut self) -> Result<Option<Event>, LinkError> {
        Ok(self.event())
    }

    fn send(&mut self, out: Outgoing<'_>) -> Result<(), LinkError> {
        let mut inner = self.broker.locked();
        check_fence(&inner, &self.options, self.epoch)?;
        if self.options.faults.now(&[Fault::Send]).is_some() {
            return Err(LinkError::Abort("a message failed delivery (injected)".to_owned()));
        }
        let message = Message {
            key: out.key.map(<[u8]>::to_vec),
            value: out.value.map(<[u8]>::to_vec),
            timestamp: out.timestamp,
            headers: copy_headers(out.headers),
        };
        let transaction = match self.options.delivery {
            Delivery::ExactlyOnce => Some(inner.transaction(&self.options.identity)),
            Delivery::AtLeastOnce => None,
        };
        inner.send(self.topic(out.sink), out.partition, transaction, message).map_err(LinkError::Fatal)
    }

    fn commit(&mut self, next: &Offsets) -> Result<(), LinkError> {
        let fault = self.options.faults.now(&[Fault::CommitRefused, Fault::CommitApplied, Fault::CommitUnapplied]);
        let mut inner = self.broker.locked();
        check_fence(&inner, &self.options, self.epoch)?;
        if !inner.group(&self.options.group).owns(self.member, next) {
            return Err(LinkError::Abort("the group does not know this member (UNKNOWN_MEMBER_ID)".to_owned()));
        }
        if fault == Some(Fault::CommitRefused) {
            return Err(LinkError::Abort("ILLEGAL_GENERATION (injected)".to_owned()));
        }
        let unknown = Err(LinkError::Reopen("no answer to the commit (injected)".to_owned()));
        if fault == Some(Fault::CommitUnapplied) {
            return unknown;
        }
        inner.end_transaction(&self.options.identity, Outcome::Committed, &self.options.group, next);
        if fault == Some(Fault::CommitApplied) { unknown } else { Ok(()) }
    }

    fn abort(&mut self) -> Result<(), LinkError> {
        let mut inner = self.broker.locked();
        check_fence(&inner, &self.options, self.epoch)?;
        if self.options.faults.now(&[Fault::Abort]).is_some() {
            return Err(LinkError::Reopen("INVALID_TXN_STATE (injected)".to_owned()));
        }
        inner.end_transaction(&self.options.identity, Outcome::Aborted, &self.options.group, &Offsets::default());
        let group = inner.group(&self.options.group);
        for (partition, position) in &mut self.positions {
            *position = group.committed(*partition).unwrap_or(0);
        }
        Ok(())
    }

    fn reopen(&mut self) -> Result<(), LinkError> {
        self.broker.expel(&self.options.group, self.member);
        self.epoch = self.broker.locked().initialise(&self.options.identity);
        self.join();
        Ok(())
    }

    fn release(&mut self) -> Result<(), LinkError> {
        if self.lost {
            self.join();
            return Ok(());
        }
        let mut inner = self.broker.locked();
        let group = inner.group(&self.options.group);
        group.release(self.member);
        self.positions.retain(|partition, _| {
            let mut one = Offsets::default();
            one.set(*partition, 0);
            // An expelled member owns nothing, but hears of it as `Lost`.
            !group.has(self.member) || group.owns(self.member, &one)
        });
        Ok(())
    }

    fn hold(&mut self, from: &Offsets) -> Result<(), LinkError> {
        for (partition, offset) in from.iter() {
            if let Some(position) = self.positions.get_mut(&partition) {
                *position = offset;
                self.paused.insert(partition);
            }
        }
        Ok(())
    }

    fn resume(&mut self) -> Result<(), LinkError> {
        self.paused.clear();
        Ok(())
    }

    fn partitions(&self, sink: Sink) -> i32 {
        self.broker.partitions(self.topic(sink))
    }
}

impl Drop for MemoryLink {
    fn drop(&mut self) {
        self.broker.expel(&self.options.group, self.member);
    }
}
