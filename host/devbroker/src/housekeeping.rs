//! What time brings: members that fell silent, transactions that took too long, segments that are due.

use std::time::{Duration, Instant};

use crate::group::Members;
use crate::state::{State, now_ms};
use crate::{Shared, TICK};

/// Looks after things until the broker closes.
pub(crate) fn run(shared: &Shared) {
    let mut retention = Due::new("log.retention.check.interval.ms");
    let mut compaction = Due::new("log.cleaner.backoff.ms");
    let mut transactions = Due::new("transaction.abort.timed.out.transaction.cleanup.interval.ms");
    while !shared.is_closing() {
        shared.pause(TICK);
        let mut state = shared.state();
        let now = Instant::now();
        if groups(&mut state, now) {
            shared.groups_changed();
        }
        if transactions.is_now(&state, now) {
            state.finish_decided();
            if state.abort_late(now) {
                shared.records_changed();
            }
        }
        if retention.is_now(&state, now) {
            retain(&mut state);
        }
        if compaction.is_now(&state, now) {
            compact(&mut state);
        }
        state.shorten_journal();
        watch_memory(&mut state, shared.memory_max);
    }
}

/// Something that happens again and again, as often as a setting says.
struct Due {
    setting: &'static str,
    last: Option<Instant>,
}

impl Due {
    fn new(setting: &'static str) -> Self {
        Self { setting, last: None }
    }

    fn is_now(&mut self, state: &State, now: Instant) -> bool {
        let interval = Duration::from_millis(u64::try_from(state.settings.number(self.setting)).unwrap_or(0));
        let due = self.last.is_none_or(|last| now.duration_since(last) >= interval);
        if due {
            self.last = Some(now);
        }
        due
    }
}

fn groups(state: &mut State, now: Instant) -> bool {
    let session = state.settings.number("group.consumer.session.timeout.ms");
    let session = Duration::from_millis(u64::try_from(session).unwrap_or(0));
    let mut changed = false;
    for group in state.groups.values_mut() {
        changed |= match &mut group.members {
            Members::None => false,
            Members::Classic(classic) => classic.tick(now),
            Members::Consumer(consumer) => consumer.tick(session, now),
        };
    }
    changed
}

fn retain(state: &mut State) {
    let now = now_ms();
    let silent = now - state.settings.number("producer.id.expiration.ms");
    for topic in state.topics.values_mut() {
        for partition in &mut topic.partitions {
            partition.retain(&topic.policy, now);
            partition.producers.forget_silent(silent);
        }
    }
}

fn compact(state: &mut State) {
    let now = now_ms();
    for (name, topic) in &mut state.topics {
        for partition in &mut topic.partitions {
            if let Err(error) = partition.compact(&topic.policy, now) {
                tracing::error!(%error, topic = name, "cannot compact");
            }
        }
    }
}

fn watch_memory(state: &mut State, max: u64) {
    let full = state.is_in_memory() && state.bytes() > max;
    if full && !state.full {
        tracing::error!(
            bytes = state.bytes(),
            max,
            "memory is full and nothing is taken in: delete topics or records, set retention.bytes, or start the broker with --data"
        );
    }
    state.full = full;
}
