//! hold: records whose model is not there yet wait in Kafka, not here.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::config::OnNoModel;
use super::deliver::Share;
use super::hand::Fate;
use super::lane::Lane;
use super::route::live;
use crate::registry::{Route, Snapshot, Version};
use crate::stream::{Link, LinkError};
use crate::telemetry::LaneState;

/// How soon a fresh session is noticed.
const SEAT_EVERY: Duration = Duration::from_millis(5);

/// What waits and until when.
pub(super) struct Hold {
    /// The view under which partitions were held, while some are.
    under: Option<Arc<Snapshot>>,
    retry_at: Option<Instant>,
    /// Versions that answer and have no session for this lane: it goes on when one has.
    seatless: Vec<Arc<Version>>,
    /// Per data type: since when its records have been waiting for a model.
    since: Vec<Option<Instant>>,
}

impl Hold {
    pub(super) fn new(data_types: usize) -> Self {
        Self { under: None, retry_at: None, seatless: Vec::new(), since: vec![None; data_types] }
    }

    /// When the lane is to look after held partitions again.
    pub(super) fn look_at(&self, now: Instant) -> Option<Instant> {
        let soon = (!self.seatless.is_empty()).then(|| now + SEAT_EVERY);
        self.retry_at.map(|at| soon.map_or(at, |soon| at.min(soon)))
    }

    /// The link holds nothing any more.
    pub(super) fn forget(&mut self) {
        self.under = None;
        self.retry_at = None;
        self.seatless.clear();
    }

    /// Whether a record of this data type has waited long enough. The time before the control log was read does not count: the
    /// model may be in it.
    pub(super) fn waits(&mut self, data_type: u16, now: Instant, caught_up: bool, on_no_model: OnNoModel) -> bool {
        let since = &mut self.since[data_type as usize];
        if !caught_up {
            return false;
        }
        let since = *since.get_or_insert(now);
        matches!(on_no_model, OnNoModel::DeadLetterAfter(wait) if now.saturating_duration_since(since) >= wait)
    }

    /// When the first data type will have waited long enough.
    fn patience_ends(&self, on_no_model: OnNoModel) -> Option<Instant> {
        match on_no_model {
            OnNoModel::Hold => None,
            OnNoModel::DeadLetterAfter(wait) => self.since.iter().flatten().min().map(|since| *since + wait),
        }
    }
}

impl<L: Link> Lane<L> {
    /// Lets held partitions flow again when the view has changed or enough time has passed. Those that must still wait are held
    /// again when their records come.
    pub(super) fn retry_held(&mut self, now: Instant) -> Result<(), LinkError> {
        let Some(under) = &self.hold.under else { return Ok(()) };
        let changed = !under.answers_as(&self.registry.snapshot());
        if changed {
            self.share = Share::default();
        }
        let seated = self.hold.seatless.iter().any(|version| version.is_seated(self.config.lane));
        if changed || seated || self.hold.retry_at.is_none_or(|at| now >= at) {
            self.link.resume()?;
            self.hold.forget();
        }
        Ok(())
    }

    /// Holds the partitions that were cut and drops their rows from the hand: they come again.
    pub(super) fn hold_cut(&mut self, snapshot: &Arc<Snapshot>, now: Instant) -> Result<(), LinkError> {
        self.hold.since.iter_mut().enumerate().filter(|(t, _)| live(snapshot, *t).is_some()).for_each(|(_, since)| *since = None);
        self.offsets.clear();
        for (place, partition, offset) in self.positions.cuts() {
            self.offsets.set(partition, offset);
            self.hand.drop_place(self.hand.slice.end, place);
        }
        if self.offsets.is_empty() {
            self.flows();
            return Ok(());
        }
        self.stats.held.add(self.offsets.iter().len() as u64);
        self.link.hold(&self.offsets)?;
        if self.hold.under.is_none() {
            self.running = false;
            self.stats.set_state(LaneState::Holding(self.why_held()));
        }
        let retry_at = now + self.config.hold_retry;
        let patience = self.hold.patience_ends(self.config.on_no_model).filter(|at| *at > now);
        self.hold.retry_at = Some(patience.map_or(retry_at, |at| at.min(retry_at)));
        self.hold.under = Some(Arc::clone(snapshot));
        let answering = (0..self.config.types.len()).filter_map(|data_type| live(snapshot, data_type));
        self.hold.seatless = answering.filter(|version| !version.is_seated(self.config.lane)).cloned().collect();
        Ok(())
    }

    /// The lane runs, unless some partition is held.
    pub(super) fn flows(&mut self) {
        if self.hold.under.is_none() && !self.running {
            self.running = true;
            self.stats.set_state(LaneState::Running);
        }
    }

    /// Whether records wait that only another model can answer, under the view that is in force: not for a session of a model that
    /// is there, and not for what the control plane makes of a fault.
    #[must_use]
    pub fn waits_for_a_model(&self) -> bool {
        let snapshot = self.registry.snapshot();
        let undecided = |route: &Route| matches!(route, Route::Live(version) if version.quarantined.load(Ordering::Acquire));
        let held = self.hold.under.as_ref().is_some_and(|under| under.answers_as(&snapshot));
        held && self.hold.seatless.is_empty() && !snapshot.routes.iter().any(undecided)
    }

    fn why_held(&self) -> String {
        if self.share.exceeded {
            return "too large a share of the records are dead letters; waiting for another model or a restart".to_owned();
        }
        let slice = self.hand.slice.clone().zip(&self.hand.fates);
        let held = slice.filter(|(_, fate)| **fate == Fate::Held).filter_map(|(record, _)| self.hand.types[record]);
        let waiting: BTreeSet<&str> = held.map(|data_type| self.config.types[data_type as usize].name.as_str()).collect();
        if waiting.is_empty() {
            return "waiting for a fresh session of a model that trapped".to_owned();
        }
        format!("waiting for a model of {}", waiting.into_iter().collect::<Vec<_>>().join(", "))
    }
}
