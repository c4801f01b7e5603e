//! `bench throughput`: how fast one lane drains a backlog and what CPU a record costs it, beside a pass-through that does the same
//! without scoring. Everything runs on one broker, interleaved, every program as a process of its own.

mod backlog;
mod case;
mod drain;
mod summary;

use std::path::PathBuf;

use anyhow::{Result, ensure};

use crate::kit::broker::{self, Broker};
use crate::kit::world::Format;
use crate::report;
use backlog::Backlog;
use case::Case;
use summary::{Rounds, Summary};

/// Formats of the input, in the order in which they are measured.
const FORMATS: [Format; 2] = [Format::Protobuf, Format::Json];

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    broker: broker::Args,
    /// Records of each backlog; a drain should take 3 seconds or more.
    #[arg(long, default_value_t = 2_000_000)]
    records: u64,
    /// Rounds; in each, everything is measured once.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Measure the pass-through with two producers in turn, too.
    #[arg(long)]
    two_producers: bool,
    /// Write the figures here, as JSON.
    #[arg(long)]
    report: Option<PathBuf>,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    ensure!(args.rounds > 0 && args.records >= 100_000, "expected a round and 100,000 records at least");
    let cases = Case::list(args.two_producers);
    let broker = Broker::start(&args.broker)?;
    let folder = tempfile::tempdir()?;
    // The first drains warm the broker up and are not counted.
    let mut backlogs = FORMATS
        .map(|format| Backlog::fill(&broker.address, format, args.records, folder.path()))
        .into_iter()
        .collect::<Result<Vec<_>>>()?;
    let mut rounds = Rounds::default();
    for round in 0..args.rounds {
        for backlog in &mut backlogs {
            // Neighbours in time are compared, so no case always has the same one before it.
            let from = round % cases.len();
            for case in cases[from..].iter().chain(&cases[..from]) {
                let drained = backlog.measure(*case)?;
                eprintln!(
                    "round {} {:8} {:26} {:>9.0} records/s {:>7.3} us/record",
                    round + 1,
                    backlog.format.as_str(),
                    case.as_str(),
                    drained.records_per_s,
                    drained.cpu_us_per_record
                );
                rounds.add(backlog.format, *case, drained);
            }
        }
    }
    let summary = Summary::of(&rounds);
    summary.print();
    report::write(args.report.as_deref(), &summary)
}
