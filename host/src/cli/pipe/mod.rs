//! `sandstream pipe`: records of a file or stdin through a stream of a configuration, without Kafka. Models are files of a folder.

#[cfg_attr(not(feature = "arrow"), path = "no_columns.rs")]
mod columns;
mod delimited;
mod files;
mod gate;
mod input;
mod lines;
mod outlet;
mod progress;
mod report;
mod target;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::{SOME_REFUSED, signals};
use crate::app::pipe::{Ended, Pipe, Plan};
use crate::config::{Config, duration};
use crate::stream::pipe::Gauge;
use files::Files;
use input::Input;
use outlet::Written;
use progress::Progress;

#[derive(clap::Args)]
#[command(after_help = "Examples:
  sandstream pipe --config examples/wine/json.toml --models models < wine.jsonl > scores.jsonl
  sandstream pipe --config wine.toml --models models --input wine.jsonl --output scores.jsonl --dead-letters bad.jsonl --report r.json
  tail -f wine.jsonl | sandstream pipe --config wine.toml --models models --log warn
  cp wine-forest.wasm models/           # while it runs: the next records are scored by it
  sandstream pipe --config wine.toml --models models --input wine.parquet --output scores.parquet   # built with --features sandstream/arrow

The configuration is the one of `run`; [kafka] may be absent, topics are names only, and there is one lane. Models are
MODELS/<name>[@<version>].wasm, or MODELS/<data type>/<name>[@<version>].wasm where the stream has several data types; a file
without a version has the beginning of its digest, one with a version that had other contents before gets a number behind it. The
newest that is fit answers; removing a file retires its model. Results come in the order of the records, in the configuration's
output_format; a record's offset is its number in the input, from 0. No two of the files may be one; they are emptied when all
else is in order.

Exit code 0: all records have a result; 2: all are answered, some are dead letters; 1: not all are answered. A signal ends it when
what was read is answered: exit code 1 where the input is a file, also as stdin, that was not read to its end.")]
pub(super) struct Args {
    /// The configuration
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// The folder of models; it is watched
    #[arg(long, value_name = "DIR")]
    models: PathBuf,
    /// Stream of the configuration [default: its only one]
    #[arg(long, value_name = "NAME")]
    stream: Option<String>,
    /// What all records are, where the stream finds the data type in a header
    #[arg(long, value_name = "TYPE")]
    data_type: Option<String>,
    /// Records: a file, or - for stdin
    #[arg(long, default_value = "-", value_name = "FILE")]
    input: PathBuf,
    /// How records are told apart [default: by the file's name, then by the data type]
    #[arg(long, value_name = "FORMAT")]
    input_format: Option<input::Format>,
    /// Where results go: a file, or - for stdout
    #[arg(long, default_value = "-", value_name = "FILE")]
    output: PathBuf,
    /// Where records go that cannot be scored, with the reason, one JSON object a line: a file, or - for stderr
    #[arg(long, default_value = "-", value_name = "FILE")]
    dead_letters: PathBuf,
    /// How long records wait for a model before the command fails
    #[arg(long, default_value = "60s", value_name = "DURATION", value_parser = patience)]
    wait: Duration,
    /// Only take the models that are in the folder at the start; fail at once when none of them is fit
    #[arg(long)]
    once: bool,
    /// Write the figures to this file, as JSON
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

fn patience(text: &str) -> Result<Duration, String> {
    duration(text).ok_or_else(|| "expected a duration such as 500ms, 30s or 5min".to_owned())
}

pub(super) fn run(args: &Args) -> Result<ExitCode> {
    let config = Config::load(&args.config)?;
    let mut plan = Plan::of(&config, args.stream.as_deref(), args.data_type.as_deref())?;
    files::check(args)?;
    let (gauge, written, mut files) = (Arc::<Gauge>::default(), Written::default(), Files::default());
    let Input { source, units, stays } = Input::open(&args.input, args.input_format, &mut plan, &gauge)?;
    let outlet = outlet::open(&args.output, &args.dead_letters, &mut files, &mut plan, &written)?;
    let report = args.report.as_deref().map(|path| files.open(path).map(|file| (path, file))).transpose()?;
    let stop = signals::stop_flag()?;
    let began = Instant::now();
    let pipe = Pipe::start(&config, &plan, &args.models, !args.once, source, outlet, Arc::clone(&gauge))?;
    files.begin()?;
    let stats = pipe.stats();
    let mut progress = Progress::new(units);
    let ended = pipe.run(&stop, args.wait, || progress.show(&gauge, &written));
    progress.end();
    if let Some(file) = report {
        let whole = ended.as_ref().is_ok_and(|ended| *ended == Ended::Done);
        report::write(file, &gauge, &stats, &written, began.elapsed(), whole)?;
    }
    if ended? == Ended::Stopped && stays {
        anyhow::bail!("stopped by a signal: {} records are answered, the rest of the input is not read", gauge.answered());
    }
    let refused = written.figures().dead_letters;
    Ok(if refused == 0 { ExitCode::SUCCESS } else { ExitCode::from(SOME_REFUSED) })
}
