//! What lanes count. One lane writes its own figures, anyone reads them: relaxed atomics, no lock on the way of a record.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// Where on its way a record turned out to be one that cannot be scored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LetterStage {
    /// It is not of its data type's format.
    Decode,
    /// Its data type is not declared, or has no model and the stream does not wait.
    Route,
    /// A value is missing that the model cannot do without.
    Bind,
    /// The model refused it, or came to harm by it.
    Score,
    /// Its result is too large to be produced.
    Encode,
}

impl LetterStage {
    /// All, in the order of a record's way.
    pub const ALL: [Self; 5] = [Self::Decode, Self::Route, Self::Bind, Self::Score, Self::Encode];

    /// As the dead letter's header and the metrics' label say it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Decode => "decode",
            Self::Route => "route",
            Self::Bind => "bind",
            Self::Score => "score",
            Self::Encode => "encode",
        }
    }
}

/// A number that only grows. Only one thread writes it, so plain loads and stores do.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds to it.
    pub fn add(&self, n: u64) {
        self.0.store(self.get().wrapping_add(n), Ordering::Relaxed);
    }

    /// Its value.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// How often something was done and how long it took.
#[derive(Debug, Default)]
pub struct Timing {
    count: Counter,
    nanos: Counter,
    nanos_max: AtomicU64,
}

impl Timing {
    /// Counts one that took so long.
    pub fn add(&self, took: Duration) {
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.count.add(1);
        self.nanos.add(nanos);
        if nanos > self.nanos_max.load(Ordering::Relaxed) {
            self.nanos_max.store(nanos, Ordering::Relaxed);
        }
    }

    /// How many there were.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count.get()
    }

    /// How long they took together.
    #[must_use]
    pub fn total(&self) -> Duration {
        Duration::from_nanos(self.nanos.get())
    }

    /// How long the longest took.
    #[must_use]
    pub fn longest(&self) -> Duration {
        Duration::from_nanos(self.nanos_max.load(Ordering::Relaxed))
    }
}

/// What a lane is doing, for people.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum LaneState {
    /// It has not made a step yet.
    #[default]
    Starting,
    /// Records flow.
    Running,
    /// Some partitions wait; the reason says for what.
    Holding(String),
    /// It left its group in order.
    Drained,
    /// It will make no further step; the reason says why.
    Stopped(String),
}

impl LaneState {
    /// One word for it.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Holding(_) => "holding",
            Self::Drained => "drained",
            Self::Stopped(_) => "stopped",
        }
    }

    /// Why, where there is a reason.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Holding(reason) | Self::Stopped(reason) => Some(reason),
            Self::Starting | Self::Running | Self::Drained => None,
        }
    }
}

/// A batch that was delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Finished {
    /// When.
    pub at: Instant,
    /// Revision of the model that answered its last row; of none when all were dead letters.
    pub revision: Option<u64>,
    /// Its rows.
    pub rows: u32,
}

/// The figures of one lane.
#[derive(Debug)]
pub struct LaneStats {
    /// Records taken from the input topics, repeated ones included.
    pub records_in: Counter,
    /// Bytes of them, keys and headers included.
    pub bytes_in: Counter,
    /// Results produced, those of transactions that were aborted later included.
    pub results: Counter,
    /// Bytes of them.
    pub bytes_out: Counter,
    /// Times a partition was held.
    pub held: Counter,
    /// Batches delivered.
    pub batches: Counter,
    /// Transactions given up.
    pub aborts: Counter,
    /// Times new clients were opened.
    pub reopens: Counter,
    /// Partitions assigned, wanted back or lost: each report counts once.
    pub rebalances: Counter,
    /// Calls of a model that ended in a trap or too late.
    pub traps: Counter,
    /// Steps that had rows.
    pub step: Timing,
    /// Calls of models.
    pub score: Timing,
    /// Commits.
    pub commit: Timing,
    dead_letters: [Counter; LetterStage::ALL.len()],
    born: Instant,
    last_step_nanos: AtomicU64,
    state: Mutex<LaneState>,
    finished: OnceLock<Ring>,
}

/// The last batches that were delivered, at most `capacity` of them.
#[derive(Debug)]
struct Ring {
    capacity: usize,
    batches: Mutex<VecDeque<Finished>>,
}

impl Default for LaneStats {
    fn default() -> Self {
        Self {
            records_in: Counter::default(),
            bytes_in: Counter::default(),
            results: Counter::default(),
            bytes_out: Counter::default(),
            held: Counter::default(),
            batches: Counter::default(),
            aborts: Counter::default(),
            reopens: Counter::default(),
            rebalances: Counter::default(),
            traps: Counter::default(),
            step: Timing::default(),
            score: Timing::default(),
            commit: Timing::default(),
            dead_letters: Default::default(),
            born: Instant::now(),
            last_step_nanos: AtomicU64::new(0),
            state: Mutex::default(),
            finished: OnceLock::new(),
        }
    }
}

impl LaneStats {
    /// Counts a dead letter.
    pub fn dead_letter(&self, stage: LetterStage) {
        self.dead_letters[stage as usize].add(1);
    }

    /// Dead letters of a stage.
    #[must_use]
    pub fn dead_letters(&self, stage: LetterStage) -> u64 {
        self.dead_letters[stage as usize].get()
    }

    /// Notes when the last step began.
    pub fn stepped(&self, now: Instant) {
        let nanos = now.saturating_duration_since(self.born).as_nanos();
        self.last_step_nanos.store(u64::try_from(nanos).unwrap_or(u64::MAX).max(1), Ordering::Relaxed);
    }

    /// When the last step began; `None` before the first.
    #[must_use]
    pub fn last_step(&self) -> Option<Instant> {
        let nanos = self.last_step_nanos.load(Ordering::Relaxed);
        (nanos > 0).then(|| self.born + Duration::from_nanos(nanos))
    }

    /// Says what the lane is doing now. Called when that changes, not for every step.
    pub fn set_state(&self, state: LaneState) {
        *self.locked() = state;
    }

    /// What the lane is doing.
    #[must_use]
    pub fn state(&self) -> LaneState {
        self.locked().clone()
    }

    fn locked(&self) -> MutexGuard<'_, LaneState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on remembers the last `capacity` finished batches, for a bench that looks for gaps between them.
    pub fn watch_batches(&self, capacity: usize) {
        self.finished.get_or_init(|| Ring { capacity, batches: Mutex::new(VecDeque::with_capacity(capacity)) });
    }

    /// Whether finished batches are remembered.
    #[must_use]
    pub fn watches_batches(&self) -> bool {
        self.finished.get().is_some()
    }

    /// Counts a delivered batch.
    pub fn finished(&self, batch: Finished) {
        self.batches.add(1);
        if let Some(ring) = self.finished.get() {
            let mut batches = ring.batches.lock().unwrap_or_else(PoisonError::into_inner);
            if batches.len() == ring.capacity {
                batches.pop_front();
            }
            batches.push_back(batch);
        }
    }

    /// Takes the finished batches that are remembered, oldest first.
    #[must_use]
    pub fn take_batches(&self) -> Vec<Finished> {
        self.finished
            .get()
            .map(|ring| ring.batches.lock().unwrap_or_else(PoisonError::into_inner).drain(..).collect())
            .unwrap_or_default()
    }
}

/// The longest time between two neighbours that overlaps with `from..to`. `None`: fewer than two batches are near.
#[must_use]
pub fn longest_gap(batches: &[Finished], from: Instant, to: Instant) -> Option<Duration> {
    let overlaps = |pair: &&[Finished]| pair[0].at <= to && pair[1].at >= from;
    batches.windows(2).filter(overlaps).map(|pair| pair[1].at.saturating_duration_since(pair[0].at)).max()
}
