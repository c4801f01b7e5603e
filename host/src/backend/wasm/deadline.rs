//! How long a call may take. A guest that is busy for its whole time is interrupted at `until`. A guest whose thread did not get
//! the processor meanwhile is not to blame: it is let go on until it has used half of its time, for at most a second more.

use std::time::{Duration, Instant};

use wasmtime::UpdateDeadline;

use super::ticker::Ticker;

const STARVED_MAX: Duration = Duration::from_secs(1);

/// The running call's deadline. The clock is read at its half first, so calls that end earlier, which is nearly all, pay nothing.
#[derive(Debug)]
pub(super) struct Deadline {
    until: Instant,
    half: Duration,
    /// Processor time of this thread when half of the time was over; `None` before that.
    used_at_half: Option<Option<Duration>>,
}

impl Deadline {
    pub(super) fn new() -> Self {
        Self { until: Instant::now(), half: Duration::ZERO, used_at_half: None }
    }

    /// Begins a call; returns the ticks to the first look at the clock.
    pub(super) fn begin(&mut self, until: Instant, ticker: &Ticker) -> u64 {
        let now = Instant::now();
        self.until = until;
        self.half = until.saturating_duration_since(now) / 2;
        self.used_at_half = None;
        ticker.ticks_until(now + self.half)
    }

    /// What to do now that the ticks are over.
    pub(super) fn over(&mut self, ticker: &Ticker) -> UpdateDeadline {
        let Some(used_at_half) = self.used_at_half else {
            self.used_at_half = Some(thread_time());
            return UpdateDeadline::Continue(ticker.ticks_until(self.until));
        };
        let now = Instant::now();
        let left = match (used_at_half, thread_time()) {
            (Some(then), Some(used)) => self.half.saturating_sub(used.saturating_sub(then)),
            _ => Duration::ZERO,
        };
        // The system counts a running thread's time in steps of up to 4 ms.
        if left <= Duration::from_millis(4) || now >= self.until + STARVED_MAX {
            return UpdateDeadline::Interrupt;
        }
        UpdateDeadline::Continue(ticker.ticks_until(now + left))
    }
}

/// So long from now; a limit beyond a day is a day, so that no grant can overflow the clock.
pub(in crate::backend) fn after(limit: Duration) -> Instant {
    Instant::now() + limit.min(Duration::from_secs(24 * 3600))
}

/// Time this thread has had the processor, where the system says.
fn thread_time() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
}
