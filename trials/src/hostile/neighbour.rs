//! The other stream: records at a steady rate, and when its results come.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};

use crate::kit::world::{Format, World, wines};
use sandstream_traffic::Load;
use sandstream_traffic::{Isolation, Reader};

/// Records a second.
const RATE: u32 = 500;
/// Far more than a trial takes.
const RECORDS_MAX: u64 = 10_000_000;

pub(super) struct Neighbour {
    stop: Arc<AtomicBool>,
    seen: Arc<Mutex<Seen>>,
    threads: [JoinHandle<Result<()>>; 2],
}

/// Results since the watch began.
struct Seen {
    results: u64,
    last: Instant,
    silence: Duration,
}

impl Seen {
    fn new() -> Self {
        Self { results: 0, last: Instant::now(), silence: Duration::ZERO }
    }

    fn note(&mut self, results: u64) {
        self.silence = self.silence.max(self.last.elapsed());
        self.results += results;
        if results > 0 {
            self.last = Instant::now();
        }
    }
}

/// A time in which results are counted.
pub(super) struct Watched<'a>(&'a Neighbour);

impl Neighbour {
    /// Starts the records and the reader of the results.
    pub(super) fn start(world: &World) -> Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let seen = Arc::new(Mutex::new(Seen::new()));
        let mut load = Load::new(&world.traffic(), wines(Format::Protobuf))?;
        let reader = Reader::open(&world.brokers, &world.scores(), world.partitions, Isolation::Committed)?;
        let told = Arc::clone(&stop);
        let send = std::thread::spawn(move || load.pace(RATE, RECORDS_MAX, &told));
        let (told, counted) = (Arc::clone(&stop), Arc::clone(&seen));
        let read = std::thread::spawn(move || {
            while !told.load(Ordering::Relaxed) {
                let result = reader.next(Duration::from_millis(20))?;
                locked(&counted).note(u64::from(result.is_some()));
            }
            Ok(())
        });
        Ok(Self { stop, seen, threads: [send, read] })
    }

    /// Counts from now on.
    pub(super) fn watch(&self) -> Watched<'_> {
        *locked(&self.seen) = Seen::new();
        Watched(self)
    }

    /// Stops the records; what is under way still arrives.
    pub(super) fn end(self) -> Result<()> {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().map_err(|_| anyhow!("a thread of the neighbour panicked"))??;
        }
        Ok(())
    }
}

impl Watched<'_> {
    /// Results, and the longest time without one.
    pub(super) fn end(self) -> (u64, Duration) {
        let mut seen = locked(&self.0.seen);
        seen.note(0);
        (seen.results, seen.silence)
    }
}

fn locked(seen: &Mutex<Seen>) -> std::sync::MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}
