//! A partition: its log, cut into segments, and what is known of its producers.

pub(crate) mod batch;
mod compact;
pub(crate) mod producers;
pub(crate) mod records;
pub(crate) mod segment;

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use std::{fs, io};

use bytes::Bytes;
use kafka_protocol::error::ResponseError;

use crate::config::Policy;
use crate::durable;
use batch::Batch;
use producers::{Aborted, Producers};
use segment::{Place, Segment};

/// One partition of a topic.
#[derive(Debug)]
pub(crate) struct Partition {
    place: Place,
    /// Never empty; the last one is written to. The others are shared with the compaction, which reads them without a lock.
    segments: VecDeque<Arc<Segment>>,
    /// First offset that may be read.
    start: i64,
    /// Offset of the next record.
    next: i64,
    pub(crate) producers: Producers,
    /// Everything before it was compacted at least once.
    compacted_to: i64,
}

/// Where the batches lie that a reader gets.
#[derive(Debug)]
pub(crate) struct Extent {
    segment: usize,
    batches: Range<usize>,
    /// Offset that was asked for.
    from: i64,
    /// Offset behind the last record.
    end: i64,
    pub(crate) bytes: usize,
}

/// A record that was searched by time.
pub(crate) struct Found {
    pub(crate) offset: i64,
    pub(crate) timestamp: i64,
}

impl Partition {
    pub(crate) fn create(place: Place, now: i64) -> io::Result<Self> {
        if let Place::Folder(folder, sync) = &place {
            // A topic of the same name may have been deleted, and the broker have ended before its files were.
            match fs::remove_dir_all(folder) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => durable::folder(folder, *sync)?,
            }
        }
        let first = Segment::create(0, &place, now)?;
        Ok(Self {
            place,
            segments: VecDeque::from([Arc::new(first)]),
            start: 0,
            next: 0,
            producers: Producers::default(),
            compacted_to: 0,
        })
    }

    /// Reads back what an earlier process has written.
    pub(crate) fn open(place: Place, start: i64, policy: &Policy, now: i64) -> io::Result<Self> {
        let Place::Folder(folder, sync) = &place else { return Self::create(place, now) };
        durable::folder(folder, *sync)?;
        let mut paths = Vec::new();
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            match path.extension().and_then(|extension| extension.to_str()) {
                Some("log") => paths.push(path),
                // A compaction that did not come to its end.
                Some("cleaned") => fs::remove_file(&path)?,
                _ => {}
            }
        }
        // Names are offsets with leading zeros, so their order is that of the log.
        paths.sort();
        let mut producers = Producers::default();
        let mut segments = VecDeque::new();
        for path in &paths {
            let segment = Segment::open(path, *sync, now, |batch| match records::commits(batch) {
                Some(commit) => producers.ended(&batch.header, commit, now),
                None => producers.appended(&batch.header, now),
            })?;
            segments.push_back(Arc::new(segment));
        }
        if segments.is_empty() {
            segments.push_back(Arc::new(Segment::create(start, &place, now)?));
        }
        let next = segments.back().map_or(start, |last| last.last().map_or(last.base, |offset| offset + 1)).max(start);
        // Retention takes segments from the front, and with them the offsets; compaction leaves offsets valid that have no record.
        let first = segments.front().map_or(start, |first| first.base);
        let start = if policy.delete { first.max(start) } else { start };
        Ok(Self { place, segments, start, next, producers, compacted_to: 0 })
    }

    pub(crate) fn start(&self) -> i64 {
        self.start
    }

    /// Offset of the next record: there is one replica, so this is the high watermark.
    pub(crate) fn next(&self) -> i64 {
        self.next
    }

    /// Offset in front of which no transaction is open.
    pub(crate) fn stable(&self) -> i64 {
        // Retention does not wait for a transaction, and what it took away is not read any more.
        self.producers.first_open().map_or(self.next, |open| open.max(self.start))
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.bytes).sum()
    }

    /// Appends a producer's batch; its offset, which is an earlier one if this batch was there already.
    pub(crate) fn produce(&mut self, batch: &Batch, policy: &Policy, now: i64) -> Result<i64, ResponseError> {
        if batch.header.producer >= 0
            && let Some(base) = self.producers.check(&batch.header)?
        {
            return Ok(base);
        }
        let placed = batch.placed(self.next, policy.append_time.then_some(now));
        self.append(&placed, policy, now)?;
        self.producers.appended(&placed.header, now);
        Ok(placed.header.base)
    }

    /// Ends a transaction, if it is open here or the producer's epoch is to be raised.
    pub(crate) fn mark(
        &mut self,
        producer: i64,
        epoch: i16,
        commit: bool,
        policy: &Policy,
        now: i64,
    ) -> Result<(), ResponseError> {
        let marker = Batch::marker(producer, epoch, commit, now).placed(self.next, None);
        self.append(&marker, policy, now)?;
        self.producers.ended(&marker.header, commit, now);
        Ok(())
    }

    fn append(&mut self, batch: &Batch, policy: &Policy, now: i64) -> Result<(), ResponseError> {
        let written = self.roll_if_due(batch.bytes.len() as u64, policy, now).and_then(|()| self.active().append(batch));
        if let Err(error) = written {
            tracing::error!(%error, place = ?self.place, "cannot write");
            return Err(ResponseError::KafkaStorageError);
        }
        self.next = batch.header.last() + 1;
        Ok(())
    }

    #[expect(clippy::expect_used, reason = "a log is made with one segment, and the last one is never taken away")]
    fn active(&mut self) -> &mut Segment {
        Arc::make_mut(self.segments.back_mut().expect("a log has a segment"))
    }

    /// Begins a new segment when the last one is full or old.
    fn roll_if_due(&mut self, more: u64, policy: &Policy, now: i64) -> io::Result<()> {
        let next = self.next;
        let last = self.active();
        let full = last.bytes + more > policy.segment_bytes;
        let lag = if policy.compact { policy.max_compaction_lag_ms } else { i64::MAX };
        let old = now - last.begun >= policy.segment_ms.min(lag);
        if last.entries.is_empty() || !(full || old) {
            return Ok(());
        }
        let fresh = Segment::create(next, &self.place, now)?;
        self.segments.push_back(Arc::new(fresh));
        Ok(())
    }

    /// Where the records lie from `from` on that begin before `to`: as many batches as `max` bytes allow, and with `whole` one at
    /// least. Nothing is read yet.
    pub(crate) fn extent(&self, from: i64, to: i64, max: usize, whole: bool) -> Result<Extent, ResponseError> {
        if from < self.start || from > self.next {
            return Err(ResponseError::OffsetOutOfRange);
        }
        let index = self.segments.partition_point(|segment| segment.base <= from).saturating_sub(1);
        for (segment, lies) in self.segments.iter().zip(0..).skip(index) {
            let first = segment.entries.partition_point(|entry| entry.last < from);
            if first < segment.entries.len() {
                let (until, bytes) = segment.until(first, to, max, whole);
                let end = segment.entries[first..until].last().map_or(from, |entry| entry.last + 1);
                return Ok(Extent { segment: lies, batches: first..until, from, end, bytes });
            }
        }
        Ok(Extent { segment: 0, batches: 0..0, from, end: from, bytes: 0 })
    }

    /// Reads what lies there, as long as the log has not changed since.
    pub(crate) fn read(&self, extent: &Extent) -> Result<Bytes, ResponseError> {
        let Some(segment) = self.segments.get(extent.segment).filter(|_| extent.bytes > 0) else { return Ok(Bytes::new()) };
        segment.read(extent.batches.clone()).map_err(|error| {
            tracing::error!(%error, place = ?self.place, "cannot read");
            ResponseError::KafkaStorageError
        })
    }

    /// The aborted transactions that a reader of these records has to know of.
    pub(crate) fn aborted(&self, extent: &Extent) -> impl Iterator<Item = Aborted> {
        self.producers.aborted(extent.from, extent.end)
    }

    /// The first record whose timestamp is `timestamp` or later.
    pub(crate) fn find(&self, timestamp: i64) -> Result<Option<Found>, ResponseError> {
        let storage = |_| ResponseError::KafkaStorageError;
        for segment in &self.segments {
            for (index, entry) in segment.entries.iter().enumerate() {
                if entry.max_timestamp < timestamp || entry.last < self.start {
                    continue;
                }
                let batch = segment.batch(index).map_err(storage)?;
                let unpacked = records::unpack(&batch)?;
                let append_time = batch.header.attributes & 0x08 != 0;
                for record in records::records(&batch, &unpacked) {
                    let record = record?;
                    let timestamp_now = if append_time { batch.header.max_timestamp } else { record.timestamp };
                    if timestamp_now >= timestamp && record.offset >= self.start {
                        return Ok(Some(Found { offset: record.offset, timestamp: timestamp_now }));
                    }
                }
            }
        }
        Ok(None)
    }

    /// The record with the latest timestamp.
    pub(crate) fn latest(&self) -> Result<Option<Found>, ResponseError> {
        let latest = self.segments.iter().map(|segment| segment.max_timestamp()).max().unwrap_or(-1);
        if latest < 0 { Ok(None) } else { self.find(latest) }
    }

    /// Takes away everything before an offset, the records of the segment it lies in excepted: these are hidden.
    pub(crate) fn delete_before(&mut self, offset: i64) {
        self.start = self.start.max(offset.min(self.next));
        while self.segments.len() > 1 && self.segments[1].base <= self.start {
            self.drop_first();
        }
        self.producers.forget_before(self.start);
    }

    fn drop_first(&mut self) {
        if let Some(first) = self.segments.pop_front()
            && let Err(error) = first.remove()
        {
            tracing::warn!(%error, place = ?self.place, "cannot delete a segment");
        }
    }

    /// Deletes whole segments that are over the policy's size or age.
    pub(crate) fn retain(&mut self, policy: &Policy, now: i64) {
        if !policy.delete {
            return;
        }
        // A segment that grows old is deleted too, once another has taken its place.
        if policy.retention_ms >= 0
            && self
                .segments
                .back()
                .is_some_and(|last| !last.entries.is_empty() && last.aged() < now - policy.retention_ms && now > last.begun)
            && let Ok(fresh) = Segment::create(self.next, &self.place, now)
        {
            self.segments.push_back(Arc::new(fresh));
        }
        while self.segments.len() > 1 {
            let first = &self.segments[0];
            let large = policy.retention_bytes >= 0 && self.bytes() - first.bytes >= policy.retention_bytes as u64;
            let old = policy.retention_ms >= 0 && first.aged() < now - policy.retention_ms;
            if !(large || old) {
                break;
            }
            let start = self.segments[1].base;
            self.drop_first();
            self.start = self.start.max(start);
        }
        self.producers.forget_before(self.start);
    }

    /// Takes away all files.
    pub(crate) fn remove(self) {
        drop(self.segments);
        if let Place::Folder(folder, _) = &self.place
            && let Err(error) = fs::remove_dir_all(folder)
        {
            tracing::warn!(%error, folder = %folder.display(), "cannot delete a partition");
        }
    }
}
