//! `bench wrapped`: a network with preprocessing around it as a WASM module, against the same preprocessing as native code before the
//! same network, through the same backends.

mod filetype;
mod model;
mod sentence;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Result, ensure};
use sandstream::app;
use sandstream::backend::Engines;
use sandstream::backend::wasm::Config;
use serde::Serialize;

use crate::call::compiler;
use crate::report::{self, Figure};
use model::Pair;

/// Rows of a call.
const BATCHES: [usize; 3] = [1, 16, 64];
/// What the wrapped rate has to be of the native one.
const TARGET: f64 = 0.8;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Write the figures here, as JSON.
    #[arg(long)]
    report: Option<PathBuf>,
    /// Interleaved rounds of each batch
    #[arg(long, default_value_t = 11, value_parser = clap::value_parser!(u32).range(5..=1001))]
    rounds: u32,
}

/// One batch size: microseconds a row, and how many rows the module scores while native code scores one.
#[derive(Serialize)]
struct Row {
    wrapped_us: f64,
    native_us: f64,
    /// Of each round, so that what disturbs the machine disturbs both.
    rate_ratio: f64,
    wrapped: Figure,
    native: Figure,
    ratio: Figure,
}

type Report = BTreeMap<&'static str, BTreeMap<usize, Row>>;

pub(crate) fn run(args: &Args) -> Result<()> {
    let wasm = Config { sessions_max: 8, compiler: compiler()?, ..Config::default() };
    let backends = app::backends(&wasm, &Engines::default())?;
    let mut report = Report::new();
    report.insert("filetype", measure(&mut filetype::pair(&backends)?, args.rounds)?);
    report.insert("sentence", measure(&mut sentence::pair(&backends)?, args.rounds)?);
    print(&report);
    report::write(args.report.as_deref(), &report)
}

/// All batch sizes of one example, both ways in turn.
fn measure(pair: &mut Pair, rounds: u32) -> Result<BTreeMap<usize, Row>> {
    let mut rows = BTreeMap::new();
    for batch in BATCHES {
        let [mut wrapped, mut native, mut ratio] = [const { Vec::new() }; 3];
        for round in 0..=rounds {
            // Other rows with every round; the first warms up, and shows that both say the same.
            let at = round as usize * batch;
            let began = Instant::now();
            let answer = pair.wrapped(at, batch)?;
            let took = began.elapsed().as_secs_f64() * 1e6 / batch as f64;
            let began = Instant::now();
            let plain = pair.native(at, batch)?;
            let plainly = began.elapsed().as_secs_f64() * 1e6 / batch as f64;
            ensure!(answer.is_like(&plain), "the module says {answer:?}, native code {plain:?}");
            if round > 0 {
                wrapped.push(took);
                native.push(plainly);
                ratio.push(plainly / took);
            }
        }
        let [wrapped, native, ratio] = [wrapped, native, ratio].map(|rounds| Figure::of(&rounds));
        let (wrapped_us, native_us, rate_ratio) = (wrapped.median, native.median, ratio.median);
        rows.insert(batch, Row { wrapped_us, native_us, rate_ratio, wrapped, native, ratio });
    }
    Ok(rows)
}

fn print(report: &Report) {
    println!("{:10} {:>6} {:>14} {:>14} {:>26}", "example", "rows", "wrapped us/row", "native us/row", "rate, wrapped/native");
    for (name, rows) in report {
        for (batch, Row { wrapped_us, native_us, ratio, .. }) in rows {
            let verdict = if ratio.median >= TARGET { "met" } else { "MISSED" };
            println!(
                "{name:10} {batch:>6} {wrapped_us:>14.1} {native_us:>14.1} {:>8.3} ({:.3}-{:.3})  at least {TARGET}: {verdict}",
                ratio.median, ratio.min, ratio.max
            );
        }
    }
}
