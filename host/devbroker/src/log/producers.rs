//! What a partition knows of its producers: the batches it has already, and the transactions that are open in it.

use std::collections::{HashMap, VecDeque};

use kafka_protocol::error::ResponseError;

use super::batch::Header;

/// As many batches as a producer may have under way; a repeated one among them is recognised.
const REMEMBERED: usize = 5;

/// The producers of one partition.
#[derive(Debug, Default)]
pub(crate) struct Producers {
    by_id: HashMap<i64, Producer>,
    /// In the order of their markers.
    aborted: Vec<Aborted>,
}

#[derive(Debug)]
struct Producer {
    epoch: i16,
    recent: VecDeque<Recent>,
    /// First offset of its open transaction.
    open: Option<i64>,
    /// When it was last heard of, milliseconds since 1970 by this broker's clock.
    seen: i64,
}

#[derive(Debug, Clone, Copy)]
struct Recent {
    first: i32,
    last: i32,
    base: i64,
}

/// A transaction that was aborted: readers of committed records skip what this producer wrote from `first` to the marker, `last`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Aborted {
    pub(crate) producer: i64,
    pub(crate) first: i64,
    pub(crate) last: i64,
}

/// A producer as `DescribeProducers` shows it.
pub(crate) struct Active {
    pub(crate) id: i64,
    pub(crate) epoch: i16,
    pub(crate) last_sequence: i32,
    pub(crate) seen: i64,
    pub(crate) open: Option<i64>,
}

impl Producers {
    /// Whether a batch may be appended; the offset it has already if it was.
    pub(crate) fn check(&self, header: &Header) -> Result<Option<i64>, ResponseError> {
        let Some(producer) = self.by_id.get(&header.producer) else { return Ok(None) };
        if header.epoch < producer.epoch {
            return Err(ResponseError::InvalidProducerEpoch);
        }
        if header.epoch > producer.epoch {
            return if header.sequence == 0 { Ok(None) } else { Err(ResponseError::OutOfOrderSequenceNumber) };
        }
        let last = last_sequence(header);
        if let Some(same) = producer.recent.iter().find(|recent| recent.first == header.sequence && recent.last == last) {
            return Ok(Some(same.base));
        }
        match producer.recent.back() {
            Some(recent) if header.sequence != following(recent.last) => Err(ResponseError::OutOfOrderSequenceNumber),
            _ => Ok(None),
        }
    }

    /// Notes a batch that was appended.
    pub(crate) fn appended(&mut self, header: &Header, now: i64) {
        if header.producer < 0 {
            return;
        }
        let producer = self.at_epoch(header.producer, header.epoch, now);
        if producer.recent.len() == REMEMBERED {
            producer.recent.pop_front();
        }
        producer.recent.push_back(Recent { first: header.sequence, last: last_sequence(header), base: header.base });
        if header.is_transactional() {
            producer.open.get_or_insert(header.base);
        }
    }

    /// Notes the end of a transaction.
    pub(crate) fn ended(&mut self, header: &Header, commit: bool, now: i64) {
        let producer = self.at_epoch(header.producer, header.epoch, now);
        if let Some(first) = producer.open.take()
            && !commit
        {
            self.aborted.push(Aborted { producer: header.producer, first, last: header.base });
        }
    }

    /// A producer that came back with a higher epoch counts from 0 again; its open transaction stays until its marker comes.
    fn at_epoch(&mut self, id: i64, epoch: i16, now: i64) -> &mut Producer {
        let fresh = || Producer { epoch, recent: VecDeque::new(), open: None, seen: now };
        let producer = self.by_id.entry(id).or_insert_with(fresh);
        if producer.epoch != epoch {
            producer.epoch = epoch;
            producer.recent.clear();
        }
        producer.seen = now;
        producer
    }

    /// The offset in front of which no transaction is open, if there is an open one.
    pub(crate) fn first_open(&self) -> Option<i64> {
        self.by_id.values().filter_map(|producer| producer.open).min()
    }

    /// The aborted transactions that touch the offsets `from..to`.
    pub(crate) fn aborted(&self, from: i64, to: i64) -> impl Iterator<Item = Aborted> {
        self.aborted.iter().copied().filter(move |aborted| aborted.last >= from && aborted.first < to)
    }

    /// Forgets aborted transactions that end before `offset`.
    pub(crate) fn forget_before(&mut self, offset: i64) {
        self.aborted.retain(|aborted| aborted.last >= offset);
    }

    /// Forgets producers without an open transaction that were not heard of since `moment`.
    pub(crate) fn forget_silent(&mut self, moment: i64) {
        self.by_id.retain(|_, producer| producer.open.is_some() || producer.seen >= moment);
    }

    pub(crate) fn active(&self) -> impl Iterator<Item = Active> {
        self.by_id.iter().map(|(&id, producer)| Active {
            id,
            epoch: producer.epoch,
            last_sequence: producer.recent.back().map_or(-1, |recent| recent.last),
            seen: producer.seen,
            open: producer.open,
        })
    }
}

/// Numbers go round after the largest.
fn following(sequence: i32) -> i32 {
    sequence.checked_add(1).unwrap_or(0)
}

fn last_sequence(header: &Header) -> i32 {
    let last = i64::from(header.sequence) + i64::from(header.last_delta);
    i32::try_from(last).unwrap_or_else(|_| (last - i64::from(i32::MAX) - 1) as i32)
}
