//! `bench latency`: from when a record was due to when a read_committed consumer has its result, at a steady rate; the host and
//! the pass-through in turn, in windows of their own.

mod mode;
mod summary;
mod window;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, ensure};

use crate::kit::broker::{self, Broker};
use crate::kit::world::{Format, World, wines};
use crate::report;
use mode::Mode;
use sandstream_traffic::Load;
use summary::Summary;
use window::{Pace, Program, window};

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    broker: broker::Args,
    /// Seconds of each window that count; those that warm it up come on top.
    #[arg(long, default_value_t = 10)]
    seconds: u32,
    /// Records a second.
    #[arg(long, default_value_t = 5000)]
    rate: u32,
    /// Rounds; each has a window of the host and one of the pass-through for every mode.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Write the figures here, as JSON.
    #[arg(long)]
    report: Option<PathBuf>,
}

/// Seconds of a window that are not counted: connections, first fetches, code that runs for the first time.
const WARM: u32 = 4;
/// A broker that has just started is slow with its first records.
const BROKER_WARM: u64 = 1_000_000;

pub(crate) fn run(args: &Args) -> Result<()> {
    ensure!(args.rounds > 0 && args.seconds > 0 && args.rate > 0, "expected a round, a second and a record at least");
    let broker = Broker::start(&args.broker)?;
    let folder = tempfile::tempdir()?;
    warm(&broker)?;
    let pace =
        Pace { rate: args.rate, warm: Duration::from_secs(WARM.into()), counted: Duration::from_secs(args.seconds.into()) };
    let mut summary = Summary::default();
    for round in 0..args.rounds {
        for mode in Mode::ALL {
            let host = window(&broker.address, Program::Host(mode), pace, folder.path())?;
            let bytes = host.result_bytes;
            let copy = window(&broker.address, Program::PassThrough { mode, bytes }, pace, folder.path())?;
            eprintln!("round {} {:14} host {}; pass-through {}", round + 1, mode.as_str(), host, copy);
            summary.add(mode, &host, &copy);
        }
    }
    summary.print();
    report::write(args.report.as_deref(), &summary.report())
}

fn warm(broker: &Broker) -> Result<()> {
    let world = World::create(&broker.address, "latency-warm", window::PARTITIONS)?;
    Load::new(&world.traffic(), wines(Format::Json))?.fill(BROKER_WARM)?;
    world.end()
}
