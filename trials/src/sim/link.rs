//! The link of the simulation: the one in memory, with mistakes on request that the checker must see.

use std::time::Instant;

use sandstream::stream::memory::MemoryLink;
use sandstream::stream::{Event, Link, LinkError, Offsets, Outgoing, Partition, Sink};
use sandstream::types::Batch;

/// A mistake made on purpose, to see whether the checker sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sabotage {
    /// An abort goes on behind what was fetched instead of going back to what is committed.
    SkipRewind,
    /// Of what is held, the first record of each partition is dropped.
    DropHeld,
    /// Every second commit leaves the offsets out: results and offsets are not one transaction.
    ForgetOffsets,
}

pub(crate) struct SimLink {
    inner: MemoryLink,
    sabotage: Option<Sabotage>,
    fetched: Offsets,
    forgot: bool,
}

impl SimLink {
    pub(crate) fn new(inner: MemoryLink, sabotage: Option<Sabotage>) -> Self {
        Self { inner, sabotage, fetched: Offsets::default(), forgot: false }
    }

    pub(crate) fn into_inner(self) -> MemoryLink {
        self.inner
    }
}

impl Link for SimLink {
    fn fill(&mut self, batch: &mut Batch, until: Instant) -> Result<Event, LinkError> {
        let event = self.inner.fill(batch, until)?;
        for record in batch.records() {
            self.fetched.set(Partition { topic: record.topic, number: record.partition }, record.offset + 1);
        }
        Ok(event)
    }

    fn events(&mut self) -> Result<Option<Event>, LinkError> {
        self.inner.events()
    }

    fn send(&mut self, out: Outgoing<'_>) -> Result<(), LinkError> {
        self.inner.send(out)
    }

    fn commit(&mut self, next: &Offsets) -> Result<(), LinkError> {
        if self.sabotage == Some(Sabotage::ForgetOffsets) && !self.forgot {
            self.forgot = true;
            return self.inner.commit(&Offsets::default());
        }
        self.forgot = false;
        self.inner.commit(next)
    }

    fn abort(&mut self) -> Result<(), LinkError> {
        self.inner.abort()?;
        if self.sabotage == Some(Sabotage::SkipRewind) {
            self.inner.hold(&self.fetched)?;
            self.inner.resume()?;
        }
        Ok(())
    }

    fn reopen(&mut self) -> Result<(), LinkError> {
        self.fetched.clear();
        self.inner.reopen()
    }

    fn release(&mut self) -> Result<(), LinkError> {
        self.inner.release()
    }

    fn hold(&mut self, from: &Offsets) -> Result<(), LinkError> {
        if self.sabotage != Some(Sabotage::DropHeld) {
            return self.inner.hold(from);
        }
        let mut behind = Offsets::default();
        from.iter().for_each(|(partition, offset)| behind.set(partition, offset + 1));
        self.inner.hold(&behind)
    }

    fn resume(&mut self) -> Result<(), LinkError> {
        self.inner.resume()
    }

    fn partitions(&self, sink: Sink) -> i32 {
        self.inner.partitions(sink)
    }
}
