//! The clock that interrupts guests.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use wasmtime::Engine;

const TICK: Duration = Duration::from_millis(1);

/// Moves the engine's epoch on by one for every millisecond that has passed, also for those it slept through.
pub(super) struct Ticker {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    start: Instant,
    ticks: AtomicU64,
    stop: AtomicBool,
}

impl Ticker {
    pub(super) fn start(engine: &Engine) -> std::io::Result<Self> {
        let shared = Arc::new(Shared { start: Instant::now(), ticks: AtomicU64::new(0), stop: AtomicBool::new(false) });
        let engine = engine.weak();
        let thread = thread::Builder::new().name("wasm-ticker".to_owned()).spawn({
            let shared = Arc::clone(&shared);
            move || {
                while !shared.stop.load(Ordering::Relaxed) {
                    thread::park_timeout(TICK);
                    let Some(engine) = engine.upgrade() else { return };
                    let due = shared.start.elapsed().as_millis() as u64;
                    for tick in shared.ticks.load(Ordering::Relaxed)..due {
                        engine.increment_epoch();
                        shared.ticks.store(tick + 1, Ordering::Relaxed);
                    }
                }
            }
        })?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// How many ticks from now the epoch reaches `until`; at least one. Counted against the ticks that were made, so a ticker
    /// that is behind and catches up does not interrupt anyone early.
    pub(super) fn ticks_until(&self, until: Instant) -> u64 {
        let at = until.saturating_duration_since(self.shared.start).as_millis() as u64 + 1;
        at.saturating_sub(self.shared.ticks.load(Ordering::Relaxed)).max(1)
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // It cannot panic; were it to, there would be nothing to do about it.
            let _ = thread.join();
        }
    }
}
