//! The hinge between the control plane and the data plane, one per stream: the lifecycle writes snapshots, lanes read them, and
//! faults rise the other way.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::{ArcSwap, Guard};

use crate::backend::{Fault, Model, Session};
use crate::binding::{Binding, Inputs};
use crate::codec::{Decoder, Encoder};
use crate::types::{Digest, Limits, ModelId, Revision, Scores};

/// An immutable view of what answers, at a revision. A lane takes one per batch.
#[derive(Debug, Default)]
pub struct Snapshot {
    /// Revision of the control log it follows.
    pub revision: Revision,
    /// One per declared data type of the stream, in the order of the stream's list.
    pub routes: Box<[Route]>,
    /// For the same data types, what answered before and is kept warm: the witness when a version falls over records.
    pub previous: Box<[Option<Arc<Version>>]>,
}

impl Snapshot {
    /// Whether the same versions answer as in another view.
    #[must_use]
    pub fn answers_as(&self, other: &Self) -> bool {
        self.routes.len() == other.routes.len() && self.routes.iter().zip(&other.routes).all(|(a, b)| a.is(b))
    }

    /// Whether another view is the same but for its revision.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        let previous = |view: &Self| view.previous.iter().map(|version| version.as_ref().map(Arc::as_ptr)).collect::<Vec<_>>();
        self.answers_as(other) && previous(self) == previous(other)
    }
}

/// What answers for a data type.
#[derive(Debug, Clone, Default)]
pub enum Route {
    /// This version.
    Live(Arc<Version>),
    /// No version yet: records are held.
    #[default]
    Wait,
    /// No version, and the stream is configured not to wait.
    DeadLetter,
}

impl Route {
    fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Live(a), Self::Live(b)) => Arc::ptr_eq(a, b),
            (Self::Wait, Self::Wait) | (Self::DeadLetter, Self::DeadLetter) => true,
            _ => false,
        }
    }
}

/// A live model as a stream uses it.
pub struct Version {
    /// `dataType/name@version`
    pub id: ModelId,
    /// What the model is known by.
    pub digest: Digest,
    /// Offset of its announcement.
    pub revision: Revision,
    /// `name@version` of its evaluator; empty when it has none.
    pub evaluator: String,
    /// The model, shared between streams.
    pub model: Arc<dyn Model>,
    /// How rows become its inputs.
    pub binding: Binding,
    /// Bounds of its calls.
    pub limits: Limits,
    /// One warm seat per lane.
    pub seats: Box<[Mutex<Seat>]>,
    /// A warm session for the lane whose own one trapped.
    pub spare: Mutex<Option<Box<dyn Session>>>,
    /// Set by a lane that found the version unfit; lanes treat its route as `Wait` until the lifecycle has decided.
    pub quarantined: AtomicBool,
    /// What it did, one entry per lane.
    pub usage: Box<[Usage]>,
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Version").field("id", &self.id).field("digest", &self.digest).field("revision", &self.revision).finish()
    }
}

impl Version {
    /// The seat of a lane. Only that lane ever asks for it, so this never waits.
    pub fn seat(&self, lane: usize) -> MutexGuard<'_, Seat> {
        self.seats[lane].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the spare session.
    pub fn take_spare(&self) -> Option<Box<dyn Session>> {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Whether a lane has a session to score with, or the spare to take.
    #[must_use]
    pub fn is_seated(&self, lane: usize) -> bool {
        self.seat(lane).session.is_some() || self.spare.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Puts a spare session in place.
    pub fn put_spare(&self, session: Box<dyn Session>) {
        *self.spare.lock().unwrap_or_else(PoisonError::into_inner) = Some(session);
    }
}

/// Everything one lane needs to use one version.
pub struct Seat {
    /// `None` after a trap, until the spare or a new one takes its place.
    pub session: Option<Box<dyn Session>>,
    /// Decodes the fields the binding wants.
    pub decoder: Box<dyn Decoder>,
    /// Writes its results.
    pub encoder: Box<dyn Encoder>,
    /// Its input matrices.
    pub inputs: Inputs,
    /// Its outputs.
    pub scores: Scores,
}

/// What a version did on one lane. Written by that lane alone, read by anyone.
#[derive(Debug, Default)]
pub struct Usage {
    /// Rows scored.
    pub rows: AtomicU64,
    /// Calls of `score`.
    pub calls: AtomicU64,
    /// Time spent in them, nanoseconds.
    pub nanos: AtomicU64,
    /// Shortest call, nanoseconds; 0 before the first.
    pub nanos_min: AtomicU64,
    /// Longest call, nanoseconds.
    pub nanos_max: AtomicU64,
    /// Calls that ended in a fault.
    pub faults: AtomicU64,
}

impl Usage {
    /// Counts a call. Only one thread writes, so plain loads and stores do.
    pub fn count(&self, rows: u64, nanos: u64) {
        let add = |counter: &AtomicU64, n: u64| counter.store(counter.load(Ordering::Relaxed) + n, Ordering::Relaxed);
        add(&self.rows, rows);
        add(&self.calls, 1);
        add(&self.nanos, nanos);
        let min = self.nanos_min.load(Ordering::Relaxed);
        if min == 0 || nanos < min {
            self.nanos_min.store(nanos.max(1), Ordering::Relaxed);
        }
        if nanos > self.nanos_max.load(Ordering::Relaxed) {
            self.nanos_max.store(nanos, Ordering::Relaxed);
        }
    }
}

/// What a lane reports to the control plane.
#[derive(Debug, Clone)]
pub enum Raised {
    /// A lane's session was beyond use and the lane has taken the spare: a new one is wanted.
    SeatLost {
        /// Version it belonged to.
        version: Arc<Version>,
        /// Why.
        fault: Fault,
    },
    /// The version harms records that are not to blame: it is to be taken out of service.
    Quarantine {
        /// The version.
        version: Arc<Version>,
        /// Why.
        reason: String,
    },
}

/// State of a model as the host sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Read from the control log.
    Announced,
    /// Payload and permissions are in order.
    Verified,
    /// Machine code is there.
    Compiled,
    /// Sessions are there; it could go live.
    Warm,
    /// It answers.
    Live,
    /// It has been replaced; some lane still uses it.
    Draining,
    /// Gone by order.
    Retired,
    /// It cannot answer; the stage and reason are in the status.
    Rejected,
    /// It answered and did harm.
    Quarantined,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// A model's state with all that is known of it.
#[derive(Debug, Clone)]
pub struct ModelStatus {
    /// `dataType/name@version`
    pub id: ModelId,
    /// The producer's words.
    pub description: String,
    /// Kind of payload, as the descriptor's enum names it.
    pub model_type: String,
    /// What it is known by, once verified.
    pub digest: Option<Digest>,
    /// Offset of its announcement.
    pub revision: Revision,
    /// How far it is.
    pub state: State,
    /// Stage at which it was rejected.
    pub stage: Option<String>,
    /// Why it is in this state.
    pub reason: Option<String>,
    /// Since when, milliseconds since the epoch.
    pub since_ms: u64,
    /// The version, while a stream holds it.
    pub version: Option<Arc<Version>>,
}

/// How many raised faults are kept; more are dropped, as each says the same again.
const RAISED_MAX: usize = 256;

/// One stream's snapshot, its models' states, and what its lanes raised.
#[derive(Default)]
pub struct Registry {
    snapshot: ArcSwap<Snapshot>,
    models: ArcSwap<Vec<ModelStatus>>,
    caught_up: AtomicBool,
    warm: AtomicBool,
    raised: Mutex<VecDeque<Raised>>,
    /// How often the states were published, for those who wait for one.
    published: Mutex<u64>,
    publication: Condvar,
}

impl Registry {
    /// A registry in which every one of `data_types` data types waits.
    #[must_use]
    pub fn new(data_types: usize) -> Self {
        let snapshot =
            Snapshot { revision: 0, routes: vec![Route::Wait; data_types].into(), previous: vec![None; data_types].into() };
        Self { snapshot: ArcSwap::from_pointee(snapshot), ..Self::default() }
    }

    /// The view in force.
    pub fn snapshot(&self) -> Guard<Arc<Snapshot>> {
        self.snapshot.load()
    }

    /// Puts a new view in force: one atomic store. Returns the one before.
    pub fn swap(&self, snapshot: Snapshot) -> Arc<Snapshot> {
        self.snapshot.swap(Arc::new(snapshot))
    }

    /// States of all models of the stream's data types.
    #[must_use]
    pub fn models(&self) -> Arc<Vec<ModelStatus>> {
        self.models.load_full()
    }

    /// Publishes the states.
    pub fn set_models(&self, models: Vec<ModelStatus>) {
        self.models.store(Arc::new(models));
        *self.published.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.publication.notify_all();
    }

    /// Waits until the states are as `wanted`, for `patience` at most; whether they are. A model that is said to be Live is in
    /// the snapshot by then.
    pub fn wait_for(&self, patience: Duration, mut wanted: impl FnMut(&[ModelStatus]) -> bool) -> bool {
        let until = Instant::now() + patience;
        loop {
            let seen = *self.published.lock().unwrap_or_else(PoisonError::into_inner);
            if wanted(&self.models()) {
                return true;
            }
            let guard = self.published.lock().unwrap_or_else(PoisonError::into_inner);
            let left = until.saturating_duration_since(Instant::now());
            let (guard, waited) =
                self.publication.wait_timeout_while(guard, left, |now| *now == seen).unwrap_or_else(PoisonError::into_inner);
            drop(guard);
            if waited.timed_out() {
                return wanted(&self.models());
            }
        }
    }

    /// Whether the control log has been read to what was its end at the start.
    #[must_use]
    pub fn caught_up(&self) -> bool {
        self.caught_up.load(Ordering::Acquire)
    }

    /// Says that it has.
    pub fn set_caught_up(&self) {
        self.caught_up.store(true, Ordering::Release);
    }

    /// Whether every data type has a live version or none on its way. Not before the control log has been read to what was its
    /// end.
    #[must_use]
    pub fn is_warm(&self) -> bool {
        self.warm.load(Ordering::Acquire)
    }

    /// Says whether it is so.
    pub fn set_warm(&self, warm: bool) {
        self.warm.store(warm, Ordering::Release);
    }

    /// Reports to the control plane.
    pub fn raise(&self, raised: Raised) {
        let mut queue = self.raised.lock().unwrap_or_else(PoisonError::into_inner);
        if queue.len() < RAISED_MAX {
            queue.push_back(raised);
        }
    }

    /// Puts the spare, if it is there, in place of a lane's session, and says whether it was. Whoever takes it asks for another, so
    /// that a lane that finds none may wait for it.
    pub fn seat_spare(
        &self,
        version: &Arc<Version>,
        session: &mut Option<Box<dyn Session>>,
        fault: impl FnOnce() -> Fault,
    ) -> bool {
        *session = version.take_spare();
        if session.is_some() {
            self.raise(Raised::SeatLost { version: Arc::clone(version), fault: fault() });
        }
        session.is_some()
    }

    /// Takes the oldest report.
    pub fn next_raised(&self) -> Option<Raised> {
        self.raised.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }
}
