//! deliver: results and dead letters in the order of the records.

use std::sync::Arc;
use std::time::Instant;

use super::activation::Activation;
use super::config::Config;
use super::hand::{Fate, GONE};
use super::lane::Lane;
use super::letter::Origin;
use super::score::Answering;
use crate::registry::Snapshot;
use crate::stream::{Headers, Link, LinkError, Outgoing, Partition, Sink};
use crate::telemetry::Finished;

/// How many of the last rows were dead letters.
#[derive(Debug, Default)]
pub(super) struct Share {
    rows: usize,
    dead: usize,
    /// Too many; the stream waits.
    pub(super) exceeded: bool,
}

/// Fewer rows say nothing about the share.
const SHARE_ROWS_MIN: usize = 256;
/// Older rows count half when there are more than this.
const SHARE_ROWS_MAX: usize = 8192;

impl Share {
    /// Whether the share stays within `most` with these rows added; if so, they are.
    fn takes(&mut self, rows: usize, dead: usize, most: f64) -> bool {
        let (all, all_dead) = (self.rows + rows, self.dead + dead);
        self.exceeded = dead > 0 && all >= SHARE_ROWS_MIN && all_dead as f64 > most * all as f64;
        if !self.exceeded {
            let halve = all > SHARE_ROWS_MAX;
            (self.rows, self.dead) = if halve { (all / 2, all_dead / 2) } else { (all, all_dead) };
        }
        !self.exceeded
    }
}

/// Which sinks have as many partitions as their input: output, dead letters.
pub(super) fn keeps(link: &impl Link, config: &Config) -> Vec<(bool, bool)> {
    let as_many = |sink, partitions| link.partitions(sink) == partitions;
    let inputs = config.inputs.iter().enumerate();
    let both = |(i, partitions)| (as_many(Sink::Output(i), partitions), as_many(Sink::DeadLetters(i), partitions));
    inputs.map(|(i, input)| both((i as u16, input.partitions))).collect()
}

impl<L: Link> Lane<L> {
    /// Sends what the slice became, up to where its partitions are cut. Returns how many rows that were.
    pub(super) fn deliver(&mut self, snapshot: &Arc<Snapshot>, now: Instant) -> Result<usize, LinkError> {
        self.cut_undecided();
        self.check_share();
        let (mut results, mut bytes, mut dead, mut last) = (0, 0, 0, None);
        for at in 0..self.hand.fates.len() {
            let record = self.hand.slice.start + at;
            if self.waits(record) {
                continue;
            }
            match self.hand.fates[at] {
                Fate::Result { start, length, version } => {
                    self.activate(record, version)?;
                    self.send_result(record, start..start + length as usize)?;
                    results += 1;
                    bytes += u64::from(length);
                    last = Some(version);
                }
                Fate::Dead(letter) => {
                    if let Some(version) = self.hand.letters[letter as usize].version {
                        self.activate(record, version)?;
                    }
                    self.send_letter(record, letter)?;
                    self.log_letter(record, letter, now);
                    dead += 1;
                }
                Fate::Open | Fate::Held => continue,
            }
            let next = self.hand.batch.records()[record].offset + 1;
            self.positions.at(self.hand.places[record]).next = Some(next);
        }
        let rows = results + dead;
        if rows > 0 {
            self.transaction.since.get_or_insert(now);
            self.transaction.records += rows;
            self.stats.results.add(results as u64);
            self.stats.bytes_out.add(bytes);
            let revision = last.map(|version| self.versions[version as usize].version.revision);
            self.stats.finished(Finished { at: Instant::now(), revision, rows: rows as u32 });
        }
        self.hold_cut(snapshot, now)?;
        Ok(rows)
    }

    /// Whether a row is not this slice's to deliver.
    fn waits(&mut self, record: usize) -> bool {
        let place = self.hand.places[record];
        if place == GONE {
            return true;
        }
        let offset = self.hand.batch.records()[record].offset;
        self.positions.at(place).cut.is_some_and(|cut| offset >= cut)
    }

    /// A row without a fate waits, and everything behind it in its partition.
    fn cut_undecided(&mut self) {
        for at in 0..self.hand.fates.len() {
            if matches!(self.hand.fates[at], Fate::Open | Fate::Held) {
                self.cut(self.hand.slice.start + at);
            }
        }
    }

    fn cut(&mut self, record: usize) {
        if !self.waits(record) {
            let offset = self.hand.batch.records()[record].offset;
            self.positions.at(self.hand.places[record]).cut = Some(offset);
        }
    }

    /// When too large a share are dead letters, all of the slice waits: more likely than so many bad records is a wrong
    /// configuration or model.
    fn check_share(&mut self) {
        let Some(most) = self.config.dead_letter_share_max else { return };
        let (mut rows, mut dead) = (0, 0);
        for at in 0..self.hand.fates.len() {
            if !self.waits(self.hand.slice.start + at) {
                rows += 1;
                dead += usize::from(matches!(self.hand.fates[at], Fate::Dead(_)));
            }
        }
        if !self.share.takes(rows, dead, most) {
            for record in self.hand.slice.clone() {
                self.cut(record);
            }
        }
    }

    /// Writes an activation if another version answered for the record's data type before, or none since the assignment.
    fn activate(&mut self, record: usize, version: u16) -> Result<(), LinkError> {
        let Answering { version, data_type, epoch } = &self.versions[version as usize];
        if !self.positions.at(self.hand.places[record]).activate(*data_type, *epoch) {
            return Ok(());
        }
        self.log_switch(record, version);
        let at = &self.hand.batch.records()[record];
        let topic = &self.config.inputs[at.topic as usize].topic;
        let data_type = &self.config.types[*data_type as usize].name;
        let key = Activation::key(&self.config.stream, topic, at.partition, data_type);
        let value = serde_json::to_vec(&Activation::of(version, at.offset))
            .map_err(|error| LinkError::Fatal(format!("an activation could not be written as JSON: {error}")))?;
        let (key, value) = (Some(key.as_bytes()), Some(value.as_slice()));
        let (partition, headers) = (None, Headers::default());
        self.link.send(Outgoing { sink: Sink::Activations, partition, key, value, timestamp: -1, headers })
    }

    fn send_result(&mut self, record: usize, bytes: std::ops::Range<usize>) -> Result<(), LinkError> {
        let batch = &self.hand.batch;
        let at = &batch.records()[record];
        let keeps = self.keeps[at.topic as usize].0;
        self.link.send(Outgoing {
            sink: Sink::Output(at.topic),
            partition: keeps.then_some(at.partition),
            key: batch.key(at),
            value: Some(&self.hand.results[bytes]),
            timestamp: at.timestamp,
            headers: Headers { kept: Some((batch, record)), added: &[] },
        })
    }

    fn send_letter(&mut self, record: usize, letter: u32) -> Result<(), LinkError> {
        let letter = &self.hand.letters[letter as usize];
        let at = &self.hand.batch.records()[record];
        let origin = Origin {
            config: &self.config,
            partition: Partition { topic: at.topic, number: at.partition },
            offset: at.offset,
            version: letter.version.map(|version| self.versions[version as usize].version.as_ref()),
        };
        let keeps = self.keeps[at.topic as usize].1;
        letter.send(&mut self.link, &origin, &self.hand.batch, record, keeps.then_some(at.partition))?;
        self.stats.dead_letter(letter.stage);
        Ok(())
    }
}
