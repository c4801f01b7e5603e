//! What each lane did with each version, told now and then on the status topic. The totals only grow; a version that is prepared
//! again begins anew, and its start id says so: whoever adds up hosts takes the difference of two totals of one start.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use super::Now;
use super::status::{LaneTotals, Status};
use crate::registry::Version;

/// How often they are told.
const EVERY: Duration = Duration::from_secs(10);

/// The versions that are told of, by stream and revision.
#[derive(Default)]
pub(super) struct Totals {
    due: Option<Instant>,
    told: BTreeMap<(String, u64), Told>,
    starts: u64,
}

struct Told {
    version: Weak<Version>,
    start: String,
    /// What was told of each lane last.
    last: Vec<[u64; 4]>,
}

impl Totals {
    /// Whether it is time.
    pub(super) fn are_due(&mut self, now: Now) -> bool {
        let due = *self.due.get_or_insert(now.instant + EVERY);
        if now.instant >= due {
            self.due = Some(now.instant + EVERY);
        }
        now.instant >= due
    }

    /// Tells of every lane that has called a version since it was told of last.
    pub(super) fn tell(&mut self, stream: &str, versions: &[Arc<Version>], status: &mut Status, now: Now) {
        for version in versions {
            let told = match self.told.entry((stream.to_owned(), version.revision)) {
                Entry::Occupied(told) if std::ptr::eq(told.get().version.as_ptr(), Arc::as_ptr(version)) => told.into_mut(),
                entry => {
                    self.starts += 1;
                    let start = format!("{:x}-{}", now.unix_ms, self.starts);
                    let last = vec![[0; 4]; version.usage.len()];
                    entry.insert_entry(Told { version: Arc::downgrade(version), start, last }).into_mut()
                }
            };
            for (lane, (usage, last)) in version.usage.iter().zip(&mut told.last).enumerate() {
                let now_is =
                    [&usage.rows, &usage.calls, &usage.nanos, &usage.faults].map(|counter| counter.load(Ordering::Relaxed));
                if std::mem::replace(last, now_is) != now_is {
                    let [rows, calls, nanos, faults] = now_is;
                    let totals = LaneTotals { start: &told.start, rows, calls, seconds: nanos as f64 / 1e9, faults };
                    status.totals(stream, lane, version, &totals, now.unix_ms);
                }
            }
        }
        self.told.retain(|_, told| told.version.strong_count() > 0);
    }
}
