//! A lane's link between a source and an outlet.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use super::gauge::End;
use super::queue::{self, Read};
use super::{Chunk, Gauge, Outlet, Source};
use crate::stream::{Event, Link, LinkError, Offsets, Outgoing, Partition, Sink};
use crate::types::Batch;

const ONLY: Partition = Partition { topic: 0, number: 0 };
/// When the pipe closes, a reader that says nothing for so long is given up: it waits for what somebody else took from its input.
const SILENCE_MAX: Duration = Duration::from_secs(1);

/// Reads a source and writes to an outlet. A record's offset is its number in the source, from 0. Records are kept until they
/// are committed, so that the lane can go back to them; they are few, as it is given no more than it asks for.
pub struct PipeLink {
    queue: Receiver<Read>,
    outlet: Box<dyn Outlet>,
    gauge: Arc<Gauge>,
    /// Chunks that are not answered in full, with the offset of their first record.
    window: VecDeque<(i64, Chunk)>,
    /// Offset of the next record of the source.
    next: i64,
    /// Offset of the next record for the lane.
    position: i64,
    committed: i64,
    assigned: bool,
    paused: bool,
    /// Since when nothing has come from the reader, while the pipe closes.
    silent: Option<Instant>,
}

impl PipeLink {
    /// Starts reading.
    ///
    /// # Errors
    /// The system has no thread to give.
    pub fn open(source: impl Source, outlet: Box<dyn Outlet>, gauge: Arc<Gauge>) -> std::io::Result<Self> {
        Ok(Self {
            queue: queue::start(source, Arc::clone(&gauge))?,
            outlet,
            gauge,
            window: VecDeque::new(),
            next: 0,
            position: 0,
            committed: 0,
            assigned: false,
            paused: false,
            silent: None,
        })
    }

    /// Ends the outlet's file.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn finish(mut self) -> Result<(), String> {
        self.outlet.finish()
    }

    /// Copies records from the position on, as many as the batch takes.
    fn copy(&mut self, batch: &mut Batch) {
        let begun = self.window.partition_point(|(first, chunk)| first + chunk.len() as i64 <= self.position);
        for (first, chunk) in self.window.range(begun..) {
            for at in (self.position - first) as usize..chunk.len() {
                if batch.is_full() {
                    return;
                }
                batch.push(ONLY.topic, ONLY.number, self.position, -1, None, Some(chunk.record(at)), std::iter::empty());
                self.position += 1;
            }
        }
    }

    /// Waits for a chunk; whether there may be more at once. When the pipe closes, the reader stops by itself, and what it had
    /// taken comes before it says so.
    fn take(&mut self, wait: Duration) -> bool {
        match self.queue.recv_timeout(wait) {
            Ok(Read::Chunk(chunk)) => {
                self.silent = None;
                self.gauge.take(chunk.len() as u64, chunk.units);
                let first = self.next;
                self.next += chunk.len() as i64;
                if !chunk.is_empty() {
                    self.window.push_back((first, chunk));
                }
                true
            }
            Ok(Read::End(end)) => {
                self.gauge.end(end);
                false
            }
            Err(RecvTimeoutError::Timeout) => {
                if self.gauge.closing() && self.silent.get_or_insert_with(Instant::now).elapsed() >= SILENCE_MAX {
                    self.gauge.end(End::Stopped);
                }
                false
            }
            Err(RecvTimeoutError::Disconnected) => {
                self.gauge.end(End::Failed("the reader panicked; its message is above".to_owned()));
                false
            }
        }
    }
}

impl Link for PipeLink {
    fn fill(&mut self, batch: &mut Batch, until: Instant) -> Result<Event, LinkError> {
        if !self.assigned {
            self.assigned = true;
            return Ok(Event::Assigned(vec![ONLY]));
        }
        if self.paused {
            std::thread::park_timeout(until.saturating_duration_since(Instant::now()));
            return Ok(Event::Filled);
        }
        self.copy(batch);
        while !batch.is_full() && !self.gauge.ended() {
            let wait = if batch.is_empty() { until.saturating_duration_since(Instant::now()) } else { Duration::ZERO };
            if !self.take(wait) {
                break;
            }
            self.copy(batch);
        }
        Ok(Event::Filled)
    }

    fn events(&mut self) -> Result<Option<Event>, LinkError> {
        Ok(None)
    }

    fn send(&mut self, out: Outgoing<'_>) -> Result<(), LinkError> {
        match out.sink {
            Sink::Output(_) => self.outlet.result(out.value.unwrap_or_default()),
            Sink::DeadLetters(_) => self.outlet.dead_letter(&out),
            Sink::Activations => self.outlet.activation(out.value.unwrap_or_default()),
        }
        Ok(())
    }

    fn commit(&mut self, next: &Offsets) -> Result<(), LinkError> {
        self.outlet.commit().map_err(LinkError::Fatal)?;
        if let Some(offset) = next.get(ONLY) {
            self.committed = offset;
            self.gauge.answer(offset as u64);
            while self.window.front().is_some_and(|(first, chunk)| first + chunk.len() as i64 <= offset) {
                self.window.pop_front();
            }
        }
        Ok(())
    }

    fn abort(&mut self) -> Result<(), LinkError> {
        self.outlet.undo();
        self.position = self.committed;
        Ok(())
    }

    fn reopen(&mut self) -> Result<(), LinkError> {
        self.abort()?;
        (self.assigned, self.paused) = (false, false);
        Ok(())
    }

    fn release(&mut self) -> Result<(), LinkError> {
        Ok(())
    }

    fn hold(&mut self, from: &Offsets) -> Result<(), LinkError> {
        if let Some(offset) = from.get(ONLY) {
            self.position = offset;
            self.paused = true;
        }
        Ok(())
    }

    fn resume(&mut self) -> Result<(), LinkError> {
        self.paused = false;
        Ok(())
    }

    fn partitions(&self, _sink: Sink) -> i32 {
        1
    }
}
