//! What is known at a moment: written by whoever watches, read by whoever shows it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::Options;
use crate::broker::Broker;

/// Seconds of the past that are shown.
const PAST: usize = 120;
/// Lines of the story that are kept.
const LINES: usize = 500;

/// Shared between threads.
pub(crate) struct Board {
    pub(crate) began: Instant,
    seen: Mutex<Seen>,
}

/// Everything that is shown.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen {
    /// What the demo runs on.
    pub(crate) broker: String,
    /// Where the host's admin server listens.
    pub(crate) admin: String,
    pub(crate) elapsed: Duration,
    /// How long records stream.
    pub(crate) whole: Duration,
    /// Records that were sent, once all were.
    pub(crate) sent: Option<u64>,
    pub(crate) results: u64,
    pub(crate) dead_letters: u64,
    /// Milliseconds from the start of the process to the first result.
    pub(crate) first_score_ms: Option<f64>,
    /// Results of each second.
    pub(crate) rates: VecDeque<u64>,
    /// Of the second before, from when a record was due to when its result came.
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) by_model: BTreeMap<String, u64>,
    /// Results of the second before.
    pub(crate) by_model_now: BTreeMap<String, u64>,
    /// Who answered last, by partition.
    pub(crate) answering: BTreeMap<i32, String>,
    pub(crate) switches: Vec<Switch>,
    /// The story so far, its last lines.
    pub(crate) lines: VecDeque<String>,
    /// How many lines there were.
    pub(crate) said: usize,
    /// How many seconds there were.
    pub(crate) seconds: usize,
}

/// Another model answers.
#[derive(Debug, Clone, serde::Serialize)]
pub(crate) struct Switch {
    pub(crate) from: String,
    pub(crate) to: String,
    /// The longest time without a result near the switch.
    pub(crate) gap_ms: f64,
    /// What 99.9 % of the times between two arrivals elsewhere stay below. Results arrive when a transaction is committed, so this is
    /// about the commit interval.
    pub(crate) control_p999_ms: f64,
}

impl Board {
    pub(crate) fn new(options: &Options, broker: &Broker) -> Self {
        let seen = Seen {
            broker: format!("{} on {}", broker.kind(), broker.address),
            whole: Duration::from_secs(u64::from(options.seconds)),
            ..Seen::default()
        };
        Self { began: Instant::now(), seen: Mutex::new(seen) }
    }

    pub(crate) fn change(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// As it is now.
    pub(crate) fn seen(&self) -> Seen {
        let mut seen = self.change();
        seen.elapsed = self.began.elapsed();
        seen.clone()
    }

    pub(crate) fn host_is(&self, admin: &str) {
        admin.clone_into(&mut self.change().admin);
    }

    pub(crate) fn set_sent(&self, sent: u64) {
        self.change().sent = Some(sent);
    }

    pub(crate) fn say(&self, line: &str) {
        let mut seen = self.change();
        seen.said += 1;
        seen.lines.push_back(line.to_owned());
        if seen.lines.len() > LINES {
            seen.lines.pop_front();
        }
    }
}

impl Seen {
    /// Notes a second that is over.
    pub(crate) fn second(&mut self, results: u64) {
        self.seconds += 1;
        self.rates.push_back(results);
        if self.rates.len() > PAST {
            self.rates.pop_front();
        }
    }
}
