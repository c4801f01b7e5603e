//! The lane: one step on one screen.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::activation::Epochs;
use super::config::Config;
use super::decode::Decoded;
use super::deliver::Share;
use super::diary::Diary;
use super::hand::Hand;
use super::hold::Hold;
use super::positions::Positions;
use super::route::{Selector, live};
use super::score::Answering;
use super::suspects::Suspects;
use crate::registry::{Registry, Snapshot};
use crate::stream::{Event, Link, LinkError, Offsets};
use crate::telemetry::{LaneState, LaneStats};

/// What a step did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// So many rows were delivered; rows that wait are not among them.
    Worked(usize),
    /// There was no record.
    Idle,
    /// Partitions came or went.
    Rebalanced,
    /// Nothing was produced: the slice comes again in smaller parts, as a call of its rows failed or its results were too large.
    Again,
    /// Something failed and the lane went back to what is committed; the reason.
    Recovered(String),
}

/// Why a lane makes no further step.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("lane {lane} of stream `{stream}` stopped: {reason}")]
pub struct Stop {
    /// Stream.
    pub stream: String,
    /// Number of the lane.
    pub lane: usize,
    /// Why.
    pub reason: String,
    /// Whether the host cannot go on either.
    pub namesake: bool,
}

/// What was sent and is not committed.
#[derive(Debug, Default)]
pub(super) struct Transaction {
    pub(super) since: Option<Instant>,
    pub(super) records: usize,
}

/// One lane of a stream: a link, the records in hand, and what the lane remembers of its partitions.
pub struct Lane<L> {
    pub(super) link: L,
    pub(super) config: Config,
    pub(super) registry: Arc<Registry>,
    pub(super) stats: Arc<LaneStats>,
    pub(super) hand: Hand,
    pub(super) positions: Positions,
    pub(super) selector: Selector,
    /// Per data type: rows of the slice, decoded.
    pub(super) decoded: Vec<Decoded>,
    pub(super) suspects: Suspects,
    pub(super) epochs: Epochs,
    pub(super) hold: Hold,
    pub(super) share: Share,
    pub(super) diary: Diary,
    pub(super) transaction: Transaction,
    pub(super) offsets: Offsets,
    /// The most rows in a slice: fewer for a while after results took too much memory.
    pub(super) slice_max: usize,
    /// Versions that answered in this slice; `Fate::Result` points here.
    pub(super) versions: Vec<Answering>,
    /// Whether the state says so.
    pub(super) running: bool,
    /// Told by the link and not answered yet.
    pub(super) unanswered: Option<Event>,
    /// New clients are wanted, and why.
    pub(super) broken: Option<String>,
    /// Whether the sinks of an input topic have as many partitions as it: output, dead letters.
    pub(super) keeps: Vec<(bool, bool)>,
    commit_age: Duration,
}

impl<L: Link> Lane<L> {
    /// A lane on a link that has just been opened.
    pub fn new(link: L, config: Config, registry: Arc<Registry>, stats: Arc<LaneStats>) -> Self {
        let types = config.types.len();
        let keeps = super::deliver::keeps(&link, &config);
        Self {
            hand: Hand::new(config.batch_max, config.memory_max / 4),
            positions: Positions::new(types),
            selector: Selector::new(&config),
            decoded: config.types.iter().map(|data_type| Decoded::new(data_type.codec.schema())).collect(),
            suspects: Suspects::new(types, config.batch_max, config.strikes_max),
            epochs: Epochs::new(types),
            hold: Hold::new(types),
            share: Share::default(),
            diary: Diary::default(),
            transaction: Transaction::default(),
            offsets: Offsets::default(),
            slice_max: config.batch_max,
            versions: Vec::new(),
            running: false,
            unanswered: None,
            broken: None,
            keeps,
            commit_age: config.commit_age(),
            link,
            config,
            registry,
            stats,
        }
    }

    /// One step: fill, one snapshot, decode, route, bind, score, deliver, commit when due. `now` decides what is due; nothing
    /// else looks at a clock but to bound and to measure calls.
    ///
    /// # Errors
    /// What the lane cannot help; it is not to be stepped again.
    pub fn step(&mut self, now: Instant) -> Result<Step, Stop> {
        self.stats.stepped(now);
        match self.advance(now) {
            Ok(step) => Ok(step),
            Err(error) => self.recover(error),
        }
    }

    fn advance(&mut self, now: Instant) -> Result<Step, LinkError> {
        if let Some(done) = self.unfinished_business()? {
            return Ok(done);
        }
        self.commit_when_due(now)?;
        self.retry_held(now)?;
        if let Some(event) = self.fetch(now)? {
            return self.rebalance(event);
        }
        if self.hand.is_done() {
            return Ok(Step::Idle);
        }
        let registry = Arc::clone(&self.registry);
        let snapshot = registry.snapshot();
        self.take_slice(&snapshot);
        self.commit_before_long_calls(&snapshot, now)?;
        self.route(&snapshot, now);
        if !self.score(&snapshot) {
            self.hand.again();
            return Ok(Step::Again);
        }
        let rows = self.deliver(&snapshot, now)?;
        // Whoever waits for records must keep no version from being freed.
        self.versions.clear();
        self.commit_when_due(now)?;
        self.stats.step.add(now.elapsed());
        Ok(Step::Worked(rows))
    }

    fn commit_when_due(&mut self, now: Instant) -> Result<(), LinkError> {
        let Some(since) = self.transaction.since else { return Ok(()) };
        let due =
            now.saturating_duration_since(since) >= self.commit_age || self.transaction.records >= self.config.commit_records;
        if due { self.commit() } else { Ok(()) }
    }

    /// The slice's calls may take longer than what is left of the open transaction's time: then it is committed first, as it
    /// would time out while they are made, and everything would come again to the same end.
    fn commit_before_long_calls(&mut self, snapshot: &Snapshot, now: Instant) -> Result<(), LinkError> {
        let Some(since) = self.transaction.since else { return Ok(()) };
        let rows = self.hand.slice.len() as u32;
        let versions = (0..self.config.types.len()).filter_map(|data_type| live(snapshot, data_type));
        let calls: Duration = versions.map(|version| version.limits.call(rows)).sum();
        // Suspects have a call each; the slice was cut so that all of them are done within a step.
        let calls = if self.suspects.is_empty() { calls } else { calls.max(self.config.step_max) };
        let late = now.saturating_duration_since(since) + calls > self.config.transaction_max / 2;
        if late { self.commit() } else { Ok(()) }
    }

    /// When the open transaction is to be committed.
    pub(super) fn commit_at(&self) -> Option<Instant> {
        self.transaction.since.map(|since| since + self.commit_age)
    }

    /// Commits what was delivered.
    pub(super) fn commit(&mut self) -> Result<(), LinkError> {
        if self.transaction.since.is_none() {
            return Ok(());
        }
        let began = Instant::now();
        self.positions.collect(&mut self.offsets);
        self.link.commit(&self.offsets)?;
        self.stats.commit.add(began.elapsed());
        self.suspects.committed(&self.offsets);
        self.positions.committed();
        self.transaction = Transaction::default();
        Ok(())
    }

    /// Ends in order: what was delivered is committed, what was not begun is left to the next owner of the partitions. Then the
    /// lane is to be dropped, which leaves the group.
    ///
    /// # Errors
    /// What was delivered could neither be committed nor undone.
    pub fn drain(&mut self) -> Result<(), Stop> {
        self.hand.clear();
        if let Err(error) = self.commit() {
            self.recover(error)?;
        }
        self.stats.set_state(LaneState::Drained);
        Ok(())
    }

    /// The lane's figures.
    #[must_use]
    pub fn stats(&self) -> &Arc<LaneStats> {
        &self.stats
    }

    /// The link, for whoever has to end it in a particular way.
    #[must_use]
    pub fn into_link(self) -> L {
        self.link
    }
}
