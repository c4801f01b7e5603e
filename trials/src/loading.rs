//! `cargo xtask bench loading`: what a stream notices of a large native model that is loaded for another stream of its host. Windows
//! in which one is loaded take turns with equal ones in which none is; each has the times from a record to its result.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Result, anyhow, bail};
use rdkafka::Message as _;
use sandstream::types::ModelId;
use serde::Serialize;

use crate::kit::broker::{self, Broker};
use crate::kit::graph::GraphFile;
use crate::kit::hosts::{Host, Settings, data_type};
use crate::kit::world::{Format, World, await_answers, component, ends, model, wines};
use crate::report;
use sandstream_traffic::{Isolation, Load, Reader, Tally};

const PARTITIONS: i32 = 2;
const PATIENCE: Duration = Duration::from_secs(120);
/// Records a second of the stream that is watched.
const RATE: u32 = 2000;
const RECORDS_MAX: u64 = 10_000_000;
/// What the ratio may be at most.
const RATIO_MAX: f64 = 1.5;

/// Measures a stream while a large graph is loaded for another.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    broker: broker::Args,
    /// How many windows of each kind
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    windows: u32,
    /// Size of the graph
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=500))]
    megabytes: u32,
    /// Prints the ratio and does not judge it: for machines where other programs run
    #[arg(long)]
    untimed: bool,
    /// Where the figures go, as JSON
    #[arg(long)]
    report: Option<PathBuf>,
}

#[derive(Serialize)]
struct Report {
    windows: usize,
    megabytes: u32,
    /// From the announcement until it is live.
    load_median_ms: f64,
    quiet_p50_ms: f64,
    quiet_p99_ms: f64,
    loading_p50_ms: f64,
    loading_p99_ms: f64,
    p99_ratio: f64,
    /// Median of the ratios of each window to the quiet one before it.
    p99_ratio_by_window: f64,
    results: u64,
    lost: u64,
    duplicated: u64,
}

/// Times from a record to its result, milliseconds, since they were taken last.
type Times = Arc<Mutex<Vec<f64>>>;

pub(crate) fn run(args: &Args) -> Result<()> {
    let broker = Broker::start(&args.broker)?;
    let folder = tempfile::tempdir()?;
    let graph = GraphFile::write(folder.path(), args.megabytes)?;
    let world = World::create(&broker.address, "loading", PARTITIONS)?;
    let watched = World::create(&broker.address, "watched", PARTITIONS)?;
    let mut settings = settings(&watched);
    settings.locations.push(folder.path().to_owned());
    let host = Host::start(&world, &settings, folder.path())?;
    let steady = ModelId { data_type: "watched".into(), ..model("linear", 1) };
    world.publish(&steady, component("wine-linear")?, |_| ())?;
    host.await_model(&steady, &["Live"], PATIENCE)?;
    let (stop, times) = (AtomicBool::new(false), Times::default());
    let mut load = Load::new(&watched.traffic(), wines(Format::Protobuf))?;
    let reader = Reader::open(&watched.brokers, &watched.scores(), watched.partitions, Isolation::Committed)?;
    let windows = std::thread::scope(|scope| {
        let send = scope.spawn(|| load.pace(RATE, RECORDS_MAX, &stop));
        let read = scope.spawn(|| read(&reader, &times, &stop));
        let windows = take_turns(args, &world, &host, &graph, &times);
        stop.store(true, Ordering::Relaxed);
        for thread in [send, read] {
            thread.join().map_err(|_| anyhow!("a thread panicked"))??;
        }
        windows
    })?;
    await_answers(&watched, PATIENCE)?;
    let verdict = Tally::of(&watched.traffic(), |_| ())?.verdict(&ends(&watched)?);
    let report = sum_up(args, windows, &verdict);
    report::print(&report)?;
    report::write(args.report.as_deref(), &report)?;
    if report.lost + report.duplicated > 0 {
        bail!("records of the watched stream were lost or answered twice");
    }
    if !args.untimed && report.p99_ratio > RATIO_MAX {
        bail!("p99_ratio is over {RATIO_MAX}");
    }
    Ok(())
}

fn settings(watched: &World) -> Settings {
    let mut settings = Settings::new(Format::Protobuf);
    settings.rest = format!(
        "[types.watched]\n{}\n[streams.watched]\ninputs = [\"{input}\"]\ntype = {{ constant = \"watched\" }}\n\
         group = \"{input}\"\ninstance = \"one\"\n",
        data_type(Format::Protobuf),
        input = watched.input(),
    );
    settings
}

fn read(reader: &Reader, times: &Times, stop: &AtomicBool) -> Result<()> {
    while !stop.load(Ordering::Relaxed) {
        let Some(result) = reader.next(Duration::from_millis(20))? else { continue };
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_secs_f64() * 1e3;
        if let Some(sent) = result.timestamp().to_millis() {
            times.lock().unwrap_or_else(PoisonError::into_inner).push(now - sent as f64);
        }
    }
    Ok(())
}

/// A pair of equal windows: nothing is loaded, then a graph is.
struct Pair {
    took: Duration,
    quiet: Vec<f64>,
    loading: Vec<f64>,
}

fn take_turns(args: &Args, world: &World, host: &Host, graph: &GraphFile, times: &Times) -> Result<Vec<Pair>> {
    let take = || std::mem::take(&mut *times.lock().unwrap_or_else(PoisonError::into_inner));
    let mut pairs = Vec::new();
    let mut before = None;
    // The first tells how long a window is, and is not counted.
    let mut took = Duration::from_secs(2);
    for number in 0..=args.windows {
        std::thread::sleep(Duration::from_secs(1));
        drop(take());
        std::thread::sleep(took);
        let quiet = take();
        let (id, began) = (model("graph", number), Instant::now());
        graph.publish(world, &id, number)?;
        host.await_model(&id, &["Live"], PATIENCE)?;
        took = began.elapsed();
        let loading = take();
        if number > 0 {
            eprint!("\r{number} of {}: {took:.1?}", args.windows);
            pairs.push(Pair { took, quiet, loading });
        }
        if let Some(before) = before.replace(id) {
            world.retire(&before)?;
        }
    }
    eprintln!();
    Ok(pairs)
}

fn sum_up(args: &Args, pairs: Vec<Pair>, verdict: &sandstream_traffic::Verdict) -> Report {
    let mut by_window: Vec<f64> = Vec::new();
    let mut loads: Vec<f64> = pairs.iter().map(|pair| pair.took.as_secs_f64() * 1e3).collect();
    let windows = pairs.len();
    let (mut quiet, mut loading) = (Vec::new(), Vec::new());
    for mut pair in pairs {
        by_window.push(quantile(&mut pair.loading, 0.99) / quantile(&mut pair.quiet, 0.99));
        quiet.append(&mut pair.quiet);
        loading.append(&mut pair.loading);
    }
    let [quiet_p50_ms, quiet_p99_ms] = [0.5, 0.99].map(|share| quantile(&mut quiet, share));
    let [loading_p50_ms, loading_p99_ms] = [0.5, 0.99].map(|share| quantile(&mut loading, share));
    Report {
        windows,
        megabytes: args.megabytes,
        load_median_ms: quantile(&mut loads, 0.5),
        quiet_p50_ms,
        quiet_p99_ms,
        loading_p50_ms,
        loading_p99_ms,
        p99_ratio: loading_p99_ms / quiet_p99_ms,
        p99_ratio_by_window: quantile(&mut by_window, 0.5),
        results: verdict.sent,
        lost: verdict.missing,
        duplicated: verdict.duplicated,
    }
}

/// The smallest value that so large a share of them do not exceed; NaN where there is none.
fn quantile(values: &mut [f64], share: f64) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values.get(((values.len() as f64 * share).ceil() as usize).saturating_sub(1)).copied().unwrap_or(f64::NAN)
}
