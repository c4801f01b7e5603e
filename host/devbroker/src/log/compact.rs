//! Compaction: of each key, the last record stays. Offsets stay what they were, so a compacted log has holes.
//!
//! As in Apache Kafka, the segment that is written to is left alone, and so is what belongs to a transaction that is open. Records of
//! transactions are decided when they are compacted: what was aborted goes, what was committed becomes plain records, and markers go.
//!
//! The broker's lock is held to begin and to put one segment in the place of another. What takes time, reading and unpacking, is done
//! without it: segments that are not written to do not change.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::Arc;

use kafka_protocol::error::ResponseError;

use super::batch::Batch;
use super::producers::Aborted;
use super::records::{records, unpack};
use super::{Partition, Segment};
use crate::config::Policy;

/// A compaction of a partition, on its way.
pub(crate) struct Compaction {
    /// Those that are still to be compacted, each with when it was closed, milliseconds since 1970 by this broker's clock: a producer
    /// may write of long ago, and readers need their time all the same.
    left: VecDeque<(Arc<Segment>, i64)>,
    aborted: Vec<Aborted>,
    /// Offset of the last record of each key.
    last: HashMap<Vec<u8>, i64>,
    delete_retention_ms: i64,
    now: i64,
    /// Offset in front of which everything is compacted when this is through.
    end: i64,
}

/// What became of a segment.
pub(crate) struct Compacted {
    was: Arc<Segment>,
    /// Itself, if nothing had to go.
    becomes: Becomes,
}

enum Becomes {
    Itself,
    Another(Segment),
    Nothing,
}

impl Partition {
    /// Begins a compaction, if one is due.
    pub(crate) fn begin_compaction(&mut self, policy: &Policy, now: i64) -> io::Result<Option<Compaction>> {
        if !policy.compact {
            return Ok(None);
        }
        self.roll_if_due(0, policy, now)?;
        let until = self.compactable(policy, now);
        if !self.is_dirty(until, policy, now) {
            return Ok(None);
        }
        let closed_at = |index: usize| self.segments.get(index + 1).map_or(now, |next| next.begun);
        let left = self.segments.iter().take(until).zip(0..).map(|(segment, index)| (Arc::clone(segment), closed_at(index)));
        let end = self.segments.get(until).map_or(self.next, |open| open.base);
        Ok(Some(Compaction {
            left: left.collect(),
            aborted: self.producers.aborted(0, end).collect(),
            last: HashMap::new(),
            delete_retention_ms: policy.delete_retention_ms,
            now,
            end,
        }))
    }

    /// Puts a compacted segment in its place; whether it was still there.
    pub(crate) fn replace(&mut self, compacted: Compacted) -> io::Result<bool> {
        let Some(place) = self.segments.iter().position(|segment| Arc::ptr_eq(segment, &compacted.was)) else {
            compacted.discard();
            return Ok(false);
        };
        match compacted.becomes {
            Becomes::Itself => {}
            Becomes::Another(segment) => {
                segment.settle()?;
                self.segments[place] = Arc::new(segment);
            }
            // The last segment is written to, and never compacted, so one is left.
            Becomes::Nothing => {
                compacted.was.remove()?;
                self.segments.remove(place);
            }
        }
        Ok(true)
    }

    /// Notes that a compaction is through.
    pub(crate) fn end_compaction(&mut self, compaction: &Compaction) {
        self.compacted_to = compaction.end;
        // A reader that is told of an aborted transaction looks for its marker, and there is none any more.
        self.producers.forget_before(compaction.end);
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
}

impl Compaction {
    /// Looks for the last record of each key, as long as `go_on` says so.
    pub(crate) fn look(&mut self, go_on: impl Fn() -> bool) -> io::Result<()> {
        for (segment, _) in &self.left {
            for index in 0..segment.entries.len() {
                check(&go_on)?;
                let batch = segment.batch(index)?;
                if batch.header.is_control() || self.is_aborted(&batch) {
                    continue;
                }
                let unpacked = unpack(&batch).map_err(unreadable)?;
                for record in records(&batch, &unpacked) {
                    let record = record.map_err(unreadable)?;
                    if let Some(key) = record.key {
                        self.last.insert(key.to_vec(), record.offset);
                    }
                }
            }
        }
        Ok(())
    }

    /// The next segment. From the front: a tombstone must not go before what it removes, nor a marker before what it decides.
    pub(crate) fn next(&mut self, go_on: impl Fn() -> bool) -> io::Result<Option<Compacted>> {
        let Some((was, closed_at)) = self.left.pop_front() else { return Ok(None) };
        let (mut batches, mut changed) = (Vec::new(), false);
        for index in 0..was.entries.len() {
            check(&go_on)?;
            let batch = was.batch(index)?;
            let kept = self.kept(&batch, closed_at)?;
            changed |= kept.as_ref().is_none_or(|kept| kept.bytes != batch.bytes);
            batches.extend(kept);
        }
        let becomes = match (batches.is_empty(), changed) {
            (true, _) => Becomes::Nothing,
            (false, false) => Becomes::Itself,
            (false, true) => Becomes::Another(was.rewritten(&batches)?),
        };
        Ok(Some(Compacted { was, becomes }))
    }

    /// What stays of a batch.
    fn kept(&self, batch: &Batch, closed_at: i64) -> io::Result<Option<Batch>> {
        if batch.header.is_control() || self.is_aborted(batch) {
            return Ok(None);
        }
        let unpacked = unpack(batch).map_err(unreadable)?;
        let (mut bytes, mut count) = (Vec::new(), 0);
        for record in records(batch, &unpacked) {
            let record = record.map_err(unreadable)?;
            let is_last = record.key.is_some_and(|key| self.last.get(key) == Some(&record.offset));
            let forgotten = record.tombstone && self.now - closed_at >= self.delete_retention_ms;
            if is_last && !forgotten {
                bytes.extend_from_slice(record.bytes);
                count += 1;
            }
        }
        if count == batch.header.count && !batch.header.is_transactional() {
            return Ok(Some(batch.clone()));
        }
        Ok((count > 0).then(|| batch.compacted(&bytes, count)))
    }

    fn is_aborted(&self, batch: &Batch) -> bool {
        let header = &batch.header;
        let of = |aborted: &Aborted| {
            aborted.producer == header.producer && aborted.first <= header.base && aborted.last >= header.base
        };
        header.is_transactional() && self.aborted.iter().any(of)
    }
}

impl Compacted {
    /// Takes away what was made for nothing.
    pub(crate) fn discard(&self) {
        if let Becomes::Another(segment) = &self.becomes {
            segment.discard();
        }
    }
}

fn check(go_on: impl Fn() -> bool) -> io::Result<()> {
    if go_on() { Ok(()) } else { Err(io::Error::new(io::ErrorKind::Interrupted, "the broker ends")) }
}

fn unreadable(error: ResponseError) -> io::Error {
    io::Error::other(format!("a batch cannot be compacted: {error}"))
}
