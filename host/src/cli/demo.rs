//! `sandstream demo`: the first minute.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result};
use sandstream_demo::{Options, recording, stop_flag};

#[derive(clap::Args)]
#[command(after_help = "Examples:
  sandstream demo                                     30 seconds on a broker of its own, nothing to install
  sandstream demo --keep                              and leaves it running, with hints what to try next
  sandstream demo --rate 20000 --report figures.json
  sandstream demo --brokers localhost:9092            on your Kafka; its topics, demo-<pid>-*, are deleted at the end, unless --keep

1,599 wines are streamed over and over, as JSON; now and then one is mistyped and one is broken. Models are published, refused,
quarantined, rolled back and retired by the commands that are shown. In the end every record is counted: exit code 0 means that none
was lost, doubled or out of order.")]
pub(super) struct Args {
    /// Seconds that the records stream
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(5..=86_400))]
    seconds: u32,
    /// Records a second
    #[arg(long, default_value_t = 5000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    rate: u32,
    /// Where the figures go, as JSON
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// A Kafka that runs already [default: a broker for development, in this process]
    #[arg(long, value_name = "HOST:PORT")]
    brokers: Option<String>,
    /// Leave it running at the end, until Ctrl-C
    #[arg(long)]
    keep: bool,
    /// Lines instead of a view that fills the terminal
    #[arg(long)]
    plain: bool,
    /// Only write a picture of the view to this file, as SVG
    #[arg(long, value_name = "FILE", hide = true)]
    picture: Option<PathBuf>,
}

pub(super) fn run(args: &Args, began: Instant) -> Result<ExitCode> {
    if let Some(file) = &args.picture {
        std::fs::write(file, recording()?).with_context(|| format!("cannot write {}", file.display()))?;
        return Ok(ExitCode::SUCCESS);
    }
    sandstream_demo::run(&Options {
        program: std::env::current_exe().context("this program's own file")?,
        brokers: args.brokers.clone(),
        seconds: args.seconds,
        rate: args.rate,
        report: args.report.clone(),
        keep: args.keep,
        plain: args.plain,
        began,
        stop: stop_flag()?,
    })?;
    Ok(ExitCode::SUCCESS)
}
