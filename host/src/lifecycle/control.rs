//! The loop that ties the steps together. It never waits for a preparation, and touches no model's code itself.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::catalog::{Catalog, Effect};
use super::compile::Loaded;
use super::locations::Locations;
use super::retire::Draining;
use super::spares::Spares;
use super::status::Status;
use super::swap::Slot;
use super::task::{Kind, News, Place, Report, Task, Workers, Workshop};
use super::totals::Totals;
use super::verify::Rules;
use super::watch::{Announced, Refused, Watch};
use super::{Config, Error, Now, StreamSpec};
use crate::backend::{Backends, Session};
use crate::registry::{Raised, Snapshot, State, Version};
use crate::stream::{Announcement, Chunks, Entry, Feed, LinkError, Notices};
use crate::types::Revision;

/// Records of the control log that one step takes at most, so that faults and reports are not kept waiting by a long log.
const ENTRIES_MAX: usize = 256;
/// Preparations at a time, of different data types.
const PREPARATIONS_MAX: usize = 2;
/// How long the loop waits for the control log before it looks at everything else again.
const WAIT: Duration = Duration::from_millis(20);

/// The control plane of a host.
pub struct Lifecycle {
    feed: Box<dyn Feed>,
    watch: Watch,
    catalog: Catalog,
    workshop: Arc<Workshop>,
    workers: Box<dyn Workers>,
    /// One per data type of each stream.
    slots: BTreeMap<Place, Slot>,
    /// Preparations under way, by data type.
    preparing: BTreeMap<String, Preparing>,
    spares: Spares,
    draining: Draining,
    status: Status,
    totals: Totals,
    caught_up: bool,
    /// Streams whose models' states are to be published.
    dirty: BTreeSet<usize>,
}

struct Preparing {
    revision: Revision,
    /// The streams that asked for it; to others the same model may be something else.
    places: Vec<Place>,
    superseded: Arc<AtomicBool>,
}

impl Lifecycle {
    /// A control plane that has read nothing yet.
    ///
    /// # Errors
    /// A location root cannot be opened.
    pub fn new(
        config: &Config,
        backends: Backends,
        streams: Vec<StreamSpec>,
        feed: Box<dyn Feed>,
        chunks: Arc<dyn Chunks>,
        notices: Box<dyn Notices>,
        workers: Box<dyn Workers>,
    ) -> Result<Self, Error> {
        let locations = Arc::new(Locations::of(config)?);
        let places = streams
            .iter()
            .enumerate()
            .flat_map(|(stream, spec)| (0..spec.types.len()).map(move |data_type| (Place { stream, data_type }, Slot::new())));
        let slots = places.collect();
        let rules = Rules::of(config, locations.clone(), chunks);
        Ok(Self {
            feed,
            watch: Watch::new(locations),
            catalog: Catalog::default(),
            workshop: Arc::new(Workshop { rules, backends, loaded: Loaded::default(), streams }),
            workers,
            slots,
            preparing: BTreeMap::new(),
            spares: Spares::default(),
            draining: Draining::default(),
            status: Status::new(&config.instance, notices),
            totals: Totals::default(),
            caught_up: false,
            dirty: BTreeSet::new(),
        })
    }

    /// Steps until `stop` is set.
    ///
    /// # Errors
    /// See [`Lifecycle::step`].
    pub fn run(&mut self, stop: &AtomicBool) -> Result<(), Error> {
        while !stop.load(Ordering::Relaxed) {
            self.step(Now::read(), WAIT)?;
        }
        self.tell_totals(Now::read());
        Ok(())
    }

    /// What the log asks for, as far as it has been read.
    #[must_use]
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// Whether nothing is being prepared or waits to be freed.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.preparing.is_empty() && self.draining.is_empty()
    }

    /// Reads the log, waiting at most `wait` for a record; then does what there is to do.
    ///
    /// # Errors
    /// The log cannot be read at all. Failures of models are states, not errors.
    pub fn step(&mut self, now: Now, wait: Duration) -> Result<(), Error> {
        self.read_log(now, wait)?;
        self.take_faults(now);
        // Workers that run a task where it is started report at once, and their reports may ask for the next.
        loop {
            let reports = self.take_reports(now);
            let started = self.caught_up && self.decide(now);
            if !reports && !started {
                break;
            }
        }
        self.build_spares(now);
        self.free(now);
        if !self.dirty.is_empty() {
            self.watch.forget_unheld();
        }
        self.publish(now);
        if self.totals.are_due(now) {
            self.tell_totals(now);
        }
        Ok(())
    }

    fn tell_totals(&mut self, now: Now) {
        for (at, stream) in self.workshop.streams.iter().enumerate() {
            let slots = self.slots.range(Place { stream: at, data_type: 0 }..Place { stream: at + 1, data_type: 0 });
            let held = slots.flat_map(|(_, slot)| slot.versions());
            let versions: Vec<_> = held.chain(self.draining.of_stream(at)).cloned().collect();
            self.totals.tell(&stream.name, &versions, &mut self.status, now);
        }
    }

    fn read_log(&mut self, now: Now, mut wait: Duration) -> Result<(), Error> {
        for _ in 0..ENTRIES_MAX {
            match self.feed.next(wait) {
                Ok(Some(Announcement::Entry(entry))) => self.obey(entry, now),
                Ok(Some(Announcement::CaughtUp)) => self.catch_up(),
                Ok(None) => break,
                Err(error @ (LinkError::Fatal(_) | LinkError::Namesake(_))) => return Err(Error::Feed(error)),
                Err(error) => {
                    tracing::warn!(%error, "control log");
                    break;
                }
            }
            wait = Duration::ZERO;
        }
        Ok(())
    }

    fn catch_up(&mut self) {
        tracing::info!(revision = self.catalog.revision(), "caught up with the control log");
        self.caught_up = true;
        for slot in self.slots.values_mut() {
            slot.forget_the_past();
        }
        for (at, stream) in self.workshop.streams.iter().enumerate() {
            stream.registry.set_caught_up();
            self.dirty.insert(at);
        }
    }

    fn obey(&mut self, entry: Entry, now: Now) {
        let order = match self.watch.read(entry) {
            Ok(order) => order,
            Err(refused) => return self.refuse(&refused, now),
        };
        let data_type = order.change.data_type().to_owned();
        let places = self.places(&data_type);
        if places.is_empty() {
            tracing::debug!(data_type, revision = order.revision, "no stream of this host has the data type");
            return;
        }
        let before = self.catalog.deployment(&data_type);
        match self.catalog.apply(order) {
            Ok(effect) => self.take_effect(&effect, &places, now),
            Err(refused) => self.refuse(&refused, now),
        }
        if self.catalog.deployment(&data_type) != before {
            self.notice_deployment(&data_type, &places, now);
        }
    }

    fn take_effect(&mut self, effect: &Effect, places: &[Place], now: Now) {
        for place in places {
            let Some(slot) = self.slots.get_mut(place) else { continue };
            match effect {
                Effect::Announced(announced) => slot.announced(announced, now),
                Effect::Again(revision) => slot.again(*revision, now),
                Effect::Retired(revision) => slot.retired(*revision, now),
                Effect::Deployed | Effect::Labelled => {}
            }
            self.dirty.insert(place.stream);
        }
    }

    fn refuse(&mut self, refused: &Refused, now: Now) {
        tracing::warn!(revision = refused.revision, reason = refused.reason, "control log: record refused");
        let data_type = refused.data_type.clone().unwrap_or_default();
        for place in self.places(&data_type) {
            if let (Some(id), Some(slot)) = (&refused.id, self.slots.get_mut(&place)) {
                slot.refused(id, refused, now);
                self.dirty.insert(place.stream);
            }
            if self.caught_up {
                let stream = &self.workshop.streams[place.stream].name;
                self.status.refused(stream, &data_type, refused, now.unix_ms);
            }
        }
    }

    fn notice_deployment(&mut self, data_type: &str, places: &[Place], now: Now) {
        if !self.caught_up {
            return;
        }
        let (in_force, pending) = self.catalog.deployment(data_type);
        for place in places {
            let stream = &self.workshop.streams[place.stream].name;
            self.status.deployment(stream, data_type, &in_force, pending.as_ref(), now.unix_ms);
        }
    }

    /// Where a data type is declared.
    fn places(&self, data_type: &str) -> Vec<Place> {
        let declares = |place: &&Place| self.workshop.streams[place.stream].types[place.data_type].name() == data_type;
        self.slots.keys().filter(declares).copied().collect()
    }

    fn take_faults(&mut self, now: Now) {
        for at in 0..self.workshop.streams.len() {
            while let Some(raised) = self.workshop.streams[at].registry.next_raised() {
                self.dirty.insert(at);
                match raised {
                    Raised::SeatLost { version, fault } => {
                        tracing::warn!(model = %version.id, revision = version.revision, %fault, "a lane lost its session");
                        self.spares.lost(&version, now.instant);
                    }
                    Raised::Quarantine { version, reason } => self.quarantine(at, &version, &reason, now),
                }
            }
        }
    }

    fn quarantine(&mut self, stream: usize, version: &Version, reason: &str, now: Now) {
        let places = self.places(&version.id.data_type);
        for place in places.iter().filter(|place| place.stream == stream) {
            let Some(slot) = self.slots.get_mut(place) else { continue };
            if slot.quarantined(version.revision, reason, now) {
                version.quarantined.store(true, Ordering::Release);
                tracing::error!(model = %version.id, revision = version.revision, reason, "quarantined");
            }
        }
    }

    fn take_reports(&mut self, now: Now) -> bool {
        let mut any = false;
        while let Some(Report(news)) = self.workers.report() {
            any = true;
            match news {
                News::Reached { revision, state } => self.reached(revision, &state, now),
                News::Prepared { data_type, revision, outcomes } => {
                    self.preparing.remove(&data_type);
                    for (place, outcome) in outcomes {
                        self.dirty.insert(place.stream);
                        let unwanted = self.slots.get_mut(&place).and_then(|slot| slot.prepared(revision, outcome, now));
                        if let Some(version) = unwanted {
                            self.draining.add(place, version);
                        }
                    }
                }
                News::Spare { version, session } => self.spare_built(&version, session, now),
            }
        }
        any
    }

    fn reached(&mut self, revision: Revision, state: &State, now: Now) {
        let Some(job) = self.preparing.values().find(|job| job.revision == revision) else { return };
        for place in &job.places {
            if let Some(slot) = self.slots.get_mut(place) {
                slot.reached(revision, state.clone(), now);
                self.dirty.insert(place.stream);
            }
        }
    }

    fn spare_built(&mut self, version: &Arc<Version>, session: Result<Box<dyn Session>, String>, now: Now) {
        self.spares.built(version, session.is_ok(), now.instant);
        match session {
            Ok(session) => version.put_spare(session),
            Err(reason) => tracing::warn!(model = %version.id, reason, "no spare session; it is tried again"),
        }
    }

    /// Swaps what can be swapped and starts what has to be prepared; says whether it started anything.
    fn decide(&mut self, now: Now) -> bool {
        let mut requests: BTreeMap<String, (Revision, Vec<Place>)> = BTreeMap::new();
        let mut waiting = BTreeSet::new();
        for (place, slot) in &mut self.slots {
            let data_type = self.workshop.streams[place.stream].types[place.data_type].name();
            let plan = slot.plan(&self.catalog.wanted(data_type));
            for version in slot.follow(plan, now) {
                self.draining.add(*place, version);
                self.dirty.insert(place.stream);
            }
            let Some(revision) = plan.prepare else { continue };
            if plan.live.is_none() {
                waiting.insert(place.stream);
            }
            // Streams may be at different models; the newest goes first, and with it all that want the same.
            let request = requests.entry(data_type.to_owned()).or_insert((revision, Vec::new()));
            if revision > request.0 {
                *request = (revision, Vec::new());
            }
            if revision == request.0 {
                request.1.push(*place);
            }
        }
        // Whoever sees that nothing answers any more sees as well that something is on its way.
        let streams = || self.workshop.streams.iter().enumerate();
        streams().filter(|(at, _)| waiting.contains(at)).for_each(|(_, stream)| stream.registry.set_warm(false));
        self.route();
        let streams = || self.workshop.streams.iter().enumerate();
        streams().filter(|(at, _)| !waiting.contains(at)).for_each(|(_, stream)| stream.registry.set_warm(true));
        self.supersede(&requests);
        self.prepare(requests)
    }

    /// Tells preparations to stop whose models are no longer what is asked for.
    fn supersede(&self, requests: &BTreeMap<String, (Revision, Vec<Place>)>) {
        for (data_type, job) in &self.preparing {
            if requests.get(data_type).is_none_or(|(revision, _)| *revision != job.revision) {
                job.superseded.store(true, Ordering::Relaxed);
            }
        }
    }

    fn prepare(&mut self, requests: BTreeMap<String, (Revision, Vec<Place>)>) -> bool {
        let mut started = false;
        for (data_type, (revision, places)) in requests {
            if self.preparing.len() >= PREPARATIONS_MAX || self.preparing.contains_key(&data_type) {
                continue;
            }
            let Some(announced) = self.announced(&data_type, revision) else { continue };
            let superseded = Arc::new(AtomicBool::new(false));
            let job = Preparing { revision, places: places.clone(), superseded: superseded.clone() };
            self.preparing.insert(data_type, job);
            let workshop = self.workshop.clone();
            self.workers.start(Task(Kind::Prepare { announced, places, superseded, workshop }));
            started = true;
        }
        started
    }

    fn announced(&self, data_type: &str, revision: Revision) -> Option<Arc<Announced>> {
        self.catalog.models(data_type).find(|announced| announced.revision == revision).cloned()
    }

    /// One atomic store per stream whose routes have changed.
    fn route(&mut self) {
        for (at, stream) in self.workshop.streams.iter().enumerate() {
            let slots = self.slots.range(Place { stream: at, data_type: 0 }..Place { stream: at + 1, data_type: 0 });
            let (routes, previous): (Vec<_>, Vec<_>) = slots.map(|(_, slot)| (slot.route(), slot.previous())).unzip();
            let new = Snapshot { revision: self.catalog.revision(), routes: routes.into(), previous: previous.into() };
            let same = new.is(&stream.registry.snapshot());
            if !same {
                drop(stream.registry.swap(new));
                self.dirty.insert(at);
            }
        }
    }

    fn build_spares(&mut self, now: Now) {
        let slots = &self.slots;
        self.spares.retain(now.instant, |version| slots.values().any(|slot| slot.holds(version)));
        while let Some(task) = self.spares.next(now.instant) {
            self.workers.start(task);
            self.take_reports(now);
        }
    }

    fn free(&mut self, now: Now) {
        if self.draining.any_unused() {
            self.tell_totals(now);
        }
        for (place, revision, task) in self.draining.drained() {
            self.workers.start(task);
            self.dirty.insert(place.stream);
            if let Some(slot) = self.slots.get_mut(&place) {
                slot.drained(revision, now);
            }
        }
    }

    fn publish(&mut self, now: Now) {
        if !self.caught_up {
            return;
        }
        for at in std::mem::take(&mut self.dirty) {
            let stream = &self.workshop.streams[at];
            let mut models = Vec::new();
            for (_, slot) in self.slots.range_mut(Place { stream: at, data_type: 0 }..Place { stream: at + 1, data_type: 0 }) {
                for model in slot.take_changed() {
                    self.status.model(&stream.name, &model, now.unix_ms);
                }
                models.extend(slot.statuses());
            }
            stream.registry.set_models(models);
        }
    }
}
