//! What time brings: members that fell silent, transactions that took too long, segments that are due; and, on a thread of its own,
//! compaction.

use std::io;
use std::time::{Duration, Instant};

use uuid::Uuid;

use crate::config::Policy;
use crate::group::Members;
use crate::log::Partition;
use crate::state::{State, now_ms};
use crate::{Shared, TICK};

/// Looks after things until the broker closes.
pub(crate) fn run(shared: &Shared) {
    let mut retention = Due::new("log.retention.check.interval.ms");
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

/// Compacts what is due until the broker closes.
pub(crate) fn compact(shared: &Shared) {
    let mut due = Due::new("log.cleaner.backoff.ms");
    while !shared.is_closing() {
        shared.pause(TICK);
        // Bound before the loop: in its head, the lock would be held until its end.
        let places = compacted(&shared.state(), &mut due);
        for place in places {
            if let Err(error) = compact_one(shared, &place)
                && partition(&mut shared.state(), &place).is_some()
                && !shared.is_closing()
            {
                tracing::error!(%error, topic = place.0, partition = place.2, "cannot compact");
            }
        }
    }
}

/// A topic by name and id, so that another of the same name is not taken for it, and one of its partitions.
type At = (String, Uuid, usize);

/// The partitions to look at, when it is time.
fn compacted(state: &State, due: &mut Due) -> Vec<At> {
    if !due.is_now(state, Instant::now()) {
        return Vec::new();
    }
    let topics = state.topics.iter().filter(|(_, topic)| topic.policy.compact);
    topics.flat_map(|(name, topic)| (0..topic.partitions.len()).map(|index| (name.clone(), topic.id, index))).collect()
}

fn partition<'a>(state: &'a mut State, (name, id, index): &At) -> Option<(&'a mut Partition, &'a Policy)> {
    let topic = state.topics.get_mut(name).filter(|topic| topic.id == *id)?;
    Some((topic.partitions.get_mut(*index)?, &topic.policy))
}

/// The lock is taken to begin and for each segment that is through, not in between.
fn compact_one(shared: &Shared, place: &At) -> io::Result<()> {
    let begun = match partition(&mut shared.state(), place) {
        Some((partition, policy)) => partition.begin_compaction(policy, now_ms())?,
        None => None,
    };
    let Some(mut compaction) = begun else { return Ok(()) };
    let go_on = || !shared.is_closing();
    compaction.look(go_on)?;
    while let Some(compacted) = compaction.next(go_on)? {
        let there = match partition(&mut shared.state(), place) {
            Some((partition, _)) => partition.replace(compacted)?,
            None => {
                compacted.discard();
                false
            }
        };
        // Whatever took it away has changed what is to be compacted.
        if !there {
            return Ok(());
        }
    }
    if let Some((partition, _)) = partition(&mut shared.state(), place) {
        partition.end_compaction(&compaction);
    }
    Ok(())
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
