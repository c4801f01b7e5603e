//! Work that is done off the control thread: preparing a model, building a spare session, freeing a version.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::StreamSpec;
use super::compile::{Loaded, compile};
use super::verify::{Rules, verify};
use super::warm::{open, warm};
use super::watch::Announced;
use crate::backend::{Backends, Rejected, Session, Stage};
use crate::registry::{State, Version};
use crate::types::Revision;

/// What all preparations share.
pub(super) struct Workshop {
    pub(super) rules: Rules,
    pub(super) backends: Backends,
    pub(super) loaded: Loaded,
    pub(super) streams: Vec<StreamSpec>,
}

/// A piece of work; whoever runs it passes its reports on.
pub struct Task(pub(super) Kind);

pub(super) enum Kind {
    Prepare { announced: Arc<Announced>, places: Vec<Place>, superseded: Arc<AtomicBool>, workshop: Arc<Workshop> },
    Spare { version: Arc<Version> },
    Free { version: Arc<Version> },
}

/// A data type of a stream: indices into the workshop's streams and that stream's types.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) stream: usize,
    pub(super) data_type: usize,
}

/// What a task says of itself.
pub struct Report(pub(super) News);

pub(super) enum News {
    /// A model got this far.
    Reached { revision: Revision, state: State },
    /// A preparation ended.
    Prepared { data_type: String, revision: Revision, outcomes: Vec<(Place, Outcome)> },
    /// A spare session is there, or cannot be had.
    Spare { version: Arc<Version>, session: Result<Box<dyn Session>, String> },
}

/// How a preparation ended for one stream.
pub(super) enum Outcome {
    Ready(Arc<Version>),
    Rejected(Rejected),
    /// Something newer was asked for meanwhile.
    Superseded,
}

/// Which kind of work a task is; a pool may treat them differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// Verifies, compiles and warms a model; takes from milliseconds to minutes.
    Prepare,
    /// Opens a session.
    Spare,
    /// Frees a version's sessions.
    Free,
}

impl Task {
    /// What kind of work it is.
    #[must_use]
    pub fn work(&self) -> Work {
        match &self.0 {
            Kind::Prepare { .. } => Work::Prepare,
            Kind::Spare { .. } => Work::Spare,
            Kind::Free { .. } => Work::Free,
        }
    }

    /// Does it. Does not panic, whatever a backend does.
    pub fn run(self, report: &mut dyn FnMut(Report)) {
        match self.0 {
            Kind::Prepare { announced, places, superseded, workshop } => {
                let (data_type, revision) = (announced.id.data_type.clone(), announced.revision);
                let job = Preparation { announced, places, superseded, workshop, stage: Stage::Verify };
                let outcomes = job.run(report);
                report(Report(News::Prepared { data_type, revision, outcomes }));
            }
            Kind::Spare { version } => {
                let session = catch_unwind(AssertUnwindSafe(|| open(version.model.as_ref())));
                let session = session.unwrap_or_else(|panic| Err(format!("the backend panicked: {}", words(panic.as_ref()))));
                report(Report(News::Spare { version, session }));
            }
            Kind::Free { version } => {
                // What a model's own code does when it is dropped is not for this thread to die of.
                let _ = catch_unwind(AssertUnwindSafe(|| drop(version)));
            }
        }
    }
}

struct Preparation {
    announced: Arc<Announced>,
    places: Vec<Place>,
    superseded: Arc<AtomicBool>,
    workshop: Arc<Workshop>,
    /// Where a panic has happened, should one happen.
    stage: Stage,
}

impl Preparation {
    fn run(mut self, report: &mut dyn FnMut(Report)) -> Vec<(Place, Outcome)> {
        let done = catch_unwind(AssertUnwindSafe(|| self.steps(report)));
        let everywhere = |outcome: &dyn Fn() -> Outcome| self.places.iter().map(|place| (*place, outcome())).collect();
        match done {
            Ok(Ok(Some(outcomes))) => outcomes,
            Ok(Ok(None)) => everywhere(&|| Outcome::Superseded),
            Ok(Err(rejected)) => everywhere(&|| Outcome::Rejected(rejected.clone())),
            Err(panic) => {
                let reason = format!("the backend panicked: {}", words(panic.as_ref()));
                everywhere(&|| Outcome::Rejected(Rejected { stage: self.stage, reason: reason.clone() }))
            }
        }
    }

    /// verify -> compile -> warm; each consumes what the one before gave. `None`: superseded.
    fn steps(&mut self, report: &mut dyn FnMut(Report)) -> Result<Option<Vec<(Place, Outcome)>>, Rejected> {
        let workshop = self.workshop.clone();
        let superseded = self.superseded.clone();
        let go_on = move || !superseded.load(Ordering::Relaxed);
        let revision = self.announced.revision;
        if !go_on() {
            return Ok(None);
        }
        let verified = match verify(&self.announced, &workshop.rules, &workshop.backends, &go_on) {
            Err(_) if !go_on() => return Ok(None),
            verified => verified?,
        };
        report(Report(News::Reached { revision, state: State::Verified }));
        if !go_on() {
            return Ok(None);
        }
        self.stage = Stage::Compile;
        let compiled = compile(verified, &workshop.backends, &workshop.loaded)?;
        report(Report(News::Reached { revision, state: State::Compiled }));
        self.stage = Stage::Warm;
        let mut outcomes = Vec::with_capacity(self.places.len());
        for place in &self.places {
            let stream = &workshop.streams[place.stream];
            let outcome = match warm(&compiled, stream, &stream.types[place.data_type], &go_on) {
                Ok(Some(warm)) => Outcome::Ready(warm.version),
                Ok(None) => Outcome::Superseded,
                Err(rejected) => Outcome::Rejected(rejected),
            };
            outcomes.push((*place, outcome));
        }
        Ok(Some(outcomes))
    }
}

fn words(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without a message").to_owned()
}

/// Where tasks are run.
pub trait Workers: Send {
    /// Takes a task. The lifecycle starts at most two preparations and one spare at a time.
    fn start(&mut self, task: Task);

    /// The next report, without waiting.
    fn report(&mut self) -> Option<Report>;
}

/// Runs every task where it is started: for simulations and tests.
#[derive(Default)]
pub struct Inline(VecDeque<Report>);

impl Workers for Inline {
    fn start(&mut self, task: Task) {
        task.run(&mut |report| self.0.push_back(report));
    }

    fn report(&mut self) -> Option<Report> {
        self.0.pop_front()
    }
}
