//! `cargo xtask pressure`: the broker stands still under load, and then a model takes fifty milliseconds a row. Nothing may be lost,
//! the slow model must not cost the host its partitions, and neither may cost more memory than the stream is allowed.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use rustix::process::Signal;
use sandstream::app;
use sandstream::backend::wasm::{self, Compiler};
use sandstream::backend::{Backend as _, Engines, Payload, Session};
use sandstream::types::proto::Grants;
use sandstream::types::proto::model_descriptor::ModelType;
use sandstream::types::{Digest, Limits, Scores, TensorRef};
use serde::Serialize;

use crate::kit::broker::{self, Broker};
use crate::kit::hosts::{Host, Settings};
use crate::kit::process::resident;
use crate::kit::world::{Format, World, await_answers, component, ends, model, wines};
use crate::report;
use sandstream_traffic::Load;
use sandstream_traffic::{Tally, Verdict};

const PARTITIONS: i32 = 4;
/// Records a second while the broker stands still.
const RATE: u32 = 3000;
/// How long records stream before the broker stands still, so that the memory that any load takes is not counted as growth.
const BEFORE: Duration = Duration::from_secs(5);
/// What the stream is allowed.
const MEMORY_MAX: u64 = 128 << 20;
/// What the slow model takes for a row, and what it is granted.
const ROW: Duration = Duration::from_millis(50);
const GRANTED: Duration = Duration::from_millis(100);
const PATIENCE: Duration = Duration::from_secs(180);

/// Puts a host under pressure.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    broker: broker::Args,
    /// How long the broker stands still, and then how long the slow model works
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Where the figures go, as JSON
    #[arg(long)]
    report: Option<PathBuf>,
}

#[derive(Serialize)]
struct Report {
    /// Records without an answer, of both parts.
    lost: u64,
    duplicated: u64,
    /// While the slow model worked.
    rebalances: u64,
    /// The larger of the two.
    rss_growth_bytes: u64,
    memory_max_bytes: u64,
    stopped: Part,
    slow: Part,
}

#[derive(Serialize)]
struct Part {
    seconds: f64,
    sent: u64,
    rebalances: u64,
    rss_growth_bytes: u64,
    /// What the model took for a row, as the host measured it.
    row_ms: f64,
    #[serde(skip)]
    verdict: Option<Verdict>,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let broker = Broker::start(&args.broker)?;
    let mut folder = tempfile::tempdir()?;
    let checked = trial(&broker, args, folder.path());
    if checked.is_err() {
        folder.disable_cleanup(true);
        eprintln!("the host's log is in {}", folder.path().display());
    }
    checked
}

fn trial(broker: &Broker, args: &Args, folder: &Path) -> Result<()> {
    let seconds = Duration::from_secs(args.seconds);
    let stopped = stopped(broker, seconds, folder).context("while the broker stood still")?;
    let slow = slow(broker, seconds, folder).context("with the slow model")?;
    let sum = |of: fn(&Verdict) -> u64| [&stopped, &slow].iter().filter_map(|part| part.verdict.as_ref()).map(of).sum();
    let dead_letters = sum(|verdict| verdict.dead_letters);
    let report = Report {
        lost: sum(|verdict| verdict.missing),
        duplicated: sum(|verdict| verdict.duplicated + verdict.out_of_order),
        rebalances: slow.rebalances,
        rss_growth_bytes: stopped.rss_growth_bytes.max(slow.rss_growth_bytes),
        memory_max_bytes: MEMORY_MAX,
        stopped,
        slow,
    };
    report::print(&report)?;
    report::write(args.report.as_deref(), &report)?;
    // On a busy machine a row takes longer than it should; one that is quicker puts no pressure on anybody.
    let slow_enough = report.slow.row_ms >= ROW.as_secs_f64() * 1e3 * 0.8;
    let told = [
        (report.lost == 0, "records were lost"),
        (dead_letters == 0, "records became dead letters"),
        (slow_enough, "the slow model was not slow"),
        (report.duplicated == 0, "records were answered twice or out of order"),
        (report.rebalances == 0, "the slow model cost a rebalance"),
        (report.rss_growth_bytes <= MEMORY_MAX, "memory grew by more than memory_max"),
    ];
    let wrong: Vec<&str> = told.iter().filter(|(holds, _)| !holds).map(|(_, words)| *words).collect();
    if wrong.is_empty() { Ok(()) } else { bail!("{}", wrong.join("; ")) }
}

fn settings(name: &str, kafka: &str, folder: &Path) -> Settings {
    let mut settings = Settings::new(Format::Protobuf);
    name.clone_into(&mut settings.instance);
    kafka.clone_into(&mut settings.kafka);
    settings.stream = format!("memory_max = \"{}MiB\"", MEMORY_MAX >> 20);
    settings.rest = format!("[cache]\nfolder = {:?}", folder.join("cache").display().to_string());
    settings
}

/// The broker stands still while records are sent; then everything has to arrive.
fn stopped(broker: &Broker, seconds: Duration, folder: &Path) -> Result<Part> {
    let world = World::create(&broker.address, "stopped", PARTITIONS)?;
    let host = Host::start(&world, &settings("stopped", "", folder), folder)?;
    let id = model("linear", 1);
    world.publish(&id, component("wine-linear")?, |_| ())?;
    host.await_model(&id, &["Live"], PATIENCE)?;
    let mut load = Load::new(&world.traffic(), wines(Format::Protobuf))?;
    let count = u64::from(RATE) * (BEFORE * 2 + seconds).as_secs();
    let (began, never) = (Instant::now(), AtomicBool::new(false));
    let growth = thread::scope(|scope| -> Result<u64> {
        let sender = scope.spawn(|| load.pace(RATE, count, &never));
        thread::sleep(BEFORE);
        let growth = Growth::watch(host.process.pid())?;
        broker.signal(Signal::STOP)?;
        thread::sleep(seconds);
        broker.signal(Signal::CONT)?;
        sender.join().map_err(|_| anyhow!("the load panicked"))??;
        await_answers(&world, PATIENCE)?;
        growth.end()
    })?;
    finish(&world, host, began, growth, 0.0)
}

/// A model takes its time; Kafka must not take the partitions away meanwhile.
fn slow(broker: &Broker, seconds: Duration, folder: &Path) -> Result<Part> {
    let world = World::create(&broker.address, "slow", PARTITIONS)?;
    // A batch takes far longer than this: the lane has to come back to its consumer in between.
    let kafka = "\"session.timeout.ms\" = \"6000\"\n\"max.poll.interval.ms\" = \"6000\"";
    let host = Host::start(&world, &settings("slow", kafka, folder), folder)?;
    let rounds = rounds()?;
    let id = model("slow-score", 1);
    world.publish(&id, component("slow-score")?, |descriptor| {
        descriptor.config = Some(rounds.to_string().into_bytes());
        descriptor.grants = Some(Grants { call_per_row_us: Some(GRANTED.as_micros() as u64), ..Grants::default() });
    })?;
    host.await_model(&id, &["Live"], PATIENCE)?;
    // The group has settled once the first records are answered.
    let mut load = Load::new(&world.traffic(), wines(Format::Protobuf))?;
    load.fill(PARTITIONS as u64)?;
    await_answers(&world, PATIENCE)?;
    let before = host.metric(REBALANCES)?;
    let growth = Growth::watch(host.process.pid())?;
    let began = Instant::now();
    load.fill((seconds.as_secs_f64() / ROW.as_secs_f64()) as u64)?;
    await_answers(&world, seconds * 4 + PATIENCE)?;
    let growth = growth.end()?;
    finish(&world, host, began, growth, before)
}

const REBALANCES: &str = "sandstream_rebalances_total";

fn finish(world: &World, host: Host, began: Instant, growth: u64, before: f64) -> Result<Part> {
    let seconds = began.elapsed().as_secs_f64();
    let rebalances = (host.metric(REBALANCES)? - before) as u64;
    let row_ms = 1e3 * host.metric("sandstream_model_seconds_total")? / host.metric("sandstream_model_rows_total")?;
    let Host { process, .. } = host;
    let status = process.terminate(PATIENCE)?;
    if !status.success() {
        bail!("the host ended with {status} when it was told to");
    }
    let verdict = Tally::of(&world.traffic(), |_| ())?.verdict(&ends(world)?);
    Ok(Part { seconds, sent: verdict.sent, rebalances, rss_growth_bytes: growth, row_ms, verdict: Some(verdict) })
}

/// By how much a process grows, from a moment on.
struct Growth {
    done: Arc<AtomicBool>,
    watch: JoinHandle<Result<u64>>,
}

impl Growth {
    /// Looks again and again from now on.
    fn watch(pid: u32) -> Result<Self> {
        let (start, done) = (resident(pid)?, Arc::new(AtomicBool::new(false)));
        let told = Arc::clone(&done);
        let watch = thread::spawn(move || {
            let mut most = start;
            while !told.load(Ordering::Relaxed) {
                most = most.max(resident(pid)?);
                thread::sleep(Duration::from_millis(50));
            }
            Ok(most - start)
        });
        Ok(Self { done, watch })
    }

    /// The most it was, bytes.
    fn end(self) -> Result<u64> {
        self.done.store(true, Ordering::Relaxed);
        self.watch.join().map_err(|_| anyhow!("the watch panicked"))?
    }
}

/// How many rounds are [`ROW`] on this machine: by the fastest of many calls, each shorter than a time slice, as other programs may
/// run.
fn rounds() -> Result<u64> {
    const SAMPLE: u64 = 1_000_000;
    let mut session = session(SAMPLE)?;
    let (x, mut y) = ([0.0; 11], Scores::default());
    let mut fastest = Duration::MAX;
    for _ in 0..100 {
        y.clear();
        let began = Instant::now();
        session.score(0..1, &[TensorRef::Float32(&x)], began + Duration::from_secs(10), &mut y)?;
        fastest = fastest.min(began.elapsed());
    }
    Ok((ROW.as_secs_f64() / fastest.as_secs_f64() * SAMPLE as f64) as u64)
}

fn session(rounds: u64) -> Result<Box<dyn Session>> {
    let data = component("slow-score")?;
    let config = wasm::Config { compiler: Compiler::InProcess, cache: None, sessions_max: 2, ..wasm::Config::default() };
    let payload = Payload {
        kind: ModelType::Wasm,
        digest: Digest::of(&data),
        data: data.into(),
        config: rounds.to_string().into_bytes().into(),
        artifacts: [].into(),
        signature: None,
        label: "wine/slow-score@1".into(),
    };
    let model = app::backends(&config, &Engines::default())?.load(&payload, &Limits::default())?;
    Ok(model.session(Instant::now() + Duration::from_secs(60))?)
}
