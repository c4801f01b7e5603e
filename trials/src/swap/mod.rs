//! `cargo xtask bench swap`: whether anybody can see a swap in the times between a lane's batches. Measured in the host: the longest
//! gap between two finished batches near a swap, against equal windows of the same run without one, and against windows while a
//! model is compiled and warmed.

mod models;
mod stage;
mod windows;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use serde::Serialize;

use crate::kit::activations::Activations;
use crate::kit::broker::{self, Broker};
use crate::kit::world::ends;
use crate::report;
use models::{Models, kinds};
use sandstream_traffic::Tally;
use stage::Stage;
use windows::{Gaps, Measured, Timeline};

/// After each model that is prepared there are so many rollbacks to the one before and back, which need no preparation.
const ROLLBACKS: u32 = 2;
/// What the ratios may be at most.
const MEDIAN_MAX: f64 = 1.2;
const P95_MAX: f64 = 1.5;
const PREPARE_MEDIAN_MAX: f64 = 1.5;

/// Measures swaps.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    broker: broker::Args,
    /// How many swaps
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(3..=10_000))]
    swaps: u32,
    /// Records a second [default: half of what the slowest model scores, measured first]
    #[arg(long)]
    rate: Option<u32>,
    /// An ONNX model of so many MB takes its turn, too
    #[arg(long, value_name = "MB", value_parser = clap::value_parser!(u32).range(1..=500))]
    graph_mb: Option<u32>,
    /// Prints the ratios and does not judge them: for machines where other programs run
    #[arg(long)]
    untimed: bool,
    /// Where the figures go, as JSON
    #[arg(long)]
    report: Option<PathBuf>,
}

#[derive(Serialize)]
struct Report {
    swaps: u64,
    lost: u64,
    duplicated: u64,
    out_of_order: u64,
    dead_letters: u64,
    median_ratio: f64,
    p95_ratio: f64,
    prepare_median_ratio: f64,
    activations_exact: bool,
    records: u64,
    records_per_s: u32,
    /// What each model scores when everything is there already, records a second.
    linear_records_per_s: f64,
    big_forest_records_per_s: f64,
    slow_load_records_per_s: f64,
    graph_records_per_s: Option<f64>,
    swap: Gaps,
    control: Gaps,
    prepare: Gaps,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let broker = Broker::start(&args.broker)?;
    let mut stage = Stage::build(&broker.address, args.graph_mb)?;
    let speeds = kinds(args.graph_mb).into_iter().map(|kind| stage.speed(kind)).collect::<Result<Vec<f64>>>()?;
    let slowest = speeds.iter().copied().fold(f64::INFINITY, f64::min);
    let rate = args.rate.unwrap_or((slowest / 2.0) as u32).max(1);
    let shown: Vec<String> = speeds.iter().map(|speed| format!("{speed:.0}")).collect();
    eprintln!("linear, big-forest, slow-load, graph: {} records/s; streaming {rate}", shown.join(", "));
    let timeline = stage.stream(rate, |stage| drive(stage, args))?;
    let world = stage.end()?;
    let Some(measured) = timeline.measure() else { bail!("the run has no beginning and no end") };
    let activations = Activations::read(&world)?;
    let mut wrong = 0;
    let verdict = Tally::of(&world.traffic(), |result| wrong += u64::from(!activations.agree(result)))?.verdict(&ends(&world)?);
    let Measured { swaps, swap, control, prepare, prepare_median_ratio } = measured;
    let report = Report {
        swaps,
        lost: verdict.missing,
        duplicated: verdict.duplicated,
        out_of_order: verdict.out_of_order,
        dead_letters: verdict.dead_letters,
        median_ratio: swap.median_ms / control.median_ms,
        p95_ratio: swap.p95_ms / control.p95_ms,
        prepare_median_ratio,
        activations_exact: wrong == 0,
        records: verdict.sent,
        records_per_s: rate,
        linear_records_per_s: speeds[0],
        big_forest_records_per_s: speeds[1],
        slow_load_records_per_s: speeds[2],
        graph_records_per_s: speeds.get(3).copied(),
        swap,
        control,
        prepare,
    };
    report::print(&report)?;
    report::write(args.report.as_deref(), &report)?;
    check(&report, args)
}

/// Swaps so often: a new model of the next kind, then back to the one before and forth again.
fn drive(stage: &mut Stage, args: &Args) -> Result<Timeline> {
    let (swaps, mut timeline) = (args.swaps, Timeline::default());
    let mut models = Models::new(kinds(args.graph_mb));
    let mut before = stage.publish(models.next())?;
    stage.catch_up()?;
    stage.rest();
    // What came before this is not part of the run.
    timeline.begin = Some(Instant::now());
    let mut done = 0;
    while done < swaps {
        let begin = Instant::now();
        let model = stage.publish(models.next())?;
        timeline.prepared.push((begin, Instant::now()));
        stage.rest();
        done += 1;
        for _ in 0..ROLLBACKS {
            for order in [Some(&before), None] {
                if done < swaps {
                    stage.order(order, &model)?;
                    stage.rest();
                    done += 1;
                }
            }
        }
        // The run may end on a pin; the next model would then wait for it to be lifted.
        before = model;
        if done < swaps {
            eprint!("\r{done} of {swaps} swaps");
        }
    }
    eprintln!();
    timeline.end = Some(Instant::now());
    timeline.batches = stage.batches();
    Ok(timeline)
}

fn check(report: &Report, args: &Args) -> Result<()> {
    let correct = [
        (report.swaps == u64::from(args.swaps), "the lane did not see as many swaps as were ordered"),
        (report.lost == 0, "records were lost"),
        (report.duplicated == 0, "records were answered twice"),
        (report.out_of_order == 0, "records were answered out of order"),
        (report.dead_letters == 0, "records became dead letters"),
        (report.activations_exact, "results do not agree with the activations"),
    ];
    let timely = [
        (report.median_ratio <= MEDIAN_MAX, "median_ratio is over 1.2"),
        (report.p95_ratio <= P95_MAX, "p95_ratio is over 1.5"),
        (report.prepare_median_ratio <= PREPARE_MEDIAN_MAX, "prepare_median_ratio is over 1.5"),
    ];
    let judged = correct.iter().chain(timely.iter().filter(|_| !args.untimed));
    let wrong: Vec<&str> = judged.filter(|(holds, _)| !holds).map(|(_, words)| *words).collect();
    if wrong.is_empty() { Ok(()) } else { bail!("{}", wrong.join("; ")) }
}

/// How long a window is, and how far it reaches to both sides of a swap.
const WINDOW: Duration = Duration::from_millis(500);
