//! Hosts with lanes on one broker, and what happens to them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use sandstream::pipeline::{Config, DataType, Input, Lane, TypeOf};
use sandstream::registry::{Raised, Registry, Route, Version};
use sandstream::stream::Partition;
use sandstream::stream::memory::{Broker, Faults, Isolation, MemoryLink, Message, Options};

use super::fakes::{self, Plain};
use super::link::SimLink;
use super::plan::{LATE, Model, Plan, REFUSE, REJECT, SHAPE, TRAP, TYPES, UNDECLARED, VALUES};

pub(crate) const GROUP: &str = "g";
pub(crate) const STREAM: &str = "s";
pub(crate) const ACTIVATIONS: &str = "activations";

pub(crate) fn input(index: usize) -> String {
    format!("in{index}")
}

pub(crate) fn output(index: usize) -> String {
    format!("in{index}.scores")
}

pub(crate) fn dead_letters(index: usize) -> String {
    format!("in{index}.dlq")
}

/// What happened, for the report.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Happened {
    pub(crate) faults: u64,
    pub(crate) rebalances: u64,
    pub(crate) swaps: u64,
    pub(crate) kills: u64,
    pub(crate) traps: u64,
    pub(crate) records: u64,
}

/// A lane that runs.
struct Running {
    lane: Lane<SimLink>,
    faults: Faults,
}

/// A process: its lanes share a registry; what is announced reaches it when it does.
struct Host {
    registry: Arc<Registry>,
    lanes: Vec<Option<Running>>,
    /// How many announcements it has heard.
    heard: usize,
    versions: BTreeMap<(usize, u64), Arc<Version>>,
    /// Versions it took out of service.
    unfit: Vec<u64>,
}

pub(crate) struct World {
    pub(crate) plan: Plan,
    pub(crate) broker: Broker,
    pub(crate) happened: Happened,
    rng: fastrand::Rng,
    now: Instant,
    hosts: Vec<Host>,
    /// What is to answer for each data type, after each announcement.
    announced: Vec<Vec<Option<Model>>>,
    revision: u64,
    /// Members that vanished and that the group has not noticed.
    vanished: Vec<u64>,
}

impl World {
    pub(crate) fn new(plan: Plan, rng: fastrand::Rng) -> Result<Self> {
        let broker = Broker::new();
        for (index, partitions) in plan.inputs.iter().enumerate() {
            for topic in [input(index), output(index), dead_letters(index)] {
                broker.create(&topic, *partitions);
            }
        }
        broker.create(ACTIVATIONS, 1);
        let host = |lanes: &usize| Host {
            registry: Arc::new(Registry::new(plan.types)),
            lanes: (0..*lanes).map(|_| None).collect(),
            heard: 0,
            versions: BTreeMap::new(),
            unfit: Vec::new(),
        };
        let mut world = Self {
            hosts: plan.hosts.iter().map(host).collect(),
            announced: vec![vec![None; plan.types]],
            plan,
            broker,
            happened: Happened::default(),
            rng,
            now: Instant::now(),
            revision: 0,
            vanished: Vec::new(),
        };
        for (host, lane) in world.slots() {
            world.start(host, lane)?;
        }
        Ok(world)
    }

    fn slots(&self) -> Vec<(usize, usize)> {
        let hosts = self.hosts.iter().enumerate();
        hosts.flat_map(|(host, at)| (0..at.lanes.len()).map(move |lane| (host, lane))).collect()
    }

    fn start(&mut self, host: usize, lane: usize) -> Result<()> {
        let faults = Faults::seeded(self.rng.u64(..), self.plan.rates);
        let each = |name: fn(usize) -> String| (0..self.plan.inputs.len()).map(name).collect::<Vec<_>>();
        let options = Options {
            group: GROUP.to_owned(),
            identity: format!("{GROUP}-host{host}-{lane}"),
            inputs: each(input),
            outputs: each(output),
            dead_letters: each(dead_letters),
            activations: ACTIVATIONS.to_owned(),
            delivery: self.plan.delivery,
            fetch_max: self.plan.fetch_max,
            faults: faults.clone(),
        };
        let link = SimLink::new(MemoryLink::open(&self.broker, options), self.plan.sabotage);
        let config = self.config(lane)?;
        let lane_at = Lane::new(link, config, Arc::clone(&self.hosts[host].registry), Arc::default());
        self.hosts[host].lanes[lane] = Some(Running { lane: lane_at, faults });
        Ok(())
    }

    fn config(&self, lane: usize) -> Result<Config> {
        let topics = self.plan.inputs.iter().enumerate();
        let inputs = topics.map(|(index, partitions)| Input { topic: input(index), partitions: *partitions }).collect();
        let types = TYPES[..self.plan.types].iter();
        let types = types.map(|name| Ok(DataType { name: (*name).to_owned(), codec: Plain::of(name).map_err(|e| anyhow!(e))? }));
        let types = types.collect::<Result<Vec<_>>>()?;
        let type_of = if self.plan.types == 1 { TypeOf::Constant(0) } else { TypeOf::Header("type".to_owned()) };
        Ok(Config {
            lane,
            batch_max: self.plan.batch_max,
            strikes_max: if self.plan.unfit > 0 { 0 } else { 1000 },
            commit_records: 200,
            ..Config::new(STREAM, GROUP, inputs, types, type_of)
        })
    }

    /// One thing happens.
    pub(crate) fn tick(&mut self) -> Result<()> {
        match self.rng.u32(0..100) {
            0..12 => self.produce(),
            12..16 => self.announce(),
            16..22 => self.hear()?,
            22..24 => {
                let seed = self.rng.u64(..);
                self.broker.shuffle(GROUP, seed);
            }
            24..26 => self.kill(),
            26..28 => self.leave()?,
            28..32 => self.restart()?,
            32..38 => self.answer_raised()?,
            _ => self.step_some()?,
        }
        Ok(())
    }

    fn produce(&mut self) {
        for _ in 0..self.rng.usize(1..40) {
            let topic = self.rng.usize(0..self.plan.inputs.len());
            let partition = self.rng.i32(0..self.plan.inputs[topic]);
            if self.rng.u32(0..50) == 0 {
                self.broker.skip(&input(topic), partition);
            }
            let message = self.record();
            self.broker.produce(&input(topic), partition, message);
            self.happened.records += 1;
        }
    }

    fn record(&mut self) -> Message {
        let poisoned = self.rng.u32(0..100) < self.plan.poison;
        let value = match (poisoned, self.rng.u32(0..6)) {
            (true, 0) => TRAP.to_string(),
            (true, 1) => LATE.to_string(),
            (true, 2) => REJECT.to_string(),
            (true, 3) => REFUSE.to_string(),
            (true, 4) => SHAPE.to_string(),
            (true, _) => "no number".to_owned(),
            (false, _) => loop {
                let value = self.rng.u32(0..VALUES);
                if ![TRAP, LATE, REJECT, REFUSE, SHAPE].contains(&value) {
                    break value.to_string();
                }
            },
        };
        let declared = self.plan.types == 1 || self.rng.u32(0..60) > 0;
        let name = if declared { TYPES[self.rng.usize(0..self.plan.types)] } else { UNDECLARED };
        let headers = vec![(b"type".to_vec(), Some(name.as_bytes().to_vec()))];
        Message { key: Some(vec![self.rng.u8(..)]), value: Some(value.into_bytes()), timestamp: 1, headers }
    }

    fn announce(&mut self) {
        let Some(mut routes) = self.announced.last().cloned() else { return };
        let data_type = self.rng.usize(0..self.plan.types);
        routes[data_type] = match self.rng.u32(0..10) {
            0 => None,
            1 => {
                let earlier = self.rng.usize(0..self.announced.len());
                self.announced[earlier][data_type].clone()
            }
            _ => Some(self.next_model(self.plan.unfit)),
        };
        self.announced.push(routes);
    }

    fn next_model(&mut self, unfit: u32) -> Model {
        self.revision += 1;
        Model { revision: self.revision, fit: self.rng.u32(0..100) >= unfit }
    }

    /// A host hears of the next announcement.
    fn hear(&mut self) -> Result<()> {
        let host = self.rng.usize(0..self.hosts.len());
        if self.hosts[host].heard + 1 < self.announced.len() {
            self.hosts[host].heard += 1;
        }
        self.swap(host)
    }

    fn swap(&mut self, host: usize) -> Result<()> {
        let heard = self.hosts[host].heard;
        let lanes = self.hosts[host].lanes.len();
        let mut routes = Vec::new();
        for (data_type, model) in self.announced[heard].iter().enumerate() {
            let at = &mut self.hosts[host];
            let Some(model) = model.as_ref().filter(|model| !at.unfit.contains(&model.revision)) else {
                routes.push(Route::Wait);
                continue;
            };
            let version = match at.versions.get(&(data_type, model.revision)) {
                Some(version) => Arc::clone(version),
                None => {
                    let limits = self.plan.limits.clone();
                    let made = fakes::version_with(TYPES[data_type], "m", model.revision, &model.words(), lanes, limits);
                    made.map_err(|error| anyhow!(error))?
                }
            };
            at.versions.insert((data_type, model.revision), Arc::clone(&version));
            routes.push(Route::Live(version));
        }
        fakes::put(&self.hosts[host].registry, heard as u64, &routes);
        self.happened.swaps += 1;
        Ok(())
    }

    /// The control plane of a host answers what its lanes raised.
    fn answer_raised(&mut self) -> Result<()> {
        for host in 0..self.hosts.len() {
            while let Some(raised) = self.hosts[host].registry.next_raised() {
                match raised {
                    Raised::SeatLost { version, .. } => fakes::new_spare(&version).map_err(|error| anyhow!(error))?,
                    Raised::Quarantine { version, .. } => {
                        self.hosts[host].unfit.push(version.revision);
                        self.swap(host)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn pick(&mut self, running: bool) -> Option<(usize, usize)> {
        let slots: Vec<_> = self.slots().into_iter().filter(|(h, l)| self.hosts[*h].lanes[*l].is_some() == running).collect();
        (!slots.is_empty()).then(|| slots[self.rng.usize(0..slots.len())])
    }

    /// The power of a lane is cut; the group notices at once or later.
    fn kill(&mut self) {
        let Some((host, lane)) = self.pick(true) else { return };
        let Some(running) = self.end(host, lane) else { return };
        let link = running.lane.into_link().into_inner();
        self.happened.kills += 1;
        if self.rng.bool() {
            self.vanished.push(link.member());
            link.vanish();
        }
    }

    /// A lane ends in order.
    fn leave(&mut self) -> Result<()> {
        let Some((host, lane)) = self.pick(true) else { return Ok(()) };
        let Some(mut running) = self.end(host, lane) else { return Ok(()) };
        running.lane.drain().context("a lane could not be drained")
    }

    fn end(&mut self, host: usize, lane: usize) -> Option<Running> {
        let running = self.hosts[host].lanes[lane].take()?;
        let stats = running.lane.stats();
        self.happened.rebalances += stats.rebalances.get();
        self.happened.traps += stats.traps.get();
        self.happened.faults += running.faults.happened();
        Some(running)
    }

    /// A lane that ended comes back under its name; or a session expires.
    fn restart(&mut self) -> Result<()> {
        if let Some(member) = self.vanished.pop() {
            self.broker.expel(GROUP, member);
        }
        match self.pick(false) {
            Some((host, lane)) => self.start(host, lane),
            None => Ok(()),
        }
    }

    fn step_some(&mut self) -> Result<()> {
        let Some((host, lane)) = self.pick(true) else { return Ok(()) };
        for _ in 0..self.rng.usize(1..6) {
            self.step(host, lane)?;
        }
        Ok(())
    }

    fn step(&mut self, host: usize, lane: usize) -> Result<()> {
        self.now += Duration::from_millis(self.rng.u64(1..60));
        if let Some(running) = &mut self.hosts[host].lanes[lane] {
            running.lane.step(self.now)?;
        }
        Ok(())
    }

    /// No more faults: every lane runs, every data type has a fit model, everything is read to its end. `false`: it came to no
    /// end.
    pub(crate) fn settle(&mut self) -> Result<bool> {
        while let Some(member) = self.vanished.pop() {
            self.broker.expel(GROUP, member);
        }
        for (host, lane) in self.slots() {
            if self.hosts[host].lanes[lane].is_none() {
                self.start(host, lane)?;
            }
        }
        let finals = (0..self.plan.types).map(|_| Some(self.next_model(0))).collect();
        self.announced.push(finals);
        for host in 0..self.hosts.len() {
            self.hosts[host].heard = self.announced.len() - 1;
            self.swap(host)?;
        }
        let running = self.hosts.iter().flat_map(|host| host.lanes.iter().flatten());
        running.for_each(|running| running.faults.stop());
        let mut done = false;
        for _ in 0..20_000 {
            done = self.is_done();
            if done {
                break;
            }
            for (host, lane) in self.slots() {
                self.step(host, lane)?;
            }
            self.answer_raised()?;
        }
        for (host, lane) in self.slots() {
            if let Some(mut running) = self.end(host, lane) {
                running.lane.drain()?;
            }
        }
        self.broker.expire_transactions();
        Ok(done)
    }

    /// Whether every record that is there is committed; what follows the last one is a gap.
    fn is_done(&self) -> bool {
        let topics = self.plan.inputs.iter().enumerate();
        let mut all =
            topics.flat_map(|(topic, partitions)| (0..*partitions).map(move |number| Partition { topic: topic as u16, number }));
        all.all(|partition| {
            let committed = self.broker.committed(GROUP, partition).unwrap_or(0);
            self.broker.read(&input(partition.topic as usize), partition.number, committed, Isolation::Committed).is_empty()
        })
    }
}
