//! `cargo xtask kill`: three hosts are killed and started again while models are swapped and records stream. In the end every record
//! must have been answered once, in order, by the version that the activations name.

mod mortal;
mod orders;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, bail, ensure};
use serde::Serialize;

use crate::kit::activations::Activations;
use crate::kit::broker::{self, Broker};
use crate::kit::hosts::{Host, Settings};
use crate::kit::world::{Format, World, await_answers, ends};
use crate::report;
use mortal::{Mortal, Suffered};
use orders::Orders;
use sandstream_traffic::Load;
use sandstream_traffic::{Isolation, Reader};
use sandstream_traffic::{Tally, Verdict};

const HOSTS: [&str; 3] = ["one", "two", "three"];
const LANES: usize = 2;
const PARTITIONS: i32 = 12;
/// Records a second, and how many of them have to be answered.
const RATE: u32 = 6500;
const ANSWERED: u64 = 5000;
/// Every so many records one is no wine.
const BROKEN_EVERY: usize = 100;
/// How long the hosts may take to answer everything once none is killed any more.
const SETTLE: Duration = Duration::from_secs(90);
const DRAIN: Duration = Duration::from_secs(30);

/// Kills hosts.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    broker: broker::Args,
    /// Stop hosts too (SIGSTOP), for longer than a member of a group may be silent
    #[arg(long)]
    stops: bool,
    /// How long hosts are killed and records stream
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(5..=3600))]
    seconds: u64,
    /// Of when hosts are killed and what is published [default: drawn and printed]
    #[arg(long)]
    seed: Option<u64>,
    /// Where the figures go, as JSON
    #[arg(long)]
    report: Option<PathBuf>,
}

#[derive(Serialize)]
struct Report {
    #[serde(flatten)]
    verdict: Verdict,
    aborted_seen: u64,
    kills: u64,
    stops: u64,
    swaps: u64,
    /// Results of another version than the activation in force names.
    wrong_version: u64,
    /// Control records written.
    orders: u64,
    seed: u64,
}

/// What was done to the hosts.
struct Done {
    suffered: Suffered,
    orders: u64,
    /// Records sent that are no wines.
    broken: u64,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let seed = args.seed.unwrap_or_else(|| fastrand::u64(0..1 << 32));
    eprintln!("cargo xtask kill --seconds {}{} --seed {seed}", args.seconds, if args.stops { " --stops" } else { "" });
    let broker = Broker::start(&args.broker)?;
    let world = World::create(&broker.address, "kill", PARTITIONS)?;
    let mut folder = tempfile::tempdir()?;
    let settings = HOSTS.map(|name| settings(name, folder.path(), broker.session_ms()));
    let stops = args.stops.then(|| broker.session_ms());
    let checked = attack(&world, args.seconds, seed, settings, stops, folder.path()).and_then(|done| {
        let report = count(&world, seed, &done)?;
        report::print(&report)?;
        report::write(args.report.as_deref(), &report)?;
        check(&report, args, &done)
    });
    if checked.is_err() {
        folder.disable_cleanup(true);
        eprintln!("the hosts' logs are in {}", folder.path().display());
    }
    checked
}

/// Kills, publishes and streams for so long; returns when everything is answered and the hosts have ended in order. With `stops`, the
/// session's length in milliseconds, hosts are stopped too.
fn attack(world: &World, seconds: u64, seed: u64, settings: [Settings; 3], stops: Option<u32>, folder: &Path) -> Result<Done> {
    let mut orders = Orders::new(world, seed)?;
    let records = records();
    let mut load = Load::new(&world.traffic(), records.clone())?;
    let stop = AtomicBool::new(false);
    let (mut suffered, mut hosts) = (Suffered::default(), Vec::new());
    thread::scope(|scope| -> Result<()> {
        let mortals: Vec<_> = settings
            .into_iter()
            .zip(1..)
            .map(|(settings, at)| {
                let mortal = Mortal::new(world, settings, folder, seed ^ (at << 32));
                let mortal = stops.into_iter().fold(mortal, Mortal::stopped);
                scope.spawn(|| fails_loudly(&stop, || mortal.live(&stop)))
            })
            .collect();
        let orderer = scope.spawn(|| fails_loudly(&stop, || orders.give(&stop)));
        let streamer = scope.spawn(|| fails_loudly(&stop, || load.pace(RATE, u64::from(RATE) * seconds, &stop)));
        let until = Instant::now() + Duration::from_secs(seconds);
        while Instant::now() < until && !stop.load(Ordering::Relaxed) {
            thread::sleep(Duration::from_millis(50));
        }
        stop.store(true, Ordering::Relaxed);
        joined(orderer)?;
        joined(streamer)?;
        for mortal in mortals {
            let (host, its) = joined(mortal)?;
            suffered.kills += its.kills;
            suffered.stops += its.stops;
            hosts.push(host);
        }
        Ok(())
    })?;
    await_answers(world, SETTLE)?;
    for host in hosts {
        let Host { process, .. } = host;
        let status = process.terminate(DRAIN)?;
        ensure!(status.success(), "a host ended with {status} when it was told to");
    }
    let broken = (0..load.sent).filter(|at| is_broken(*at as usize % records.len())).count() as u64;
    Ok(Done { suffered, orders: orders.given, broken })
}

/// A thread that fails ends the others too, so that the trial does not run on for nothing.
fn fails_loudly<T>(stop: &AtomicBool, run: impl FnOnce() -> Result<T>) -> Result<T> {
    let done = run();
    if done.is_err() {
        stop.store(true, Ordering::Relaxed);
    }
    done
}

fn joined<T>(thread: ScopedJoinHandle<'_, Result<T>>) -> Result<T> {
    thread.join().map_err(|_| anyhow!("a thread of the trial panicked"))?
}

fn settings(name: &str, folder: &Path, session_ms: u32) -> Settings {
    let mut settings = Settings::new(Format::Protobuf);
    name.clone_into(&mut settings.instance);
    settings.lanes = LANES;
    // The partitions of a host that was killed are free again after this.
    let heartbeat_ms = session_ms / 12;
    settings.kafka = format!("\"session.timeout.ms\" = \"{session_ms}\"\n\"heartbeat.interval.ms\" = \"{heartbeat_ms}\"");
    settings.rest = format!("[cache]\nfolder = {:?}", folder.join("cache").display().to_string());
    settings
}

/// Wines, and now and then what is none.
fn records() -> Vec<Vec<u8>> {
    let mut records: Vec<Vec<u8>> = sandstream_wine::records().iter().map(sandstream_wine::Wine::to_protobuf).collect();
    records.iter_mut().enumerate().filter(|(at, _)| is_broken(*at)).for_each(|(_, record)| record.truncate(5));
    records
}

fn is_broken(at: usize) -> bool {
    at % BROKEN_EVERY == BROKEN_EVERY - 1
}

fn count(world: &World, seed: u64, done: &Done) -> Result<Report> {
    let activations = Activations::read(world)?;
    let mut wrong_version = 0;
    let tally = Tally::of(&world.traffic(), |result| wrong_version += u64::from(!activations.agree(result)))?;
    let verdict = tally.verdict(&ends(world)?);
    let mut uncommitted = 0;
    Reader::open(&world.brokers, &world.scores(), world.partitions, Isolation::Uncommitted)?.to_end(|_| {
        uncommitted += 1;
        Ok(())
    })?;
    Ok(Report {
        aborted_seen: u64::saturating_sub(uncommitted, verdict.results),
        kills: done.suffered.kills,
        stops: done.suffered.stops,
        swaps: activations.swaps,
        verdict,
        wrong_version,
        orders: done.orders,
        seed,
    })
}

/// Everything the trial promises.
fn check(report: &Report, args: &Args, done: &Done) -> Result<()> {
    let (verdict, seconds) = (&report.verdict, args.seconds);
    let answered = verdict.results + verdict.dead_letters;
    let mut wrong = Vec::new();
    let mut expect = |holds: bool, what: String| {
        if !holds {
            wrong.push(what);
        }
    };
    expect(verdict.is_clean(), "records are missing, duplicated or out of order".to_owned());
    expect(report.wrong_version == 0, "results do not agree with the activations".to_owned());
    expect(verdict.dead_letters == done.broken, format!("{} records were no wines", done.broken));
    expect(answered >= ANSWERED * seconds, format!("fewer than {} records were answered", ANSWERED * seconds));
    // In less than a minute chance decides how much happens.
    let (kills, swaps, aborted) = if seconds < 60 { (1, 1, 0) } else { (seconds / 6, seconds / 3, 1) };
    expect(report.kills + report.stops >= kills, format!("fewer than {kills} kills and stops"));
    expect(!args.stops || seconds < 60 || report.stops > 0, "no host was stopped".to_owned());
    expect(report.swaps >= swaps, format!("fewer than {swaps} swaps"));
    expect(report.aborted_seen >= aborted, "no transaction was aborted, so nothing was proved about them".to_owned());
    if wrong.is_empty() { Ok(()) } else { bail!("{}", wrong.join("; ")) }
}
