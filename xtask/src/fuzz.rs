//! `cargo xtask fuzz`: what reads models from outside, fed with what a coverage-guided fuzzer comes up with. The stable compiler puts the
//! instruments in; libFuzzer comes with the crate `libfuzzer-sys` and takes a C++ compiler.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Resource, Rlimit, prlimit};
use serde::Serialize;

use crate::workspace;

/// The targets, and the longest input that each is given.
const TARGETS: &[(&str, usize)] = &[
    ("onnx", 16 << 10),
    ("onnx_nodes", 512),
    ("graph_def", 16 << 10),
    ("graph_nodes", 512),
    ("bundle", 16 << 10),
    ("zip", 32 << 10),
    ("tar", 32 << 10),
    ("saved_model_text", 16 << 10),
];

/// Counters, comparisons and depth of the stack, as cargo-fuzz asks for them. One unit a crate: counters need it where `sancov` comes
/// last.
const RUSTFLAGS: &str = "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares -Cllvm-args=-sanitizer-coverage-stack-depth -Ccodegen-units=1";

/// Instruments are for this machine's programs only: build scripts and macros have nothing to report to.
const TRIPLE: &str = "x86_64-unknown-linux-gnu";

/// Memory that is in use; libFuzzer looks every second.
const RSS_MB: u32 = 768;

/// Memory that is asked for: what no model of these bounds needs is refused, and ends the target.
const ADDRESSES: u64 = 3 << 30;

/// Stack of the threads that load models in the host.
const STACK: u64 = 2 << 20;

/// Seconds for one input.
const TIMEOUT: u32 = 10;

#[derive(clap::Args)]
#[command(after_help = "Examples:
  cargo xtask fuzz                          every target for a minute
  cargo xtask fuzz --seconds 300 --target onnx
  cargo xtask fuzz --target zip --input FILE   one input again, as it was found")]
pub(crate) struct Args {
    /// For each target
    #[arg(long, default_value_t = 60)]
    seconds: u32,
    /// Only this target; may be given more than once
    #[arg(long = "target", value_name = "TARGET")]
    targets: Vec<String>,
    /// Only this input
    #[arg(long, value_name = "FILE", conflicts_with = "report")]
    input: Option<PathBuf>,
    /// Write the figures to this file, as JSON
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

/// Figures of one target; what libFuzzer did not say is not there.
#[derive(Debug, Serialize)]
struct Figures {
    seconds: u32,
    inputs: Option<u64>,
    edges: Option<u64>,
    peak_mb: Option<u64>,
    found_nothing: bool,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let known = TARGETS.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    if let Some(unknown) = args.targets.iter().find(|wanted| TARGETS.iter().all(|(name, _)| name != wanted)) {
        bail!("there is no target `{unknown}`; there are {known}");
    }
    let wanted = |name: &str| args.targets.is_empty() || args.targets.iter().any(|wanted| wanted == name);
    let folder = workspace::target()?.join("fuzz");
    if args.input.is_none() {
        seeds(&folder.join("seeds"))?;
    }
    let mut report = BTreeMap::new();
    for (name, max_len) in TARGETS.iter().filter(|(name, _)| wanted(name)) {
        let target = Target { name, max_len: *max_len, program: build(name)?, folder: &folder };
        report.insert(*name, target.run(args.seconds, args.input.as_deref())?);
    }
    if let Some(file) = &args.report {
        fs::write(file, serde_json::to_string_pretty(&report)?).with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(ExitCode::from(u8::from(report.values().any(|figures| !figures.found_nothing))))
}

/// Writes what the fuzzer begins with: the fixtures of the tests, and the node tests of ONNX where they were made.
fn seeds(folder: &Path) -> Result<()> {
    let models = [
        workspace::root().join("graphs/tests/tensorflow"),
        workspace::root().join("../shared/data/onnxml"),
        workspace::root().join("../shared/data/wine"),
    ];
    let cases = fs::read_dir(workspace::cache()?)?.filter_map(|entry| entry.ok().map(|entry| entry.path()));
    let cases = cases.filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("onnx-cases-")));
    // An example of the whole workspace: by itself, it would ask for other features of the heavy crates and compile them again.
    workspace::run(workspace::cargo()?.args(["build", "--quiet", "--release", "--workspace", "--example", "fuzz_seeds"]))?;
    let mut program = Command::new(workspace::target()?.join("release/examples/fuzz_seeds"));
    workspace::run(program.arg(folder).args(models.into_iter().chain(cases).filter(|path| path.exists())))
}

/// Builds a target; cargo does nothing where nothing has changed.
fn build(name: &str) -> Result<PathBuf> {
    let mut cargo = workspace::cargo()?;
    cargo.current_dir(workspace::root().join("graphs/fuzz")).env("RUSTFLAGS", RUSTFLAGS);
    workspace::run(cargo.args(["build", "--quiet", "--release", "--locked", "--target", TRIPLE, "--bin", name]))?;
    Ok(workspace::target()?.join(TRIPLE).join("release").join(name))
}

struct Target<'a> {
    name: &'a str,
    max_len: usize,
    program: PathBuf,
    folder: &'a Path,
}

impl Target<'_> {
    /// Runs until the time is over or something is found.
    fn run(&self, seconds: u32, input: Option<&Path>) -> Result<Figures> {
        let part = |kind: &str| -> Result<PathBuf> {
            let folder = self.folder.join(kind).join(self.name);
            fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
            Ok(folder)
        };
        let (corpus, found, seeds) = (part("corpus")?, part("found")?, part("seeds")?);
        let log = found.join("log");
        let mut command = Command::new(&self.program);
        command.arg(format!("-max_len={}", self.max_len));
        command.arg(format!("-timeout={TIMEOUT}")).arg(format!("-rss_limit_mb={RSS_MB}"));
        command.arg(format!("-artifact_prefix={}/", found.display()));
        match input {
            Some(input) => _ = command.arg(input),
            None => {
                command.arg(format!("-max_total_time={seconds}")).arg("-print_final_stats=1");
                command.arg(corpus).arg(seeds).stderr(fs::File::create(&log)?).stdout(Stdio::null());
            }
        }
        let mut child = command.spawn().with_context(|| format!("cannot start {}", self.program.display()))?;
        for (resource, limit) in [(Resource::As, ADDRESSES), (Resource::Stack, STACK)] {
            prlimit(Some(Pid::from_child(&child)), resource, Rlimit { current: Some(limit), maximum: Some(limit) })?;
        }
        let status = child.wait()?;
        let words = if input.is_none() { fs::read_to_string(&log).unwrap_or_default() } else { String::new() };
        let figures = figures(&words, seconds, status.success());
        let shown = |figure: Option<u64>| figure.map_or_else(|| "?".to_owned(), |figure| figure.to_string());
        let (inputs, edges, peak) = (shown(figures.inputs), shown(figures.edges), shown(figures.peak_mb));
        println!("{:<17} {inputs:>9} inputs, {edges:>6} edges covered, {peak:>4} MB at most", self.name);
        if !status.success() {
            let file =
                words.lines().find_map(|line| line.split("Test unit written to ").nth(1)).unwrap_or("(no input was written)");
            eprintln!("{}: {status}; what is wrong is said in {}", self.name, log.display());
            eprintln!("again: cargo xtask fuzz --target {} --input {file}", self.name);
        }
        Ok(figures)
    }
}

/// What libFuzzer says of itself.
fn figures(log: &str, seconds: u32, found_nothing: bool) -> Figures {
    let stat = |name: &str| {
        let line = log.lines().find_map(|line| line.strip_prefix("stat::")?.strip_prefix(name));
        line.and_then(|rest| rest.trim_start_matches(':').trim().parse().ok())
    };
    let edges = log.lines().rev().find_map(|line| line.split(" cov: ").nth(1)?.split(' ').next()?.parse().ok());
    Figures { seconds, inputs: stat("number_of_executed_units"), edges, peak_mb: stat("peak_rss_mb"), found_nothing }
}
