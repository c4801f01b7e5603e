//! The version before as a witness. A record that a version falls over may be to blame itself: whoever writes records could write
//! some that a good model falls over. But where the version before scores such records, and they are not few, the version is to
//! blame, and is taken out of service. A host that starts has no version before until the first swap.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use super::config::Config;
use crate::backend::Fault;
use crate::registry::{Registry, Seat, Version};
use crate::stream::Partition;
use crate::types::{Batch, Rows};

/// Fewer records prove nothing.
const RECORDS_MIN: u64 = 3;
/// Neither do they if they are less than one in so many rows.
const ROWS_PER_RECORD: u64 = 100;
/// Rows and records of longer ago than so many rows count half.
const ROWS_MAX: u64 = 8192;
/// Records that the version before fell over, too, after which it is not asked any more: each costs it a session.
const BOTH_MAX: u8 = 8;
/// Records that are remembered, so that one that comes again after an abort counts once.
const SEEN_MAX: usize = 64;

/// What speaks against a version on one lane.
#[derive(Debug, Default)]
pub(super) struct Evidence {
    /// Rows scored before the time that counts.
    since: u64,
    /// Records it fell over and the version before did not.
    against: u64,
    /// Records that both fell over.
    both: u8,
    seen: VecDeque<(Partition, i64)>,
}

impl Evidence {
    /// Whether the witness is to be asked about a record.
    pub(super) fn wants(&self, record: (Partition, i64)) -> bool {
        self.both < BOTH_MAX && !self.seen.contains(&record)
    }

    /// Takes what the witness made of a record. Whether that proves the version unfit, which has scored so many rows by now.
    pub(super) fn take(&mut self, record: (Partition, i64), scored_before: bool, rows: u64) -> bool {
        if self.seen.len() == SEEN_MAX {
            self.seen.pop_front();
        }
        self.seen.push_back(record);
        if !scored_before {
            self.both += 1;
            return false;
        }
        let passed = rows.saturating_sub(self.since) / ROWS_MAX;
        if passed > 0 {
            self.since = rows - ROWS_MAX / 2;
            self.against = self.against.checked_shr(u32::try_from(passed).unwrap_or(u32::MAX)).unwrap_or(0);
        }
        self.against += 1;
        let recent = rows.saturating_sub(self.since) + self.against;
        self.against >= RECORDS_MIN && self.against * ROWS_PER_RECORD >= recent
    }
}

/// Whether a version scores a record that is alone in a call. `None`: it has no session to be asked with, or the record is none that
/// it could be asked about.
pub(super) fn scores(version: &Arc<Version>, registry: &Registry, config: &Config, batch: &Batch, record: usize) -> Option<bool> {
    let data_type = config.types.iter().find(|data_type| data_type.name == version.id.data_type)?;
    let mut seat = version.seat(config.lane);
    let Seat { session, decoder, inputs, scores, .. } = &mut *seat;
    if session.is_none() {
        registry.seat_spare(version, session, || Fault::Trap("it had been waiting for a fresh session".to_owned()));
    }
    let asked = session.as_mut()?;
    let mut rows = Rows::new(data_type.codec.schema());
    let value = batch.value(&batch.records()[record])?;
    if decoder.decode(record as u32, value, &mut rows).is_err() || version.binding.check(&rows, 0, batch).is_err() {
        return None;
    }
    version.binding.pack(&rows, &[0], batch, inputs);
    let until = Instant::now() + version.limits.call(1);
    let scored = asked.score(0..1, &inputs.tensors(), until, scores);
    if let Err(fault @ (Fault::Trap(_) | Fault::Late)) = &scored {
        registry.seat_spare(version, session, || fault.clone());
    }
    Some(scored.is_ok() && scores.rejected.is_empty())
}

/// Rows that a version has scored on a lane.
pub(super) fn rows(version: &Version, lane: usize) -> u64 {
    version.usage.get(lane).map_or(0, |usage| usage.rows.load(Ordering::Relaxed))
}
