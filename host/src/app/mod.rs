//! Wiring: a checked configuration becomes a running host. The only place that names concrete types.

mod lanes;
pub mod pipe;
mod plan;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::admin::{self, Admin, StreamView, Token, View};
#[cfg(any(feature = "onnx", feature = "tensorflow"))]
use crate::backend::graph::Graphs;
use crate::backend::wasm::{self, Wasm};
use crate::backend::{Backends, Engines};
use crate::config::Config;
use crate::lifecycle::{self, DryRun, Lifecycle, StreamSpec, Threads};
use crate::registry::Registry;
use crate::stream::kafka::{self, KafkaChunks, KafkaFeed, KafkaNotices};
use crate::stream::pipe::NoChunks;
use crate::stream::{Chunks, Feed, Notices};
use crate::telemetry::LaneStats;
use crate::types::proto::model_descriptor::ModelType;
use lanes::{Lanes, Outcome};
use plan::Plan;

/// How long a host waits for the models that the control log already names before it joins its groups: partitions are not taken
/// from a host that scores them by one that cannot yet.
const WARM_UP_MAX: Duration = Duration::from_secs(30);
/// How often the host looks after its threads.
const TICK: Duration = Duration::from_millis(20);

/// A running host.
pub struct Host {
    streams: Vec<Running>,
    admin: Option<Admin>,
    control: Option<Control>,
}

/// A stream of a running host.
pub struct Running {
    /// Its name.
    pub name: String,
    /// Its snapshot and models.
    pub registry: Arc<Registry>,
    /// Figures of its lanes.
    pub stats: Vec<Arc<LaneStats>>,
    lanes: Lanes,
}

/// The thread of the control plane.
struct Control {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Result<(), lifecycle::Error>>,
}

impl Host {
    /// Opens and starts everything; returns when every lane has joined its group, or earlier when `stop` is set.
    ///
    /// # Errors
    /// Kafka cannot be reached, a topic is missing, an address is taken, .. whatever keeps the host from doing its work.
    pub fn start(config: &Config, stop: &AtomicBool) -> Result<Self> {
        let Some(kafka) = &config.kafka else {
            bail!("{}: expected a table [kafka] with `brokers`: there is nothing to read from", config.file.display())
        };
        if config.streams.is_empty() {
            bail!("{}: expected at least one table [streams.<name>]: there is nothing to do", config.file.display());
        }
        let plans = Plan::all(config, kafka)?;
        let control = Control::on_kafka(config, kafka, &plans)?;
        let mut host = Self { streams: Vec::new(), admin: None, control: Some(control) };
        host.admin = serve(config, &plans)?;
        host.warm_up(&plans, stop)?;
        for plan in plans {
            // Nobody's partitions are taken for a moment.
            if stop.load(Ordering::Relaxed) {
                break;
            }
            let (name, registry) = (plan.name.clone(), Arc::clone(&plan.registry));
            let stats = plan.stats.clone();
            let lanes = Lanes::start(&plan).with_context(|| format!("stream `{name}`"))?;
            host.streams.push(Running { name, registry, stats, lanes });
        }
        Ok(host)
    }

    /// Where the admin server listens.
    #[must_use]
    pub fn admin(&self) -> Option<std::net::SocketAddr> {
        self.admin.as_ref().map(Admin::address)
    }

    /// Its streams.
    #[must_use]
    pub fn streams(&self) -> &[Running] {
        &self.streams
    }

    /// Waits until `stop` is set, nothing runs any more, or another host of the same name is met, then ends in order: every lane
    /// commits what it has delivered and leaves its group.
    ///
    /// # Errors
    /// A stream stopped by itself, or the control log cannot be read any more.
    pub fn run(mut self, stop: &AtomicBool) -> Result<()> {
        let mut control = Ok(());
        while !stop.load(Ordering::Relaxed) {
            if self.control.as_ref().is_some_and(|control| control.thread.is_finished()) {
                control = self.end_control();
                break;
            }
            let lanes = || self.streams.iter().map(|stream| &stream.lanes);
            if lanes().all(Lanes::have_ended) || lanes().any(Lanes::met_namesake) {
                break;
            }
            std::thread::park_timeout(TICK);
        }
        let ended = self.end_lanes();
        control.and(self.end_control()).and(ended)
    }

    fn end_lanes(&mut self) -> Result<()> {
        self.streams.iter().for_each(|stream| stream.lanes.stop());
        let failed = self.streams.drain(..).flat_map(|stream| stream.lanes.join());
        let reasons: Vec<String> = failed.filter_map(Outcome::reason).collect();
        if reasons.is_empty() { Ok(()) } else { bail!("{}", reasons.join("; ")) }
    }

    fn end_control(&mut self) -> Result<()> {
        self.control.take().map_or(Ok(()), Control::end)
    }

    /// Waits for models that are on their way.
    fn warm_up(&self, plans: &[Plan], stop: &AtomicBool) -> Result<()> {
        let until = Instant::now() + WARM_UP_MAX;
        while Instant::now() < until && !stop.load(Ordering::Relaxed) && !plans.iter().all(|plan| plan.registry.is_warm()) {
            if self.control.as_ref().is_some_and(|control| control.thread.is_finished()) {
                bail!("the control plane ended before the lanes could start; the log says why");
            }
            std::thread::park_timeout(TICK);
        }
        Ok(())
    }
}

/// A host that is given up, because it could not start, leaves nothing behind that runs.
impl Drop for Host {
    fn drop(&mut self) {
        let ended = self.end_lanes();
        if let Err(error) = ended.and(self.end_control()) {
            tracing::error!(error = format!("{error:#}"), "while ending");
        }
    }
}

/// The list of backends: every kind of model that can be run.
///
/// # Errors
/// The WASM engine cannot reserve its pool, its cache cannot be used, or the library that `engines` name cannot be opened.
pub fn backends(wasm: &wasm::Config, engines: &Engines) -> Result<Backends> {
    let inner = with_graphs(Backends::new(), wasm, engines)?;
    let backends = Backends::new().with(ModelType::Wasm, Arc::new(Wasm::beside(wasm.clone(), inner)?));
    with_graphs(backends, wasm, engines)
}

#[cfg(any(feature = "onnx", feature = "tensorflow"))]
fn with_graphs(mut backends: Backends, wasm: &wasm::Config, engines: &Engines) -> Result<Backends> {
    let graphs = Graphs::new(wasm.compiler.clone());
    #[cfg(feature = "onnx")]
    let graphs = graphs.with_engines(engines.clone()).map_err(|reason| anyhow::anyhow!(reason))?;
    #[cfg(not(feature = "onnx"))]
    no_engines(engines)?;
    let graphs = Arc::new(graphs);
    if cfg!(feature = "onnx") {
        backends = backends.with(ModelType::Onnx, graphs.clone());
    }
    if cfg!(feature = "tensorflow") {
        backends = backends.with(ModelType::Tensorflow, graphs.clone()).with(ModelType::Tensorflowsaved, graphs);
    }
    Ok(backends)
}

#[cfg(not(any(feature = "onnx", feature = "tensorflow")))]
fn with_graphs(backends: Backends, _: &wasm::Config, engines: &Engines) -> Result<Backends> {
    no_engines(engines).map(|()| backends)
}

#[cfg(not(feature = "onnx"))]
fn no_engines(engines: &Engines) -> Result<()> {
    if *engines != Engines::default() {
        bail!("[backends]: this program was built without ONNX; build with the feature `onnx`, or leave the section out");
    }
    Ok(())
}

/// How the control plane behaves.
fn settings(config: &Config) -> lifecycle::Config {
    lifecycle::Config {
        instance: plan::instance(config),
        locations: config.control.locations.clone(),
        web: config.control.web.clone(),
        unverified_locations: config.control.unverified_locations,
        limits: config.limits.clone(),
        maxima: config.maxima.clone(),
        golden_tolerance: config.golden_tolerance,
    }
}

/// What a host of this configuration would make of an announcement, and the streams that have its data type, each with the
/// number of the data type in it.
///
/// # Errors
/// The backends cannot be started, or a stream's settings do not fit its data types.
pub fn dry_run(config: &Config, data_type: &str) -> Result<(DryRun, Vec<(StreamSpec, usize)>)> {
    let dry = DryRun::new(&settings(config), backends(&config.wasm, &config.engines)?, Arc::new(NoChunks))?;
    let mut streams = Vec::new();
    for stream in config.streams.iter().filter(|stream| stream.types.iter().any(|name| name == data_type)) {
        let specs: Vec<_> = stream.types.iter().filter_map(|name| config.data_type(name)).cloned().collect();
        let types = plan::open(&specs)?;
        let at = types.iter().position(|known| known.name == data_type).unwrap_or_default();
        let registry = Arc::new(Registry::new(types.len()));
        streams.push((plan::spec(stream, &types, &registry, 1)?, at));
    }
    Ok((dry, streams))
}

impl Control {
    fn on_kafka(config: &Config, kafka: &kafka::Config, plans: &[Plan]) -> Result<Self> {
        let feed = KafkaFeed::open(kafka, &config.control.topic).context("the control log")?;
        let notices = KafkaNotices::open(kafka, &config.control.status).context("the status topic")?;
        let specs = plans.iter().map(Plan::spec).collect::<Result<_>>()?;
        let chunks = KafkaChunks::new(kafka, &config.control.chunks);
        Self::start(config, specs, Box::new(feed), Arc::new(chunks), Box::new(notices))
    }

    fn start(
        config: &Config,
        specs: Vec<StreamSpec>,
        feed: Box<dyn Feed>,
        chunks: Arc<dyn Chunks>,
        notices: Box<dyn Notices>,
    ) -> Result<Self> {
        let (backends, settings) = (backends(&config.wasm, &config.engines)?, settings(config));
        let threads = Threads::new().context("the threads that prepare models")?;
        let mut lifecycle = Lifecycle::new(&settings, backends, specs, feed, chunks, notices, Box::new(threads))?;
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let run = move || lifecycle.run(&told).inspect_err(|error| tracing::error!(%error, "the control plane ended"));
        let thread = std::thread::Builder::new().name("lifecycle".to_owned()).spawn(run)?;
        Ok(Self { stop, thread })
    }

    fn end(self) -> Result<()> {
        self.stop.store(true, Ordering::Relaxed);
        match self.thread.join() {
            Ok(ended) => ended.map_err(Into::into),
            Err(_) => bail!("the control plane panicked; its message is in the log"),
        }
    }
}

fn serve(config: &Config, plans: &[Plan]) -> Result<Option<Admin>> {
    let Some(settings) = &config.admin else { return Ok(None) };
    let tokens = settings.tokens.as_deref().map(read_tokens).transpose()?.unwrap_or_default();
    let view = |plan: &Plan| StreamView {
        name: plan.name.clone(),
        types: plan.types.iter().map(|data_type| data_type.name.clone()).collect(),
        registry: Arc::clone(&plan.registry),
        lanes: plan.stats.clone(),
    };
    let view = View { instance: plan::instance(config), streams: plans.iter().map(view).collect() };
    Ok(Some(Admin::serve(admin::Config { bind: settings.bind, tokens }, view)?))
}

fn read_tokens(file: &Path) -> Result<Vec<Token>> {
    let text = std::fs::read_to_string(file).with_context(|| format!("the tokens of [admin] in {}", file.display()))?;
    let tokens: Vec<Token> = text.lines().map(str::trim).filter(|line| !line.is_empty()).map(Token::new).collect();
    if tokens.is_empty() {
        bail!("{}: expected at least one token, one per line, got none", file.display());
    }
    Ok(tokens)
}
