//! route: the data type of every record, how many rows a slice takes, and which of them have a version that answers.

use std::ops::Range;
use std::sync::atomic::Ordering;
use std::time::Instant;

use super::config::{Config, TypeOf};
use super::hand::{Fate, GONE};
use super::lane::Lane;
use super::letter::{Letter, Why};
use crate::codec;
use crate::registry::{Route, Snapshot, Version};
use crate::stream::Link;
use crate::telemetry::LetterStage;
use crate::types::{Batch, Record};

/// Finds data types.
pub(super) struct Selector {
    names: Vec<String>,
    how: How,
}

enum How {
    Constant(u16),
    Header(String),
    Field(Box<codec::Selector>),
}

impl Selector {
    pub(super) fn new(config: &Config) -> Self {
        let how = match &config.type_of {
            TypeOf::Constant(index) => How::Constant(*index as u16),
            TypeOf::Header(name) => How::Header(name.clone()),
            TypeOf::Field(selector) => How::Field(Box::new(selector.clone())),
        };
        Self { names: config.types.iter().map(|data_type| data_type.name.clone()).collect(), how }
    }

    /// Appends the data type of every record.
    pub(super) fn types_of(&mut self, batch: &Batch, into: &mut Vec<Option<u16>>) {
        if let How::Constant(index) = self.how {
            into.resize(batch.len(), Some(index));
            return;
        }
        for record in batch.records() {
            into.push(self.type_of(batch, record).ok());
        }
    }

    /// The data type of a record, or why it has none.
    fn type_of(&mut self, batch: &Batch, record: &Record) -> Result<u16, Letter> {
        match &mut self.how {
            How::Constant(index) => Ok(*index),
            How::Header(header) => {
                let mut named = None;
                for (name, value) in batch.headers(record) {
                    if name == header.as_bytes() {
                        named = value;
                    }
                }
                match named {
                    Some(name) => index_of(&self.names, name),
                    None => Err(unknown(format!("the record has no header `{header}`, which names its data type"))),
                }
            }
            How::Field(selector) => {
                let value = batch.value(record).ok_or_else(|| unknown("the record has no value".to_owned()))?;
                match selector.select(value) {
                    Ok(Some(name)) => index_of(&self.names, name.as_bytes()),
                    Ok(None) => Err(unknown("the field that names the record's data type is missing".to_owned())),
                    Err(error) => Err(Letter::new(LetterStage::Decode, Why::Undecodable, error.to_string())),
                }
            }
        }
    }
}

fn unknown(message: String) -> Letter {
    Letter::new(LetterStage::Route, Why::Undeclared, message)
}

fn index_of(names: &[String], name: &[u8]) -> Result<u16, Letter> {
    let found = names.iter().position(|known| known.as_bytes() == name);
    found.map(|index| index as u16).ok_or_else(|| {
        let name = String::from_utf8_lossy(name);
        unknown(format!("data type `{name}` is not declared; the stream has {}", names.join(", ")))
    })
}

/// The version that answered before.
pub(super) fn previous(snapshot: &Snapshot, data_type: usize) -> Option<&std::sync::Arc<Version>> {
    snapshot.previous.get(data_type).and_then(Option::as_ref)
}

/// The version that answers, unless it was found unfit.
pub(super) fn live(snapshot: &Snapshot, data_type: usize) -> Option<&std::sync::Arc<Version>> {
    match snapshot.routes.get(data_type) {
        Some(Route::Live(version)) if !version.quarantined.load(Ordering::Acquire) => Some(version),
        _ => None,
    }
}

impl<L: Link> Lane<L> {
    /// Takes as many rows as have their calls done within `step_max`, whatever the models do, and their results within the memory;
    /// at least one.
    pub(super) fn take_slice(&mut self, snapshot: &Snapshot) {
        let start = self.hand.slice.end;
        let rest = start..self.hand.batch.len().min(start + self.slice_max);
        let end = if self.fits(snapshot, rest.len()) { rest.end } else { self.fitting(snapshot, rest) };
        self.hand.begin(end);
    }

    /// Whether so many rows fit, whichever their data types are.
    fn fits(&self, snapshot: &Snapshot, rows: usize) -> bool {
        let versions = (0..self.config.types.len()).filter_map(|data_type| live(snapshot, data_type));
        let (mut base, mut per_row) = (std::time::Duration::ZERO, std::time::Duration::ZERO);
        for version in versions {
            base += version.limits.call_base;
            per_row = per_row.max(version.limits.call_per_row);
        }
        self.suspects.is_empty() && base + per_row * rows as u32 <= self.config.step_max
    }

    /// The end of the rows that fit, counted one by one. A suspect has a call of its own.
    fn fitting(&self, snapshot: &Snapshot, rest: Range<usize>) -> usize {
        let mut called = vec![false; self.config.types.len()];
        let mut spent = std::time::Duration::ZERO;
        for record in rest.clone() {
            let Some(data_type) = self.hand.types[record] else { continue };
            let Some(version) = live(snapshot, data_type as usize) else { continue };
            if self.hand.places[record] == GONE {
                continue;
            }
            let at = &self.hand.batch.records()[record];
            let alone = self.suspects.knows(data_type, self.hand.partition(record), at.offset);
            let first = !std::mem::replace(&mut called[data_type as usize], true);
            spent += version.limits.call_per_row;
            if alone || first {
                spent += version.limits.call_base;
            }
            // Should the version fall over it, the one before is asked about it.
            if let Some(witness) = previous(snapshot, data_type as usize).filter(|_| alone) {
                spent += witness.limits.call(1);
            }
            if spent > self.config.step_max && record > rest.start {
                return record;
            }
        }
        rest.end
    }

    /// Gives every row of the slice that no version can answer its fate, and the others to their data types.
    pub(super) fn route(&mut self, snapshot: &Snapshot, now: Instant) {
        self.positions.uncut();
        self.versions.clear();
        for decoded in &mut self.decoded {
            decoded.members.clear();
        }
        let mut cut = false;
        for record in self.hand.slice.clone() {
            let place = self.hand.places[record];
            if place == GONE || (cut && self.positions.at(place).cut.is_some()) {
                continue;
            }
            let Some(data_type) = self.hand.types[record] else {
                self.kill_unknown(record);
                continue;
            };
            if live(snapshot, data_type as usize).is_some() {
                self.decoded[data_type as usize].members.push(record as u32);
            } else if let Some(letter) = self.without_model(snapshot, data_type, now) {
                self.hand.kill(record, letter);
            } else {
                self.hand.set(record, Fate::Held);
                self.positions.at(place).cut = Some(self.hand.batch.records()[record].offset);
                cut = true;
            }
        }
    }

    fn kill_unknown(&mut self, record: usize) {
        let at = &self.hand.batch.records()[record];
        if let Err(letter) = self.selector.type_of(&self.hand.batch, at) {
            self.hand.kill(record, letter);
        }
    }

    /// A record of a data type without a live version: a dead letter, or `None`: it waits.
    fn without_model(&mut self, snapshot: &Snapshot, data_type: u16, now: Instant) -> Option<Letter> {
        let configured = matches!(snapshot.routes.get(data_type as usize), Some(Route::DeadLetter));
        let caught_up = self.registry.caught_up();
        let waited = self.hold.waits(data_type, now, caught_up, self.config.on_no_model);
        (configured || waited).then(|| {
            let name = &self.config.types[data_type as usize].name;
            let message = format!("no model of data type `{name}` is live");
            Letter::new(LetterStage::Route, Why::NoModel, message).of_type(data_type)
        })
    }
}
