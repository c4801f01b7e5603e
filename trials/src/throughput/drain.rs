//! A drain: rate and CPU between two commits of it.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use crate::kit::process;
use crate::kit::progress::Progress;

/// What is measured lies between the first commit after this share of the records, when start-up, the first fetches and the
/// loading of the model are over, ..
const FROM: f64 = 0.15;
/// .. and the first one after this: at the very end there is nothing left to fetch ahead, and the last commit waits to be due.
const TO: f64 = 0.95;
/// Between two questions to the broker. Commits are 50 ms apart or more, so this is how late one is seen at most.
const NAP: Duration = Duration::from_millis(5);
/// The longest time without progress.
const PATIENCE: Duration = Duration::from_secs(120);

/// Figures of one drain.
#[derive(Debug, Clone, Copy)]
pub(super) struct Drained {
    pub(super) records_per_s: f64,
    /// CPU of the measured process, all its threads.
    pub(super) cpu_us_per_record: f64,
}

/// A moment right after a commit: nothing is in flight then, so what was used belongs to what was committed.
struct Point {
    at: Instant,
    cpu: Duration,
    records: u64,
}

/// Watches a process while its group reads `records` records.
pub(super) fn drain(progress: &Progress, pid: u32, records: u64) -> Result<Drained> {
    let share = |share: f64| (records as f64 * share) as u64;
    let from = commit_after(progress, pid, share(FROM))?;
    let to = commit_after(progress, pid, share(TO))?;
    ensure!(to.records > from.records, "the drain is one commit long: more records are needed");
    commit_after(progress, pid, records - 1)?;
    let count = (to.records - from.records) as f64;
    Ok(Drained {
        records_per_s: count / (to.at - from.at).as_secs_f64(),
        cpu_us_per_record: (to.cpu - from.cpu).as_secs_f64() * 1e6 / count,
    })
}

/// Waits for the first commit beyond so many records.
fn commit_after(progress: &Progress, pid: u32, records: u64) -> Result<Point> {
    let mut last = (0, Instant::now());
    loop {
        let committed = progress.committed()?;
        let (at, cpu) = (Instant::now(), process::cpu(pid)?);
        if committed > records {
            return Ok(Point { at, cpu, records: committed });
        }
        if committed > last.0 {
            last = (committed, at);
        }
        ensure!(at - last.1 < PATIENCE, "nothing was committed for {PATIENCE:?}, after {committed} records");
        thread::sleep(NAP);
    }
}
