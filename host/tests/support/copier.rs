//! The smallest lane there can be: copies every record, and does with a link what its contract asks for.

use std::time::{Duration, Instant};

use sandstream::stream::{Event, Headers, Link, LinkError, Offsets, Outgoing, Partition, Sink};
use sandstream::types::Batch;

pub struct Copier<L> {
    pub link: L,
    pub batch: Batch,
    pub next: Offsets,
    pub assigned: Vec<Partition>,
    /// Records in the open transaction, and committed ones.
    pub open: u64,
    pub copied: u64,
    /// Commit after so many.
    pub every: u64,
    pub aborts: u64,
    pub reopens: u64,
    pub revoked: u64,
}

impl<L: Link> Copier<L> {
    pub fn new(link: L, every: u64) -> Self {
        Self {
            link,
            batch: Batch::new(256, 1 << 20),
            next: Offsets::default(),
            assigned: Vec::new(),
            open: 0,
            copied: 0,
            every,
            aborts: 0,
            reopens: 0,
            revoked: 0,
        }
    }

    /// One step; failures are dealt with as their kind asks. Returns how many records it took.
    pub fn step(&mut self, wait: Duration) -> usize {
        let done = self.try_step(wait);
        self.settle(done)
    }

    pub fn settle(&mut self, done: Result<usize, LinkError>) -> usize {
        let mut todo = match done {
            Ok(count) => return count,
            Err(error) => error,
        };
        for _ in 0..100 {
            eprintln!("lane: {todo}");
            self.next.clear();
            self.open = 0;
            let done = match todo {
                LinkError::Abort(_) => {
                    self.aborts += 1;
                    self.link.abort()
                }
                LinkError::Reopen(_) => {
                    self.reopens += 1;
                    self.link.reopen()
                }
                LinkError::Fatal(why) | LinkError::Namesake(why) => panic!("fatal: {why}"),
            };
            match done {
                Ok(()) => return 0,
                Err(error) => todo = error,
            }
        }
        panic!("never recovered");
    }

    fn try_step(&mut self, wait: Duration) -> Result<usize, LinkError> {
        self.batch.clear();
        let count = match self.link.fill(&mut self.batch, Instant::now() + wait)? {
            Event::Filled => self.copy()?,
            Event::Assigned(partitions) => {
                self.assigned.retain(|held| !partitions.contains(held));
                self.assigned.extend(partitions);
                0
            }
            Event::Revoking(partitions) => {
                self.revoked += 1;
                self.commit()?;
                self.link.release()?;
                self.forget(&partitions);
                0
            }
            Event::Lost(partitions) => {
                self.forget(&partitions);
                self.next.clear();
                self.open = 0;
                self.link.abort()?;
                self.link.release()?;
                0
            }
        };
        if self.open >= self.every {
            self.commit()?;
        }
        Ok(count)
    }

    fn forget(&mut self, partitions: &[Partition]) {
        self.assigned.retain(|held| !partitions.contains(held));
        partitions.iter().for_each(|partition| self.next.remove(*partition));
    }

    fn copy(&mut self) -> Result<usize, LinkError> {
        for (at, record) in self.batch.records().iter().enumerate() {
            let partition = Partition { topic: record.topic, number: record.partition };
            assert!(self.assigned.contains(&partition), "a record of a partition that is not assigned: {record:?}");
            self.link.send(Outgoing {
                sink: Sink::Output(record.topic),
                partition: Some(record.partition),
                key: self.batch.key(record),
                value: self.batch.value(record),
                timestamp: record.timestamp,
                headers: Headers { kept: Some((&self.batch, at)), added: &[("copied", b"yes")] },
            })?;
            self.next.set(partition, record.offset + 1);
            self.open += 1;
        }
        Ok(self.batch.len())
    }

    pub fn commit(&mut self) -> Result<(), LinkError> {
        self.link.commit(&self.next)?;
        self.copied += self.open;
        self.open = 0;
        self.next.clear();
        Ok(())
    }

    /// Steps until `count` records were committed.
    pub fn run_until(&mut self, count: u64) {
        let until = Instant::now() + Duration::from_secs(90);
        while self.copied < count {
            assert!(Instant::now() < until, "{} of {count} records after 90 s", self.copied);
            let taken = self.step(Duration::from_millis(50));
            if taken == 0 && self.open > 0 {
                let done = self.commit().map(|()| 0);
                self.settle(done);
            }
        }
    }
}
