//! The threads of a stream's lanes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

use anyhow::{Result, anyhow};

use super::plan::Plan;
use crate::pipeline::{self, Lane};
use crate::registry::Registry;
use crate::stream::kafka::{KafkaLink, LinkConfig};
use crate::telemetry::{LaneState, LaneStats};

/// The lanes of a stream, each on a thread.
pub(super) struct Lanes {
    stop: Arc<AtomicBool>,
    namesake: Arc<AtomicBool>,
    threads: Vec<JoinHandle<Outcome>>,
}

/// How a lane ended.
pub(super) enum Outcome {
    /// In order.
    Drained,
    /// By itself; why.
    Failed(String),
}

impl Outcome {
    pub(super) fn reason(self) -> Option<String> {
        match self {
            Self::Drained => None,
            Self::Failed(reason) => Some(reason),
        }
    }
}

/// What a lane's thread takes with it.
struct Job {
    link: LinkConfig,
    config: pipeline::Config,
    registry: Arc<Registry>,
    stats: Arc<LaneStats>,
    stop: Arc<AtomicBool>,
    namesake: Arc<AtomicBool>,
}

impl Lanes {
    /// Starts the threads; returns when all links are open, or with the error of one that could not be.
    pub(super) fn start(plan: &Plan) -> Result<Self> {
        let mut lanes = Self { stop: Arc::default(), namesake: Arc::default(), threads: Vec::new() };
        let (opened, links) = sync_channel(plan.stats.len());
        for (at, stats) in plan.stats.iter().enumerate() {
            let job = Job {
                link: plan.link(at),
                config: plan.lane(at)?,
                registry: Arc::clone(&plan.registry),
                stats: Arc::clone(stats),
                stop: Arc::clone(&lanes.stop),
                namesake: Arc::clone(&lanes.namesake),
            };
            let opened = opened.clone();
            let thread = std::thread::Builder::new().name(format!("{}-{at}", plan.name));
            lanes.threads.push(thread.spawn(move || job.run(&opened))?);
        }
        drop(opened);
        // A thread that ended without a word panicked: then the channel closes before all have spoken.
        let mut failure = None;
        for _ in 0..lanes.threads.len() {
            match links.recv() {
                Ok(Ok(())) => {}
                Ok(Err(error)) => failure = failure.or(Some(error)),
                Err(_) => failure = failure.or_else(|| Some(anyhow!("a lane panicked while its link was opened"))),
            }
        }
        match failure {
            None => Ok(lanes),
            Some(error) => {
                lanes.stop();
                lanes.join();
                Err(error)
            }
        }
    }

    pub(super) fn stop(&self) {
        self.stop.store(true, Ordering::Release);
    }

    pub(super) fn have_ended(&self) -> bool {
        self.threads.iter().all(JoinHandle::is_finished)
    }

    /// Whether a lane met another host of this one's name.
    pub(super) fn met_namesake(&self) -> bool {
        self.namesake.load(Ordering::Acquire)
    }

    pub(super) fn join(self) -> Vec<Outcome> {
        let panicked = |_| Outcome::Failed("a lane panicked; its message is in the log".to_owned());
        self.threads.into_iter().map(|thread| thread.join().unwrap_or_else(panicked)).collect()
    }
}

impl Job {
    fn run(self, opened: &SyncSender<Result<()>>) -> Outcome {
        let link = match KafkaLink::open(self.link) {
            Ok(link) => link,
            Err(error) => {
                self.stats.set_state(LaneState::Stopped(error.to_string()));
                let outcome = Outcome::Failed(error.to_string());
                // Nobody listens any more where another lane has failed first.
                let _ = opened.send(Err(error.into()));
                return outcome;
            }
        };
        let _ = opened.send(Ok(()));
        let (stream, number) = (self.config.stream.clone(), self.config.lane);
        let mut lane = Lane::new(link, self.config, self.registry, Arc::clone(&self.stats));
        match pipeline::run(&mut lane, &self.stop) {
            Ok(()) => {
                tracing::info!(stream, lane = number, "drained");
                Outcome::Drained
            }
            Err(stopped) => {
                tracing::error!(stream, lane = number, reason = stopped.reason, "stopped");
                self.stats.set_state(LaneState::Stopped(stopped.reason.clone()));
                // The other lanes of the stream take over its partitions; the host ends when none is left. Beside
                // a namesake it ends at once.
                self.namesake.fetch_or(stopped.namesake, Ordering::Release);
                Outcome::Failed(stopped.to_string())
            }
        }
    }
}
