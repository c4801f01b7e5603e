//! Warm -> Live: one data type of one stream, its models' states, and which version answers. The one before is kept warm, so that
//! a rollback is a swap.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use super::Now;
use super::catalog::Wanted;
use super::plan::{Plan, Standing, plan};
use super::task::Outcome;
use super::watch::{Announced, Refused};
use crate::backend::Rejected;
use crate::registry::{ModelStatus, Route, State, Version};
use crate::types::{Digest, ModelId, Revision};

/// How many refused announcements are remembered for those who list the models.
const REFUSED_MAX: usize = 64;
/// How many retired models are, those retired last.
const RETIRED_MAX: usize = 64;

/// A data type of a stream.
pub(super) struct Slot {
    models: BTreeMap<Revision, Known>,
    refused: VecDeque<ModelStatus>,
    /// Models that are gone, in the order in which they went.
    gone: VecDeque<Revision>,
    live: Option<Revision>,
    previous: Option<Revision>,
    /// Models whose state has changed since it was last published.
    changed: BTreeSet<Revision>,
}

/// A model as a stream knows it. Its bytes are the catalog's to keep: they go with the order that retires it.
struct Known {
    id: ModelId,
    description: String,
    model_type: String,
    digest: Option<Digest>,
    state: State,
    stage: Option<String>,
    reason: Option<String>,
    since_ms: u64,
    version: Option<Arc<Version>>,
    retired: bool,
}

impl Known {
    fn standing(&self) -> Standing {
        match self.state {
            _ if self.retired => Standing::Unfit,
            State::Rejected | State::Quarantined => Standing::Unfit,
            _ if self.version.is_some() => Standing::Ready,
            _ => Standing::Untried,
        }
    }
}

impl Slot {
    pub(super) fn new() -> Self {
        Self {
            models: BTreeMap::new(),
            refused: VecDeque::new(),
            gone: VecDeque::new(),
            live: None,
            previous: None,
            changed: BTreeSet::new(),
        }
    }

    /// A model is new.
    pub(super) fn announced(&mut self, announced: &Arc<Announced>, now: Now) {
        let known = Known {
            id: announced.id.clone(),
            description: announced.description().to_owned(),
            model_type: announced.model_type(),
            digest: announced.digest,
            state: State::Announced,
            stage: None,
            reason: None,
            since_ms: now.unix_ms,
            version: None,
            retired: false,
        };
        self.models.insert(announced.revision, known);
        self.changed.insert(announced.revision);
    }

    /// The same was published again: what was rejected gets another try, as the cause may be gone.
    pub(super) fn again(&mut self, revision: Revision, now: Now) {
        if self.models.get(&revision).is_some_and(|known| known.state == State::Rejected) {
            self.set(revision, State::Announced, None, Some("published again".to_owned()), now);
        }
    }

    /// A model is gone by order; a version of it is let go with the next plan.
    pub(super) fn retired(&mut self, revision: Revision, now: Now) {
        let Some(known) = self.models.get_mut(&revision) else { return };
        known.retired = true;
        if known.version.is_none() && known.state != State::Draining {
            self.set(revision, State::Retired, None, None, now);
        }
    }

    /// An announcement changed nothing.
    pub(super) fn refused(&mut self, id: &ModelId, refused: &Refused, now: Now) {
        if self.refused.len() == REFUSED_MAX {
            self.refused.pop_front();
        }
        self.refused.push_back(ModelStatus {
            id: id.clone(),
            description: String::new(),
            model_type: String::new(),
            digest: None,
            revision: refused.revision,
            state: State::Rejected,
            stage: Some("verify".to_owned()),
            reason: Some(refused.reason.clone()),
            since_ms: now.unix_ms,
            version: None,
        });
    }

    /// A preparation got this far.
    pub(super) fn reached(&mut self, revision: Revision, state: State, now: Now) {
        if self.standing(revision) == Standing::Untried {
            self.set(revision, state, None, None, now);
        }
    }

    /// A preparation ended. Returns the version that is not wanted any more, as its model was retired meanwhile.
    pub(super) fn prepared(&mut self, revision: Revision, outcome: Outcome, now: Now) -> Option<Arc<Version>> {
        let known = self.models.get_mut(&revision).filter(|known| known.standing() == Standing::Untried);
        match (known, outcome) {
            (None, Outcome::Ready(version)) => return Some(version),
            (None, Outcome::Rejected(_) | Outcome::Superseded) => {}
            (Some(known), Outcome::Ready(version)) => {
                known.version = Some(version);
                self.set(revision, State::Warm, None, None, now);
            }
            (Some(_), Outcome::Rejected(Rejected { stage, reason })) => {
                self.set(revision, State::Rejected, Some(stage.to_string()), Some(reason), now);
            }
            (Some(_), Outcome::Superseded) => {
                let reason = "something newer was asked for while it was prepared".to_owned();
                self.set(revision, State::Announced, None, Some(reason), now);
            }
        }
        None
    }

    /// A version did harm. Returns whether that was news.
    pub(super) fn quarantined(&mut self, revision: Revision, reason: &str, now: Now) -> bool {
        let fit = self.models.get(&revision).is_some_and(|known| known.standing() == Standing::Ready);
        if fit {
            self.set(revision, State::Quarantined, None, Some(reason.to_owned()), now);
        }
        fit
    }

    /// The last user of a version is gone and it has been freed.
    pub(super) fn drained(&mut self, revision: Revision, now: Now) {
        let Some(known) = self.models.get(&revision) else { return };
        if known.state != State::Draining {
            return;
        }
        if known.retired {
            self.set(revision, State::Retired, None, None, now);
        } else {
            let reason = "replaced; it is prepared again when a deployment asks for it".to_owned();
            self.set(revision, State::Verified, None, Some(reason), now);
        }
    }

    fn set(&mut self, revision: Revision, state: State, stage: Option<String>, reason: Option<String>, now: Now) {
        let Some(known) = self.models.get_mut(&revision) else { return };
        if known.state != state {
            known.since_ms = now.unix_ms;
        }
        tracing::info!(model = %known.id, revision, %state, stage, reason, "model state");
        if state == State::Retired {
            self.gone.push_back(revision);
        }
        (known.state, known.stage, known.reason) = (state, stage, reason);
        self.changed.insert(revision);
    }

    /// Whether this very version is one that answers or is kept warm.
    pub(super) fn holds(&self, version: &Arc<Version>) -> bool {
        let held = self.models.get(&version.revision).and_then(|known| known.version.as_ref());
        held.is_some_and(|held| Arc::ptr_eq(held, version))
    }

    /// Versions that answer or are kept warm.
    pub(super) fn versions(&self) -> impl Iterator<Item = &Arc<Version>> {
        self.models.values().filter_map(|known| known.version.as_ref())
    }

    fn standing(&self, revision: Revision) -> Standing {
        self.models.get(&revision).map_or(Standing::Unfit, Known::standing)
    }

    /// What is to be done.
    pub(super) fn plan(&self, wanted: &Wanted) -> Plan {
        plan(wanted, self.live, self.previous, |revision| self.standing(revision))
    }

    /// Carries a plan out but for the preparation, and returns the versions that are let go.
    pub(super) fn follow(&mut self, plan: Plan, now: Now) -> Vec<Arc<Version>> {
        if plan.live != self.live {
            self.previous = self.live;
            self.live = plan.live;
            self.changed.extend(self.previous);
        }
        self.previous = self.previous.filter(|revision| self.standing(*revision) == Standing::Ready);
        self.mark(plan, now);
        self.let_go(plan, now)
    }

    /// States of the versions that are kept.
    fn mark(&mut self, plan: Plan, now: Now) {
        let live = self.live.and_then(|revision| self.models.get(&revision)).map(|known| known.id.clone());
        let said = |what: &str| live.as_ref().map(|live| format!("{what}; `{}@{}` is live", live.name, live.version));
        let kept = [
            (self.live, State::Live, None),
            (plan.standby, State::Warm, said("warm and not live, as another version is pinned")),
            (self.previous, State::Warm, said("kept for a rollback")),
        ];
        let mut marked = BTreeSet::new();
        for (revision, state, reason) in kept {
            let Some(revision) = revision.filter(|revision| marked.insert(*revision)) else { continue };
            let as_it_is = |known: &Known| known.state == state && known.reason == reason;
            if self.models.get(&revision).is_some_and(|known| !as_it_is(known)) {
                self.set(revision, state, None, reason, now);
            }
        }
    }

    fn let_go(&mut self, plan: Plan, now: Now) -> Vec<Arc<Version>> {
        let kept = [self.live, self.previous, plan.standby];
        let goes = |(revision, known): (&Revision, &Known)| {
            (known.version.is_some() && !kept.contains(&Some(*revision))).then_some(*revision)
        };
        let going: Vec<Revision> = self.models.iter().filter_map(goes).collect();
        let mut versions = Vec::with_capacity(going.len());
        for revision in going {
            versions.extend(self.models.get_mut(&revision).and_then(|known| known.version.take()));
            // Why a version was quarantined is worth more than that it drains.
            if self.models.get(&revision).is_some_and(|known| known.state != State::Quarantined) {
                self.set(revision, State::Draining, None, None, now);
            }
        }
        versions
    }

    /// What the lanes do with this data type: without a version they wait, as long as their stream is told to.
    pub(super) fn route(&self) -> Route {
        let live = self.live.and_then(|revision| self.models.get(&revision));
        live.and_then(|known| known.version.clone()).map_or(Route::Wait, Route::Live)
    }

    /// What answered before, if it is fit to answer again.
    pub(super) fn previous(&self) -> Option<Arc<Version>> {
        self.previous.and_then(|revision| self.models.get(&revision)).and_then(|known| known.version.clone())
    }

    /// All models and what is known of them, refused announcements last.
    pub(super) fn statuses(&self) -> impl Iterator<Item = ModelStatus> + '_ {
        self.models.iter().map(|(revision, known)| known.status(*revision)).chain(self.refused.iter().cloned())
    }

    /// What the log said of the past was published in the past, but for what was retired while no host of this name ran.
    pub(super) fn forget_the_past(&mut self) {
        let models = &self.models;
        self.changed.retain(|revision| models.get(revision).is_some_and(|known| known.retired));
    }

    /// Takes the models whose states have changed, and forgets those that were retired long ago: all have been told of by then.
    pub(super) fn take_changed(&mut self) -> Vec<ModelStatus> {
        let changed = std::mem::take(&mut self.changed);
        let status = |revision: &Revision| self.models.get(revision).map(|known| known.status(*revision));
        let changed = changed.iter().filter_map(status).collect();
        for revision in self.gone.drain(..self.gone.len().saturating_sub(RETIRED_MAX)) {
            self.models.remove(&revision);
        }
        changed
    }
}

impl Known {
    fn status(&self, revision: Revision) -> ModelStatus {
        ModelStatus {
            id: self.id.clone(),
            description: self.description.clone(),
            model_type: self.model_type.clone(),
            digest: self.digest.or_else(|| self.version.as_ref().map(|version| version.digest)),
            revision,
            state: self.state.clone(),
            stage: self.stage.clone(),
            reason: self.reason.clone(),
            since_ms: self.since_ms,
            version: self.version.clone(),
        }
    }
}
