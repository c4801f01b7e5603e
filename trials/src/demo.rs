//! `cargo xtask demo`: a real Kafka, a host as an operator starts it, real wine records, and the commands of the README, one after
//! the other, while the records stream. What is printed is what a consumer of the results sees.

mod story;
mod view;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::Serialize;

use crate::kit::broker::{self, Broker};
use crate::kit::hosts::{Host, Settings};
use crate::kit::load::Load;
use crate::kit::tally::{Tally, Verdict};
use crate::kit::world::{Format, World, ends};
use crate::report;
use story::Rejected;
use view::{Seen, Switch};

const PARTITIONS: i32 = 4;
/// How long the last records may take to be answered.
const TAIL: Duration = Duration::from_secs(60);
/// What an orderly end of the host may take.
const DRAIN: Duration = Duration::from_secs(30);

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Seconds that the records stream
    #[arg(long, default_value_t = 30)]
    seconds: u32,
    /// Records a second
    #[arg(long, default_value_t = 5000)]
    rate: u32,
    /// Write the figures here, as JSON
    #[arg(long)]
    report: Option<PathBuf>,
    #[command(flatten)]
    broker: broker::Args,
}

#[derive(Serialize)]
struct Report {
    records_in: u64,
    results: u64,
    dead_letters: u64,
    lost: u64,
    duplicated: u64,
    out_of_order: u64,
    swaps: Vec<Switch>,
    rejected: Vec<Rejected>,
    results_by_model: std::collections::BTreeMap<String, u64>,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let folder = tempfile::Builder::new().prefix("sandstream-demo").tempdir().context("a folder for the demo")?;
    eprintln!("starting Apache Kafka on loopback (the first time, it is fetched from Maven Central)");
    let broker = Broker::start(&args.broker)?;
    let world = World::create(&broker.address, "demo", PARTITIONS)?;
    let settings = Settings::new(Format::Protobuf);
    let host = Host::start(&world, &settings, folder.path())?;
    let config = folder.path().join(format!("{}.toml", settings.instance));
    println!("Kafka on {}, one host of one lane, admin on http://{}\n", broker.address, host.admin);

    let view = view::start(&world)?;
    let stop = Arc::new(AtomicBool::new(false));
    let load = stream(&world, args, Arc::clone(&stop))?;
    let told = story::tell(&config, args.seconds);
    if told.is_err() {
        stop.store(true, Ordering::Relaxed);
    }
    let sent = load.join().map_err(|_| anyhow::anyhow!("the load panicked"))??;
    let rejected = told?;
    let seen = view.finish(sent, TAIL)?;
    let status = host.process.terminate(DRAIN)?;
    if !status.success() {
        bail!("the host ended with {status}; its log: {}", std::fs::read_to_string(folder.path().join("one.log"))?);
    }
    let verdict = Tally::of(&world, |_| {})?.verdict(&ends(&world)?);
    print(&seen, &verdict, &rejected);
    report::write(args.report.as_deref(), &summed_up(seen, &verdict, rejected))?;
    if !verdict.is_clean() {
        bail!("{} missing, {} doubled, {} out of order", verdict.missing, verdict.duplicated, verdict.out_of_order);
    }
    Ok(())
}

/// The 1,599 wines, again and again, on a thread of their own; how many there were.
fn stream(world: &World, args: &Args, stop: Arc<AtomicBool>) -> Result<thread::JoinHandle<Result<u64>>> {
    let mut load = Load::new(world, Format::Protobuf)?;
    let (rate, count) = (args.rate, u64::from(args.rate) * u64::from(args.seconds));
    let run = move || {
        load.pace(rate, count, &stop)?;
        Ok(load.sent)
    };
    Ok(thread::Builder::new().name("load".to_owned()).spawn(run)?)
}

fn summed_up(seen: Seen, verdict: &Verdict, rejected: Vec<Rejected>) -> Report {
    Report {
        records_in: verdict.sent,
        results: verdict.results,
        dead_letters: verdict.dead_letters,
        lost: verdict.missing,
        duplicated: verdict.duplicated,
        out_of_order: verdict.out_of_order,
        swaps: seen.switches,
        rejected,
        results_by_model: seen.by_model,
    }
}

fn print(seen: &Seen, verdict: &Verdict, rejected: &[Rejected]) {
    println!("\n{:<14} {:>10}", "model", "results");
    for (model, results) in &seen.by_model {
        println!("{model:<14} {results:>10}");
    }
    println!("\n{:<14} {:<14} {:>12} {:>18}", "from", "to", "gap ms", "p99.9 elsewhere ms");
    for switch in &seen.switches {
        println!("{:<14} {:<14} {:>12.0} {:>18.0}", switch.from, switch.to, switch.gap_ms, switch.control_p999_ms);
    }
    for refused in rejected {
        println!("\nrejected: {}: {}", refused.model, refused.reason);
    }
    println!(
        "\n{} records in, {} results, {} dead letters; {} lost, {} doubled, {} out of order",
        verdict.sent, verdict.results, verdict.dead_letters, verdict.missing, verdict.duplicated, verdict.out_of_order
    );
}
