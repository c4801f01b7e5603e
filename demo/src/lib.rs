//! The first minute with sandstream: a broker, a host, real records at a steady rate, and the commands of the README one after the
//! other while the records stream. The host and the commands are programs of their own, as a user starts them, and what is shown is
//! what a consumer of the results sees: nothing is looked up inside.

#![allow(clippy::disallowed_methods, reason = "it starts other programs and watches them, which takes naps")]

mod board;
mod broker;
mod host;
mod keep;
mod records;
mod remains;
mod report;
mod signals;
mod stage;
mod story;
mod view;
mod watch;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use sandstream_traffic::{Load, Tally};

use board::Board;
use broker::Broker;
use host::Host;
use report::Report;
use stage::Stage;
use story::Story;
use watch::Watch;

pub use signals::stop_flag;
pub use view::recording;

/// In the end every record is counted, so the broker for development keeps them all, with their results.
const RECORDS_MAX: u64 = 3_000_000;
/// How long the last records may take to be answered.
const TAIL: Duration = Duration::from_secs(60);
/// What an orderly end of the host may take.
const DRAIN: Duration = Duration::from_secs(30);

/// What a demo is.
#[derive(Debug, Clone)]
pub struct Options {
    /// The program `sandstream`, which runs the host and the commands.
    pub program: PathBuf,
    /// A Kafka that runs already; `None`: the broker for development, in this process.
    pub brokers: Option<String>,
    /// How long records stream.
    pub seconds: u32,
    /// Records a second.
    pub rate: u32,
    /// Where the figures go, as JSON.
    pub report: Option<PathBuf>,
    /// Leave everything running at the end.
    pub keep: bool,
    /// Lines instead of a view that fills the terminal.
    pub plain: bool,
    /// When the process started.
    pub began: Instant,
    /// Set when the demo is to end; `stop_flag` gives one that signals set.
    pub stop: Arc<AtomicBool>,
}

/// Runs it to its end.
///
/// # Errors
/// Something did not work, or records were lost, doubled or out of order.
pub fn run(options: &Options) -> Result<()> {
    let records = u64::from(options.rate) * u64::from(options.seconds);
    if options.brokers.is_none() && records > RECORDS_MAX {
        bail!(
            "{records} records were asked for, and at most {RECORDS_MAX} fit into the memory of the broker for development: choose a \
             smaller --rate or fewer --seconds, or a Kafka with --brokers"
        );
    }
    let folder = tempfile::Builder::new().prefix("sandstream-demo").tempdir().context("a folder for the demo")?;
    let broker = Broker::start(options.brokers.as_deref())?;
    let topics = stage::topics(&broker);
    let played = play(options, &broker, &Stage::new(options, folder.path(), topics.clone()));
    if options.brokers.is_some() {
        remains::settle(&topics, options.keep);
    }
    played
}

fn play(options: &Options, broker: &Broker, stage: &Stage) -> Result<()> {
    stage.set()?;
    let board = Arc::new(Board::new(options, broker));
    let host = Host::start(stage)?;
    board.host_is(&host.admin);
    let watch = Watch::start(&stage.topics, options, &board)?;
    let load = stream(stage, options)?;
    let story = Story::start(stage, options, &board)?;
    let answered;
    let rejected = {
        let _view = view::open(&board, options.plain, &options.stop)?;
        let rejected = story.finish(&options.stop, || load.is_finished());
        board.set_sent(load_ended(load, rejected.is_err(), &options.stop)?);
        // What was answered is counted whatever else went wrong: that is when it matters.
        answered = watch.finish(TAIL);
        rejected?
    };
    let verdict = Tally::of(&stage.topics, |_| {})?.verdict(&stage.ends()?);
    let report = Report::new(&board.seen(), &verdict, rejected);
    report.print();
    report.write(options.report.as_deref())?;
    answered.with_context(|| format!("the host's log: {}", stage.last_of_host_log()))?;
    if options.keep && !options.stop.load(Ordering::Relaxed) {
        keep::running(stage, &host, options)?;
    }
    let status = host.end(DRAIN)?;
    if !status.success() {
        bail!("the host ended with {status}; its log: {}", stage.last_of_host_log());
    }
    if !verdict.is_clean() {
        bail!("{} missing, {} doubled, {} out of order", verdict.missing, verdict.duplicated, verdict.out_of_order);
    }
    Ok(())
}

/// The records, on a thread of their own; how many there were.
fn stream(stage: &Stage, options: &Options) -> Result<JoinHandle<Result<u64>>> {
    let mut load = Load::new(&stage.topics, records::all())?;
    let (rate, count) = (options.rate, u64::from(options.rate) * u64::from(options.seconds));
    let stop = Arc::clone(&options.stop);
    let run = move || {
        load.pace(rate, count, &stop)?;
        Ok(load.sent)
    };
    Ok(thread::Builder::new().name("load".to_owned()).spawn(run)?)
}

/// Waits for the load; where the story has failed, the load is told to end.
fn load_ended(load: JoinHandle<Result<u64>>, failed: bool, stop: &AtomicBool) -> Result<u64> {
    if failed {
        stop.store(true, Ordering::Relaxed);
    }
    load.join().map_err(|_| anyhow!("the load panicked"))?
}
