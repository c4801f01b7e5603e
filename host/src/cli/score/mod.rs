//! `sandstream score`: the rows of a file through a model, the way a stream does it: decode, bind, score. One JSON line a row.

mod batch;
mod input;
mod schema;

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, anyhow};

use super::SOME_REFUSED;
use super::model::grants;
use super::model_file::Extras;
use crate::app;
use crate::backend::{Backend as _, Engine, Engines};
use crate::config::Config;
use crate::lifecycle::{Rehearsal, default_maxima, granted};
use crate::types::Limits;
use input::Input;

#[derive(clap::Args)]
#[command(after_help = "Examples:
  sandstream score --model plugins/prebuilt/wine-linear.wasm --input wine.csv
  sandstream score --model m.wasm --input red.csv --delimiter ';' --columns 'fixed acidity,...,alcohol,quality'
  tail -n 5 wine.jsonl | sandstream score --model m.wasm --input - --format jsonl

A line of the answer is {\"row\":0,\"outputs\":{\"quality\":5.1}} (a list where an output is wider than 1) or
{\"row\":3,\"error\":\"...\"}; row 0 is the first data row. Exit code 2: some rows were refused.")]
pub(super) struct Args {
    /// The model
    #[arg(long, value_name = "PATH")]
    model: PathBuf,
    #[command(flatten)]
    extras: Extras,
    /// A file given to the model's `load` as it is
    #[arg(long = "config", alias = "config-file", value_name = "FILE")]
    config_file: Option<PathBuf>,
    /// What the model may use beyond the defaults, as for `model publish`; may be given again
    #[arg(long = "grant", value_name = "KEY=VALUE")]
    grants: Vec<String>,
    /// Rows: a file, or - for stdin
    #[arg(long, value_name = "FILE")]
    input: PathBuf,
    /// Format of the rows [default: by the file's name]
    #[arg(long)]
    format: Option<input::Format>,
    /// What separates the cells of a CSV row
    #[arg(long, default_value = ",", value_parser = input::delimiter)]
    delimiter: u8,
    /// Names of the columns of a CSV file without a header line
    #[arg(long, value_delimiter = ',', value_name = "A,B,..")]
    columns: Vec<String>,
    /// The ordered feature list, for a model whose inputs have no names [default: all columns]
    #[arg(long, value_delimiter = ',', value_name = "A,B,..")]
    features: Vec<String>,
    /// Where the answer goes
    #[arg(long, default_value = "-", value_name = "FILE")]
    output: PathBuf,
    /// What runs an ONNX model whose --config does not say: auto, tract, onnxruntime
    #[arg(long, default_value = "auto", value_parser = engine)]
    backend: Engine,
    /// The library of ONNX Runtime
    #[arg(long, value_name = "FILE")]
    onnxruntime: Option<PathBuf>,
}

pub(super) fn run(args: &Args) -> Result<ExitCode> {
    let payload = args.extras.payload(&args.model, args.config_file.as_deref())?;
    let grants = grants::read(&args.grants)?;
    let limits =
        granted(grants.as_ref(), &Limits::default(), &default_maxima()).map_err(|reason| anyhow!("--grant: {reason}"))?;
    let model = app::backends(&Config::without_file().wasm, &engines(args)?)?
        .load(&payload, &limits)
        .with_context(|| args.model.display().to_string())?;
    if let Some(cost) = model.cost() {
        eprintln!("run by {}, {}", cost.engine, if cost.batched { "rows together" } else { "row by row" });
    }
    let mut input = Input::open(args)?;
    let schema = schema::of(input.columns(), &args.features, model.signature())?;
    let mut rehearsal = Rehearsal::new(&*model, &schema).map_err(|reason| anyhow!("{}: {reason}", args.model.display()))?;
    input.decode(&schema, rehearsal.wanted())?;
    let mut out = writer(args)?;
    let refused = batch::all(&mut rehearsal, &mut input, &mut out)?;
    out.flush().context("cannot write the answer")?;
    Ok(if refused == 0 { ExitCode::SUCCESS } else { ExitCode::from(SOME_REFUSED) })
}

fn engine(word: &str) -> Result<Engine, String> {
    let found = Engine::NAMES.iter().find(|(name, _)| *name == word);
    found.map(|(_, engine)| *engine).ok_or_else(|| format!("expected one of {}", Engine::NAMES.map(|(name, _)| name).join(", ")))
}

fn engines(args: &Args) -> Result<Engines> {
    let library = args.onnxruntime.as_ref().map(std::path::absolute).transpose().context("--onnxruntime")?;
    Ok(Engines { onnx: args.backend, onnxruntime: library })
}

fn writer(args: &Args) -> Result<Box<dyn Write>> {
    if args.output.as_os_str() == "-" {
        return Ok(Box::new(BufWriter::new(io::stdout())));
    }
    let file = File::create(&args.output).with_context(|| format!("cannot write {}", args.output.display()))?;
    Ok(Box::new(BufWriter::new(file)))
}
