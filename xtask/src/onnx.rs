//! `cargo xtask onnx-conformance`: the node tests of ONNX, against the graphs of `graphs`. What is accepted has to be right.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};
use serde::Serialize;

use crate::{python, workspace};

#[derive(clap::Args)]
#[command(after_help = "Examples:
  cargo xtask onnx-conformance --report onnx.json   every case; docs/onnx-operators.md has to say the same
  cargo xtask onnx-conformance --docs               writes docs/onnx-operators.md
  cargo xtask onnx-conformance --sample             every eighth case, for CI")]
pub(crate) struct Args {
    /// Write the figures to this file, as JSON
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Write the table of operators to docs/onnx-operators.md
    #[arg(long, conflicts_with = "sample")]
    docs: bool,
    /// Every eighth case
    #[arg(long)]
    sample: bool,
}

impl Args {
    /// What CI runs.
    pub(crate) fn sample() -> Self {
        Self { report: None, docs: false, sample: true }
    }
}

/// Figures of one operator.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize)]
struct Figures {
    cases: usize,
    passed: usize,
    refused: usize,
    wrong: usize,
}

impl Figures {
    fn add(&mut self, verdict: &str) -> Result<()> {
        self.cases += 1;
        match verdict {
            "passed" => self.passed += 1,
            "refused" => self.refused += 1,
            "wrong" => self.wrong += 1,
            other => bail!("a verdict is passed, refused or wrong, not {other}"),
        }
        Ok(())
    }
}

#[derive(Serialize)]
struct Report {
    #[serde(flatten)]
    all: Figures,
    by_operator: BTreeMap<String, Figures>,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let lines = verdicts()?;
    let step = if args.sample { 8 } else { 1 };
    let mut report = Report { all: Figures::default(), by_operator: BTreeMap::new() };
    for line in lines.lines().step_by(step) {
        let mut words = line.splitn(4, '\t');
        let mut word = || words.next().with_context(|| format!("a line of four words is expected, not `{line}`"));
        let (verdict, case, operator, reason) = (word()?, word()?, word()?, word()?);
        report.all.add(verdict)?;
        report.by_operator.entry(operator.to_owned()).or_default().add(verdict)?;
        if verdict == "wrong" {
            eprintln!("WRONG {case}: {reason}");
        }
    }
    let Figures { cases, passed, refused, wrong } = report.all;
    println!("{cases} cases of onnx 1.23.2: {passed} passed, {refused} refused, {wrong} wrong");
    if let Some(file) = &args.report {
        fs::write(file, serde_json::to_string_pretty(&report)?).with_context(|| format!("cannot write {}", file.display()))?;
    }
    let documented = args.docs || documented(&report, args.sample)?;
    if args.docs {
        fs::write(document(), table(&report)?)?;
    }
    Ok(ExitCode::from(u8::from(wrong > 0 || !documented)))
}

/// Makes the cases, once for each content of the script, and runs them all.
fn verdicts() -> Result<String> {
    let sources = workspace::root().join("xtask/onnx");
    let environment = python::environment(&sources.join("requirements.txt"))?;
    let script = sources.join("cases.py");
    let name = format!("onnx-cases-{}", python::digest(&fs::read(&script)?));
    let cases = workspace::cache()?.join(name);
    if !cases.join("complete").exists() {
        eprintln!("writing the node tests to {}", cases.display());
        workspace::run(Command::new(environment.join("bin/python")).arg(&script).arg(&cases))?;
        fs::write(cases.join("complete"), "")?;
    }
    // The whole workspace is asked for, so that tract is compiled with the features that it has everywhere else.
    workspace::run(workspace::cargo()?.args(["build", "--quiet", "--release", "--workspace", "--example", "onnx_nodes"]))?;
    let mut program = Command::new(workspace::target()?.join("release/examples/onnx_nodes"));
    let output = program.arg(&cases).stderr(std::process::Stdio::inherit()).output().context("cannot start onnx_nodes")?;
    if !output.status.success() {
        bail!("{program:?} ended with {}", output.status);
    }
    Ok(String::from_utf8(output.stdout)?)
}

fn document() -> PathBuf {
    workspace::root().join("docs/onnx-operators.md")
}

fn table(report: &Report) -> Result<String> {
    let Figures { cases, passed, refused, wrong } = report.all;
    let mut text = format!(
        "# ONNX operators

Written by `cargo xtask onnx-conformance --docs`; do not edit. The non-expanded node tests of the package `onnx` 1.23.2 ({cases} cases), each
operator in the newest version that has tests (operator sets 1 to 28). Shapes, axes, counts, limits and quantisation parameters are constants, as real
models have them. **{passed} pass, {refused} are refused with a reason, {wrong} are wrong.** The tolerance is the suite's own.

An operator with refused cases runs where its attributes and element types allow; what is refused names the operator, the node and the
reason. Not supported anywhere: sequences, maps, optional values, `bfloat16`, 8-bit and smaller floats, 4-bit integers, random operators, training.

| operator | cases | passed | refused |
|---|---|---|---|
"
    );
    for (operator, figures) in &report.by_operator {
        writeln!(text, "| {operator} | {} | {} | {} |", figures.cases, figures.passed, figures.refused)?;
    }
    Ok(text)
}

/// Whether the committed table says what was measured; of a sample, whether nothing is refused that the table says passes whole.
fn documented(report: &Report, sample: bool) -> Result<bool> {
    let path = document();
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    if !sample {
        let same = text == table(report)?;
        if !same {
            eprintln!("{} says otherwise: `cargo xtask onnx-conformance --docs` writes it anew", shown(&path));
        }
        return Ok(same);
    }
    let whole = |line: &str| {
        let mut words = line.trim_matches('|').split('|').map(str::trim);
        let (operator, cases, passed) = (words.next()?, words.next()?, words.next()?);
        (cases == passed).then(|| operator.to_owned())
    };
    let worse: Vec<String> =
        text.lines().filter_map(whole).filter(|name| report.by_operator.get(name).is_some_and(|now| now.refused > 0)).collect();
    if !worse.is_empty() {
        eprintln!("refused now, although {} says that they pass: {}", shown(&path), worse.join(", "));
    }
    Ok(worse.is_empty())
}

fn shown(path: &Path) -> String {
    path.strip_prefix(workspace::root()).unwrap_or(path).display().to_string()
}
