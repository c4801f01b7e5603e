//! score: one call for the rows of a version, or one each for those it fell over before; results are encoded at once.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use super::config::Config;
use super::decode::Decoded;
use super::hand::{Fate, Hand};
use super::lane::Lane;
use super::letter::{Letter, Why};
use super::positions::Epoch;
use super::route::{live, previous};
use super::suspects::{Suspects, Suspicion};
use super::witness;
use crate::backend::{Fault, Session};
use crate::codec::{Encoder, ResultRow};
use crate::registry::{Raised, Registry, Seat, Snapshot, Version};
use crate::stream::{Link, Partition};
use crate::telemetry::{LaneStats, LetterStage};
use crate::types::{Scores, TensorRef};

/// A version that answers in this slice.
pub(super) struct Answering {
    pub(super) version: Arc<Version>,
    pub(super) data_type: u16,
    /// Its number for the activations.
    pub(super) epoch: Epoch,
}

impl<L: Link> Lane<L> {
    /// Lets every version score its rows. `false`: the slice is to be worked on once more, with the rows of a failed call singled
    /// out or in smaller parts. Rows that get no fate here wait.
    pub(super) fn score(&mut self, snapshot: &Snapshot) -> bool {
        for data_type in 0..self.config.types.len() {
            if self.decoded[data_type].members.is_empty() {
                continue;
            }
            let Some(version) = live(snapshot, data_type) else { continue };
            self.suspects.under(data_type as u16, version.revision);
            let epoch = self.epochs.of(data_type, version);
            let index = self.versions.len() as u16;
            self.versions.push(Answering { version: Arc::clone(version), data_type: data_type as u16, epoch });
            let mut calls = Calls {
                hand: &mut self.hand,
                decoded: &mut self.decoded[data_type],
                suspects: &mut self.suspects,
                stats: &self.stats,
                registry: &self.registry,
                config: &self.config,
                version,
                previous: previous(snapshot, data_type),
                data_type: data_type as u16,
                index,
            };
            if !calls.run(&mut version.seat(self.config.lane)) {
                return false;
            }
        }
        self.fits_memory()
    }

    /// Whether the results take no more memory than is theirs; the next slices have fewer rows if they do.
    fn fits_memory(&mut self) -> bool {
        let rows = self.hand.slice.len();
        if rows > 1 && self.hand.results.len() > self.config.memory_max / 4 {
            self.slice_max = rows / 2;
            return false;
        }
        self.slice_max = self.slice_max.saturating_mul(2).min(self.config.batch_max);
        true
    }
}

/// The calls of one version in a slice.
struct Calls<'a> {
    hand: &'a mut Hand,
    decoded: &'a mut Decoded,
    suspects: &'a mut Suspects,
    stats: &'a LaneStats,
    registry: &'a Registry,
    config: &'a Config,
    version: &'a Arc<Version>,
    /// What answered before.
    previous: Option<&'a Arc<Version>>,
    data_type: u16,
    /// Of the version among those of the slice.
    index: u16,
}

impl Calls<'_> {
    fn run(&mut self, seat: &mut Seat) -> bool {
        let Seat { session, decoder, encoder, inputs, scores } = seat;
        if !self.has_session(session) {
            return true;
        }
        self.decoded.decode(self.hand, self.data_type, decoder.as_mut(), &self.version.binding);
        if !self.suspects.is_empty() {
            self.single_out();
        }
        let (together, all) = (self.decoded.together, self.decoded.selected.len());
        if all == 0 {
            return true;
        }
        self.version.binding.pack(&self.decoded.rows, &self.decoded.selected, &self.hand.batch, inputs);
        let x = inputs.tensors();
        if together > 1 {
            if let Err(fault) = self.call(0..together, session, &x, scores) {
                self.suspect_all(together, session, &fault);
                return false;
            }
            self.accept(0..together, encoder.as_mut(), scores);
        }
        let alone = if together == 1 { 0 } else { together };
        for at in alone..all {
            if !self.has_session(session) {
                return true;
            }
            match self.call(at..at + 1, session, &x, scores) {
                Ok(()) => {
                    let (partition, offset) = self.place(at);
                    self.suspects.clear(self.data_type, partition, offset);
                    self.accept(at..at + 1, encoder.as_mut(), scores);
                }
                Err(fault) if self.blame(at, session, &fault) => return false,
                Err(_) => {}
            }
        }
        true
    }

    /// Whether there is a session to score with; the spare takes the place of one that is gone.
    fn has_session(&self, session: &mut Option<Box<dyn Session>>) -> bool {
        let waited = || Fault::Trap("the lane had been waiting for a fresh session".to_owned());
        session.is_some() || self.registry.seat_spare(self.version, session, waited)
    }

    /// Puts suspects behind the others; those that are known to be poison are dead letters without another call.
    fn single_out(&mut self) {
        let selected = std::mem::take(&mut self.decoded.selected);
        let mut suspects = Vec::new();
        for row in selected {
            let record = self.decoded.rows.records()[row as usize] as usize;
            let offset = self.hand.batch.records()[record].offset;
            match self.suspects.get(self.data_type, self.hand.partition(record), offset) {
                None => self.decoded.selected.push(row),
                Some(Suspicion::Suspect { .. }) => suspects.push(row),
                Some(Suspicion::Guilty(fault)) => {
                    let letter = self.letter(Why::of(fault), fault.to_string());
                    self.hand.kill(record, letter);
                }
            }
        }
        self.decoded.together = self.decoded.selected.len();
        self.decoded.selected.append(&mut suspects);
    }

    fn call(
        &mut self,
        rows: Range<usize>,
        session: &mut Option<Box<dyn Session>>,
        x: &[TensorRef<'_>],
        y: &mut Scores,
    ) -> Result<(), Fault> {
        let Some(session) = session else { return Err(Fault::Trap("there is no session".to_owned())) };
        let count = rows.len() as u32;
        let began = Instant::now();
        let until = began + self.version.limits.call(count);
        let done = session.score(rows.start as u32..rows.end as u32, x, until, y);
        let took = began.elapsed();
        self.stats.score.add(took);
        if let Some(usage) = self.version.usage.get(self.config.lane) {
            let scored = if done.is_ok() { u64::from(count) } else { 0 };
            usage.count(scored, u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
        }
        done
    }

    /// Encodes what a call gave.
    fn accept(&mut self, range: Range<usize>, encoder: &mut dyn Encoder, scores: &Scores) {
        let mut rejected = scores.rejected.iter().peekable();
        for (row, at) in range.enumerate() {
            let record = self.decoded.record(at);
            if let Some(rejection) = rejected.next_if(|rejection| rejection.row as usize == row) {
                let letter = self.letter(Why::Rejected, rejection.reason.clone());
                self.hand.kill(record, letter);
                continue;
            }
            let start = self.hand.results.len();
            let decoded = self.decoded.selected[at] as usize;
            let from = &self.hand.batch.records()[record];
            let result = ResultRow { record: from, scores, row, rows: &self.decoded.rows, decoded };
            encoder.encode(result, &mut self.hand.results);
            let length = self.hand.results.len() - start;
            // The key and the headers go along with the result, and a topic counts them too.
            let sent = length + self.hand.batch.bytes_kept(&self.hand.batch.records()[record]);
            if sent > self.config.record_bytes_max {
                self.hand.results.truncate(start);
                self.kill_large(record, sent);
                continue;
            }
            self.hand.set(record, Fate::Result { start, length: length as u32, version: self.index });
        }
    }

    fn kill_large(&mut self, record: usize, sent: usize) {
        let most = self.config.record_bytes_max;
        let message = format!("the result has {sent} bytes with its key and headers, the topics take {most}");
        let letter = Letter::new(LetterStage::Encode, Why::TooLarge, message).of_type(self.data_type).of_version(self.index);
        self.hand.kill(record, letter);
    }

    fn letter(&self, why: Why, message: String) -> Letter {
        Letter::new(LetterStage::Score, why, message).of_type(self.data_type).of_version(self.index)
    }

    fn place(&self, at: usize) -> (Partition, i64) {
        let record = self.decoded.record(at);
        (self.hand.partition(record), self.hand.batch.records()[record].offset)
    }

    fn suspect_all(&mut self, together: usize, session: &mut Option<Box<dyn Session>>, fault: &Fault) {
        for at in 0..together {
            let (partition, offset) = self.place(at);
            self.suspects.suspect(self.data_type, partition, offset);
        }
        self.strike(session, fault);
    }

    /// A row was alone in a call that failed. Whether the version was quarantined by it.
    fn blame(&mut self, at: usize, session: &mut Option<Box<dyn Session>>, fault: &Fault) -> bool {
        let (partition, offset) = self.place(at);
        let guilty = self.suspects.alone(self.data_type, partition, offset, fault);
        if guilty {
            let letter = self.letter(Why::of(fault), fault.to_string());
            self.hand.kill(self.decoded.record(at), letter);
        }
        // First the lane's own session, then the witness: spares are built in the order in which they were asked for.
        if self.strike(session, fault) {
            return true;
        }
        let unfit = guilty && matches!(fault, Fault::Trap(_) | Fault::Late) && self.is_to_blame(at);
        if unfit {
            self.quarantine(format!("it fell over records that `{}` scores, the last one: {fault}", self.previous_name()));
        }
        unfit
    }

    /// Whether it is the version that is to blame and not its records: the one before scores them, and they are not few.
    fn is_to_blame(&mut self, at: usize) -> bool {
        let (record, place) = (self.decoded.record(at), self.place(at));
        let Some(previous) = self.previous.filter(|_| self.suspects.evidence(self.data_type).wants(place)) else { return false };
        let Some(scored) = witness::scores(previous, self.registry, self.config, &self.hand.batch, record) else { return false };
        let rows = witness::rows(self.version, self.config.lane) + self.suspects.undecided(self.data_type);
        self.suspects.evidence(self.data_type).take(place, scored, rows)
    }

    fn previous_name(&self) -> String {
        self.previous.map_or_else(String::new, |previous| format!("{}@{}", previous.id.name, previous.id.version))
    }

    /// Counts a fault, gives a session up that is beyond use, and takes a version out of service that has too many. Whether
    /// that was so.
    fn strike(&mut self, session: &mut Option<Box<dyn Session>>, fault: &Fault) -> bool {
        if let Some(usage) = self.version.usage.get(self.config.lane) {
            usage.faults.fetch_add(1, Ordering::Relaxed);
        }
        if matches!(fault, Fault::Trap(_) | Fault::Late) {
            self.stats.traps.add(1);
            tracing::warn!(model = %self.version.id, stream = %self.config.stream, lane = self.config.lane, %fault, "a session was lost");
            self.registry.seat_spare(self.version, session, || fault.clone());
        }
        let unfit = self.suspects.strike(self.data_type, fault);
        if unfit {
            let most = self.config.strikes_max;
            self.quarantine(format!(
                "more than {most} calls failed while the rows of one batch were told apart, the last one: {fault}"
            ));
        }
        unfit
    }

    fn quarantine(&self, reason: String) {
        if !self.version.quarantined.swap(true, Ordering::AcqRel) {
            tracing::error!(model = %self.version.id, stream = %self.config.stream, %reason, "quarantined");
            self.registry.raise(Raised::Quarantine { version: Arc::clone(self.version), reason });
        }
    }
}
