//! Compaction: of each key, the last record stays. Offsets stay what they were, so a compacted log has holes.
//!
//! As in Apache Kafka, the segment that is written to is left alone, and so is what belongs to a transaction that is open. Records of
//! transactions are decided when they are compacted: what was aborted goes, what was committed becomes plain records, and markers go.

use std::collections::HashMap;
use std::io;

use kafka_protocol::error::ResponseError;

use super::batch::Batch;
use super::records::{records, unpack};
use super::{Partition, Segment};
use crate::config::Policy;

/// What stays of a segment.
struct Kept {
    batches: Vec<Batch>,
    changed: bool,
}

impl Partition {
    /// Compacts what is due.
    pub(crate) fn compact(&mut self, policy: &Policy, now: i64) -> io::Result<()> {
        if !policy.compact {
            return Ok(());
        }
        self.roll_if_due(0, policy, now)?;
        let until = self.compactable(policy, now);
        if !self.is_dirty(until, policy, now) {
            return Ok(());
        }
        let last = self.last_of_keys(until)?;
        // From the front: a tombstone must not go before what it removes, nor a marker before what it decides.
        let (mut index, mut until) = (0, until);
        while index < until {
            let kept = self.kept(index, &last, policy, now)?;
            if kept.batches.is_empty() {
                if let Some(gone) = self.segments.remove(index) {
                    gone.remove()?;
                }
                until -= 1;
                continue;
            }
            if kept.changed {
                self.segments[index].replace(&kept.batches)?;
            }
            index += 1;
        }
        self.compacted_to = self.segments.get(until).map_or(self.next, |open| open.base);
        // A reader that is told of an aborted transaction looks for its marker, and there is none any more.
        self.producers.forget_before(self.compacted_to);
        Ok(())
    }

    /// How many segments may be compacted.
    fn compactable(&self, policy: &Policy, now: i64) -> usize {
        let stable = self.stable();
        let old = |segment: &Segment| now - segment.max_timestamp() >= policy.min_compaction_lag_ms;
        // As long as nothing follows them, the last records stay whatever they are: a reader finds the end by them.
        let empty = self.segments.back().is_some_and(|last| last.entries.is_empty());
        let closed = (self.segments.len() - 1).saturating_sub(usize::from(empty));
        self.segments.iter().take(closed).take_while(|s| s.last().is_none_or(|last| last < stable) && old(s)).count()
    }

    fn is_dirty(&self, until: usize, policy: &Policy, now: i64) -> bool {
        let (mut dirty, mut all, mut late) = (0, 0, false);
        for segment in self.segments.iter().take(until) {
            all += segment.bytes;
            if segment.base >= self.compacted_to {
                dirty += segment.bytes;
                late |= now - segment.begun >= policy.max_compaction_lag_ms;
            }
        }
        dirty > 0 && (late || dirty as f64 > policy.min_dirty_ratio * all as f64)
    }

    /// Offset of the last record of each key.
    fn last_of_keys(&self, until: usize) -> io::Result<HashMap<Vec<u8>, i64>> {
        let mut last = HashMap::new();
        for segment in self.segments.iter().take(until) {
            for index in 0..segment.entries.len() {
                let batch = segment.batch(index)?;
                if batch.header.is_control() || self.is_aborted(&batch) {
                    continue;
                }
                let unpacked = unpack(&batch).map_err(unreadable)?;
                for record in records(&batch, &unpacked) {
                    let record = record.map_err(unreadable)?;
                    if let Some(key) = record.key {
                        last.insert(key.to_vec(), record.offset);
                    }
                }
            }
        }
        Ok(last)
    }

    fn kept(&self, index: usize, last: &HashMap<Vec<u8>, i64>, policy: &Policy, now: i64) -> io::Result<Kept> {
        let segment = &self.segments[index];
        // By this broker's clock: a producer may write of long ago, and readers need their time all the same.
        let closed_at = self.segments.get(index + 1).map_or(now, |next| next.begun);
        let mut kept = Kept { batches: Vec::new(), changed: false };
        for index in 0..segment.entries.len() {
            let batch = segment.batch(index)?;
            if batch.header.is_control() || self.is_aborted(&batch) {
                kept.changed = true;
                continue;
            }
            let unpacked = unpack(&batch).map_err(unreadable)?;
            let (mut bytes, mut count) = (Vec::new(), 0);
            for record in records(&batch, &unpacked) {
                let record = record.map_err(unreadable)?;
                let is_last = record.key.is_some_and(|key| last.get(key) == Some(&record.offset));
                let forgotten = record.tombstone && now - closed_at >= policy.delete_retention_ms;
                if is_last && !forgotten {
                    bytes.extend_from_slice(record.bytes);
                    count += 1;
                }
            }
            if count == batch.header.count && !batch.header.is_transactional() {
                kept.batches.push(batch);
                continue;
            }
            kept.changed = true;
            if count > 0 {
                kept.batches.push(batch.compacted(&bytes, count));
            }
        }
        Ok(kept)
    }

    fn is_aborted(&self, batch: &Batch) -> bool {
        let header = &batch.header;
        header.is_transactional()
            && self
                .producers
                .aborted(header.base, header.base + 1)
                .any(|aborted| aborted.producer == header.producer && aborted.first <= header.base)
    }
}

fn unreadable(error: ResponseError) -> io::Error {
    io::Error::other(format!("a batch cannot be compacted: {error}"))
}
