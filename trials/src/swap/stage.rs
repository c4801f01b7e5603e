//! A host in this process, so that its batches can be watched, and what is ordered of it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use sandstream::app;
use sandstream::backend::wasm::Compiler;
use sandstream::config::Config;
use sandstream::registry::{Registry, State};
use sandstream::telemetry::{Finished, LaneStats};
use sandstream::types::ModelId;
use sandstream::types::proto::deployment::{Latest, strategy::Kind as Strategy};

use super::WINDOW;
use super::models::{Files, Kind, Which};
use crate::kit::hosts::{Settings, program};
use crate::kit::world::{Format, World, await_answers, wines};
use sandstream_traffic::Load;

const PARTITIONS: i32 = 4;
/// How long a model may take to become live, and the answers to come.
const PATIENCE: Duration = Duration::from_secs(120);
/// Records by which a model's speed is measured.
const RECORDS: u64 = 200_000;
/// Batches that are remembered: more than a run has.
const BATCHES_MAX: usize = 4 << 20;
/// More records than a run takes.
const RECORDS_MAX: u64 = u64::MAX;

pub(super) struct Stage {
    world: World,
    files: Files,
    registry: Arc<Registry>,
    stats: Arc<LaneStats>,
    stop: Arc<AtomicBool>,
    host: JoinHandle<Result<()>>,
}

impl Stage {
    pub(super) fn build(brokers: &str, graph_mb: Option<u32>) -> Result<Self> {
        let files = Files::write(graph_mb)?;
        let world = World::create(brokers, "swap", PARTITIONS)?;
        let mut settings = Settings::new(Format::Protobuf);
        settings.locations = vec![files.folder()];
        let mut config = Config::parse(Path::new("swap.toml"), &settings.text(&world), std::iter::empty())?;
        config.wasm.compiler = Compiler::Child { program: program()? };
        // Every version is to be compiled: that is part of what is measured.
        config.wasm.cache = None;
        let stop = Arc::new(AtomicBool::new(false));
        let host = app::Host::start(&config, &stop)?;
        let stream = host.streams().first().context("a stream is configured")?;
        let (registry, stats) = (Arc::clone(&stream.registry), Arc::clone(&stream.stats[0]));
        stats.watch_batches(BATCHES_MAX);
        let told = Arc::clone(&stop);
        let host = thread::spawn(move || host.run(&told));
        Ok(Self { world, files, registry, stats, stop, host })
    }

    /// Announces a version and returns when it is live.
    pub(super) fn publish(&self, which: Which) -> Result<ModelId> {
        self.files.publish(&self.world, &which)?;
        self.await_state(&which.id, &State::Live)?;
        Ok(which.id)
    }

    /// Pins a version, or lifts the pin so that `latest` answers again; returns when the one that is asked for is live.
    pub(super) fn order(&self, pinned: Option<&ModelId>, latest: &ModelId) -> Result<()> {
        match pinned {
            Some(id) => self.world.pin(id)?,
            None => self.world.deploy(Strategy::Latest(Latest {}))?,
        };
        self.await_state(pinned.unwrap_or(latest), &State::Live)
    }

    fn await_state(&self, id: &ModelId, state: &State) -> Result<()> {
        let reached =
            self.registry.wait_for(PATIENCE, |models| models.iter().any(|model| model.id == *id && model.state == *state));
        ensure!(reached, "{id} was not {state} within {PATIENCE:?}");
        Ok(())
    }

    /// Waits until records are answered as they come: those that came before there was a model are many.
    pub(super) fn catch_up(&self) -> Result<()> {
        let until = Instant::now() + PATIENCE;
        loop {
            let began = Instant::now();
            await_answers(&self.world, PATIENCE)?;
            if began.elapsed() <= WINDOW {
                return Ok(());
            }
            ensure!(Instant::now() < until, "the host did not catch up with the load within {PATIENCE:?}");
        }
    }

    /// Lets a window pass in which nothing happens, between those of the swap before and of the next.
    pub(super) fn rest(&self) {
        thread::sleep(WINDOW * 2 + WINDOW / 5);
    }

    /// Records a second that a kind of model scores when all of them are there before it is.
    pub(super) fn speed(&self, kind: Kind) -> Result<f64> {
        Load::new(&self.world.traffic(), wines(Format::Protobuf))?.fill(RECORDS)?;
        self.batches();
        let id = self.publish(Which::new(kind, 0, "-speed"))?;
        await_answers(&self.world, PATIENCE)?;
        let batches = self.batches();
        self.world.retire(&id)?;
        self.await_state(&id, &State::Retired)?;
        let (Some(first), Some(last)) = (batches.first(), batches.last()) else { return Err(anyhow!("no batch was finished")) };
        let rows: u32 = batches.iter().skip(1).map(|batch| batch.rows).sum();
        Ok(f64::from(rows) / (last.at - first.at).as_secs_f64())
    }

    /// Streams records while `during` goes on, and waits until they are answered.
    pub(super) fn stream<T>(&mut self, rate: u32, during: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        let stop = AtomicBool::new(false);
        let mut load = Load::new(&self.world.traffic(), wines(Format::Protobuf))?;
        let done = thread::scope(|scope| {
            let sender = scope.spawn(|| load.pace(rate, RECORDS_MAX, &stop));
            let done = during(self);
            stop.store(true, Ordering::Relaxed);
            let sent = sender.join().map_err(|_| anyhow!("the load panicked"))?;
            sent.and(done)
        })?;
        await_answers(&self.world, PATIENCE)?;
        Ok(done)
    }

    /// The batches finished since this was asked last.
    pub(super) fn batches(&self) -> Vec<Finished> {
        self.stats.take_batches()
    }

    /// Ends the host in order; what it wrote stays.
    pub(super) fn end(self) -> Result<World> {
        self.stop.store(true, Ordering::Relaxed);
        self.host.join().map_err(|_| anyhow!("the host panicked"))??;
        Ok(self.world)
    }
}
