//! A lane on a thread of its own.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::lane::{Lane, Step, Stop};
use crate::stream::Link;

/// Waiting time after one failure, and the most after many in a row.
const PAUSE: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(2));

/// Steps the lane until `stop` is set, then drains it. Dropping the lane, which leaves the group, is the caller's.
///
/// # Errors
/// What ended the lane before.
pub fn run<L: Link>(lane: &mut Lane<L>, stop: &AtomicBool) -> Result<(), Stop> {
    let mut pause = PAUSE.0;
    while !stop.load(Ordering::Acquire) {
        match lane.step(Instant::now())? {
            Step::Recovered(_) => {
                thread::park_timeout(pause);
                pause = (pause * 2).min(PAUSE.1);
            }
            Step::Worked(_) => pause = PAUSE.0,
            Step::Idle | Step::Rebalanced | Step::Again => {}
        }
    }
    lane.drain()
}
