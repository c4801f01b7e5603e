//! `bench call`: one call of a WASM model against the same code run by the native backend, through the same seam, and against
//! that code called directly.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use sandstream::backend::native::Native;
use sandstream::backend::wasm::{Compiler, Config, Wasm};
use sandstream::backend::{Backend, Payload, Session};
use sandstream::types::proto::model_descriptor::ModelType;
use sandstream::types::{Digest, Limits, Scores, Tensor, TensorRef};
use sandstream_models::wine;
use serde::Serialize;

use crate::kit::world::plugins;
use crate::report::{self, Figure};

const BATCHES: [usize; 4] = [1, 64, 256, 1024];
const ROUNDS: usize = 101;
/// A round measures so many calls that they take about this long: less than the system's time slice, so that on a busy machine
/// most rounds are disturbed by nobody and the median is of those.
const ROUND: Duration = Duration::from_micros(400);

/// What a call in WASM may cost at 256 rows, against native.
const TARGET_ROWS: usize = 256;
const TARGETS: [(&str, f64); 2] = [("linear", 4.0), ("forest", 1.5)];

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Write the figures here, as JSON.
    #[arg(long)]
    report: Option<PathBuf>,
    /// Folder of the prebuilt components [default: plugins/prebuilt of the checkout]
    #[arg(long)]
    components: Option<PathBuf>,
}

/// Plain code of a model: rows of 11 features to one score each.
type Plain = Arc<dyn Fn(&[f32]) -> Vec<f32> + Send + Sync>;

/// Medians of one batch size, nanoseconds a call, with each figure's spread beside it.
#[derive(Serialize)]
struct Row {
    /// A WASM session.
    wasm_ns: f64,
    /// A native session.
    native_ns: f64,
    /// The same code, called directly.
    plain_ns: f64,
    wasm: Figure,
    native: Figure,
    plain: Figure,
}

type Report = BTreeMap<&'static str, BTreeMap<usize, Row>>;

pub(crate) fn run(args: &Args) -> Result<()> {
    let folder = args.components.clone().unwrap_or_else(|| plugins().join("prebuilt"));
    let wasm = Wasm::new(Config { sessions_max: 8, compiler: compiler()?, ..Config::default() })?;
    let mut report = Report::new();
    for (name, component, plain) in models()? {
        let file = folder.join(component);
        let component = std::fs::read(&file).with_context(|| format!("cannot read the component {}", file.display()))?;
        report.insert(name, model(name, &wasm, &component, &plain)?);
    }
    print(&report);
    report::write(args.report.as_deref(), &report)
}

/// The host's program lies beside this one; it is what compiles.
pub(crate) fn compiler() -> Result<Compiler> {
    let program = std::env::current_exe()?.with_file_name("sandstream");
    ensure!(program.exists(), "{} is not there; `cargo build --release -p sandstream` makes it", program.display());
    Ok(Compiler::Child { program })
}

fn models() -> Result<Vec<(&'static str, &'static str, Plain)>> {
    let (linear, forest) = (wine::linear()?, wine::forest()?);
    Ok(vec![
        ("linear", "wine-linear.wasm", Arc::new(move |rows: &[f32]| linear.score(rows))),
        ("forest", "wine-forest.wasm", Arc::new(move |rows: &[f32]| forest.score(rows))),
    ])
}

/// All batch sizes of one model; rounds are interleaved, so that whatever disturbs the machine disturbs all three alike.
fn model(name: &'static str, wasm: &Wasm, component: &[u8], plain: &Plain) -> Result<BTreeMap<usize, Row>> {
    let (mut sandboxed, mut native) = sessions(name, wasm, component, plain)?;
    let matrix = sandstream_wine::matrix();
    let mut rows = BTreeMap::new();
    for batch in BATCHES {
        let x = &matrix[..batch * 11];
        same(name, &mut *sandboxed, &mut *native, x)?;
        let mut y = Scores::default();
        let mut figures = [Vec::new(), Vec::new(), Vec::new()];
        let mut calls = [1, 1, 1];
        for round in 0..=ROUNDS {
            let took = [
                timed(calls[0], || score(&mut *sandboxed, x, &mut y))?,
                timed(calls[1], || score(&mut *native, x, &mut y))?,
                timed(calls[2], || {
                    black_box(plain(black_box(x)));
                    Ok(())
                })?,
            ];
            for ((ns, figures), calls) in took.iter().zip(&mut figures).zip(&mut calls) {
                // The first round warms up and tells how many calls fill a round.
                if round > 0 {
                    figures.push(*ns);
                }
                *calls = (ROUND.as_nanos() as f64 / ns).clamp(1.0, 1e6) as u32;
            }
        }
        let [wasm, native, plain] = figures.map(|rounds| Figure::of(&rounds));
        rows.insert(batch, Row { wasm_ns: wasm.median, native_ns: native.median, plain_ns: plain.median, wasm, native, plain });
    }
    Ok(rows)
}

type Boxed = Box<dyn Session>;

/// A WASM session and a native one of the same model.
fn sessions(name: &'static str, wasm: &Wasm, component: &[u8], plain: &Plain) -> Result<(Boxed, Boxed)> {
    let until = Instant::now() + Duration::from_secs(60);
    let sandboxed = wasm.load(&payload(component), &Limits::default())?;
    let plain = Arc::clone(plain);
    let native = Native::new().register(name, sandboxed.signature().clone(), move |_| {
        let plain = Arc::clone(&plain);
        Ok(move |_: u32, x: &[TensorRef<'_>], y: &mut Scores| {
            if let [TensorRef::Float32(x)] = x {
                y.outputs.push(Tensor::Float32(plain(x)));
            }
            Ok(())
        })
    });
    let native = native.load(&payload(name.as_bytes()), &Limits::default())?;
    Ok((sandboxed.session(until)?, native.session(until)?))
}

fn payload(data: &[u8]) -> Payload {
    Payload {
        kind: ModelType::Wasm,
        digest: Digest::of(data),
        data: data.into(),
        config: [].into(),
        artifacts: [].into(),
        signature: None,
        label: "wine/bench@1".into(),
    }
}

/// A bench of two programs that give different answers would measure nothing.
fn same(name: &str, one: &mut dyn Session, other: &mut dyn Session, x: &[f32]) -> Result<()> {
    let (mut wasm, mut native) = (Scores::default(), Scores::default());
    score(one, x, &mut wasm)?;
    score(other, x, &mut native)?;
    let ([Tensor::Float32(wasm)], [Tensor::Float32(native)]) = (&wasm.outputs[..], &native.outputs[..]) else {
        bail!("{name}: expected one float32 output from both");
    };
    let differs = wasm.iter().zip(native).position(|(a, b)| a.to_bits() != b.to_bits());
    ensure!(wasm.len() == native.len() && differs.is_none(), "{name}: WASM and native differ at row {differs:?}");
    Ok(())
}

fn score(session: &mut dyn Session, x: &[f32], y: &mut Scores) -> Result<()> {
    let until = Instant::now() + Duration::from_secs(1);
    session.score(0..(x.len() / 11) as u32, &[TensorRef::Float32(x)], until, y)?;
    Ok(())
}

/// Nanoseconds a call.
fn timed(calls: u32, mut call: impl FnMut() -> Result<()>) -> Result<f64> {
    let start = Instant::now();
    for _ in 0..calls {
        call()?;
    }
    Ok(start.elapsed().as_nanos() as f64 / f64::from(calls))
}

fn print(report: &Report) {
    println!("{:8} {:>6} {:>12} {:>12} {:>12} {:>8}", "model", "rows", "wasm ns", "native ns", "plain ns", "wasm/native");
    for (name, rows) in report {
        for (batch, row) in rows {
            let ratio = row.wasm_ns / row.native_ns;
            println!(
                "{name:8} {batch:>6} {:>12.0} {:>12.0} {:>12.0} {ratio:>8.2}{}",
                row.wasm_ns,
                row.native_ns,
                row.plain_ns,
                verdict(name, *batch, ratio)
            );
        }
    }
}

fn verdict(name: &str, batch: usize, ratio: f64) -> String {
    match TARGETS.iter().find(|(model, _)| *model == name && batch == TARGET_ROWS) {
        Some((_, target)) if ratio <= *target => format!("  (at most {target}: met)"),
        Some((_, target)) => format!("  (at most {target}: MISSED)"),
        None => String::new(),
    }
}
