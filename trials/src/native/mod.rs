//! `bench native`: graphs on tract and on ONNX Runtime, one thread, both engines in turns: the graph alone, and the whole way from decoded
//! rows on, which packs them into matrices, calls a session through the host's seam and checks what comes back.

mod models;
mod side;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use sandstream_graphs::Answer;
use serde::Serialize;

use crate::report::{self, Figure};
use models::{MODELS, Model};
use side::Side;

/// A round measures so many calls that they take about this long.
const ROUND: Duration = Duration::from_millis(2);
/// Rounds of a batch size, unless they take longer than all of them may; then so few.
const ROUNDS: usize = 101;
const ROUNDS_LEAST: usize = 5;
const ALL_ROUNDS: Duration = Duration::from_secs(40);

/// What tract may take of ONNX Runtime's time, and what the whole way may take of the bare graph's.
const TARGETS: [(&str, f64); 2] = [("mlp", 1.3), ("cnn", 4.0)];
const WAY: f64 = 1.1;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Write the figures here, as JSON
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Folder of the models; xtask makes it
    #[arg(long, value_name = "FOLDER")]
    models: PathBuf,
    /// ONNX Runtime's library; xtask fetches it
    #[arg(long, value_name = "FILE")]
    onnxruntime: PathBuf,
    /// Only these models
    #[arg(long, value_delimiter = ',', value_name = "A,B,..")]
    only: Vec<String>,
}

/// Medians of one batch size, microseconds a call, with each figure's spread beside it.
#[derive(Serialize)]
struct Row {
    /// The graph alone.
    tract_us: f64,
    /// The graph alone.
    ort_us: f64,
    /// From decoded rows on.
    tract_way_us: f64,
    /// From decoded rows on.
    ort_way_us: f64,
    tract: Figure,
    ort: Figure,
    tract_way: Figure,
    ort_way: Figure,
    rounds: usize,
}

type Report = BTreeMap<&'static str, BTreeMap<usize, Row>>;

pub(crate) fn run(args: &Args) -> Result<()> {
    let mut report = Report::new();
    println!(
        "{:12} {:>5} {:>12} {:>12} {:>10} {:>12} {:>10} {:>10}",
        "model", "rows", "tract us", "ort us", "tract/ort", "way us", "way/tract", "way/ort"
    );
    for model in MODELS.iter().filter(|model| args.only.is_empty() || args.only.iter().any(|name| name == model.name)) {
        let rows = measured(model, &args.models, &args.onnxruntime)?;
        report.insert(model.name, rows);
    }
    report::write(args.report.as_deref(), &report)
}

/// All batch sizes of a model.
fn measured(model: &Model, folder: &Path, library: &Path) -> Result<BTreeMap<usize, Row>> {
    let mut tract = Side::open(model, folder, None)?;
    let mut ort = Side::open(model, folder, Some(library))?;
    let mut rows = BTreeMap::new();
    for batch in model.batches {
        same(model, &tract.bare(*batch)?, &ort.bare(*batch)?)?;
        let row = batch_of(&mut tract, &mut ort, *batch)?;
        print(model, *batch, &row);
        rows.insert(*batch, row);
    }
    Ok(rows)
}

/// One batch size; rounds are interleaved, so that whatever disturbs the machine disturbs all alike.
fn batch_of(tract: &mut Side, ort: &mut Side, batch: usize) -> Result<Row> {
    let (mut figures, mut calls) = ([const { Vec::new() }; 4], [1u32; 4]);
    let began = Instant::now();
    for round in 0..=ROUNDS {
        if round > ROUNDS_LEAST && began.elapsed() > ALL_ROUNDS {
            break;
        }
        let took = [
            timed(calls[0], || tract.bare(batch).map(drop))?,
            timed(calls[1], || ort.bare(batch).map(drop))?,
            timed(calls[2], || tract.way(batch))?,
            timed(calls[3], || ort.way(batch))?,
        ];
        for ((us, figures), calls) in took.iter().zip(&mut figures).zip(&mut calls) {
            // The first round warms up and tells how many calls fill a round.
            if round > 0 {
                figures.push(*us);
            }
            *calls = (ROUND.as_micros() as f64 / us).clamp(1.0, 1e5) as u32;
        }
    }
    let rounds = figures[0].len();
    let [tract, ort, tract_way, ort_way] = figures.map(|rounds| Figure::of(&rounds));
    Ok(Row {
        tract_us: tract.median,
        ort_us: ort.median,
        tract_way_us: tract_way.median,
        ort_way_us: ort_way.median,
        tract,
        ort,
        tract_way,
        ort_way,
        rounds,
    })
}

/// Microseconds a call.
fn timed(calls: u32, mut call: impl FnMut() -> Result<()>) -> Result<f64> {
    let began = Instant::now();
    for _ in 0..calls {
        call()?;
    }
    Ok(began.elapsed().as_secs_f64() * 1e6 / f64::from(calls))
}

/// A bench of two engines that give different answers would measure nothing.
fn same(model: &Model, one: &[Answer], other: &[Answer]) -> Result<()> {
    let ([Answer::F32(one), ..], [Answer::F32(other), ..]) = (one, other) else {
        bail!("{}: expected floats from both engines", model.name);
    };
    let differs = one.iter().zip(other).position(|(a, b)| (a - b).abs() > 1e-4 * b.abs().max(1.0));
    ensure!(one.len() == other.len() && differs.is_none(), "{}: the engines differ at value {differs:?}", model.name);
    Ok(())
}

fn print(model: &Model, batch: usize, row: &Row) {
    let (engines, tract, ort) = (row.tract_us / row.ort_us, row.tract_way_us / row.tract_us, row.ort_way_us / row.ort_us);
    let verdict =
        |figure: f64, target: f64| if figure <= target { String::new() } else { format!("  {figure:.2} is over {target}") };
    let target = TARGETS.iter().find(|(name, _)| *name == model.name).map_or(f64::MAX, |(_, target)| *target);
    println!(
        "{:12} {batch:>5} {:>12.1} {:>12.1} {engines:>10.2} {:>12.1} {tract:>10.2} {ort:>10.2}{}{}{}",
        model.name,
        row.tract_us,
        row.ort_us,
        row.tract_way_us,
        verdict(engines, target),
        verdict(tract, WAY),
        verdict(ort, WAY),
    );
}
