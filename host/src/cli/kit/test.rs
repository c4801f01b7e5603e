//! `sandstream test`: a guest's answers against its golden file.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::lifecycle::golden::{self, Case};
use anyhow::{Context, Result, anyhow};
use serde_json::{Value, json};

use super::guest::{Guest, explained};
use crate::cli::table::{Table, print};

#[derive(clap::Args)]
#[command(after_help = "Examples:
  sandstream test                          golden.jsonl of the guest in this folder
  sandstream test --golden more.jsonl
  sandstream test --update                 writes down what the guest says now; look at the difference before you keep it

A case is a line: {\"record\": {\"alcohol\": 9.4}, \"outputs\": {\"score\": 12.7}} or {\"record\": {}, \"rejected\": \"part of the reason\"};
floats may differ by 1e-6, or by the case's \"tolerance\". Exit code 1: a case is answered otherwise.")]
pub(in crate::cli) struct Args {
    /// The guest's folder
    #[arg(long, value_name = "DIR", default_value = ".")]
    dir: PathBuf,
    /// The golden file [default: the manifest's, or golden.jsonl]
    #[arg(long, value_name = "FILE")]
    golden: Option<PathBuf>,
    /// The data type of the records [default: the manifest's first]
    #[arg(long, value_name = "NAME")]
    data_type: Option<String>,
    /// Write what the guest says into the golden file
    #[arg(long)]
    update: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(in crate::cli) fn run(args: &Args) -> Result<ExitCode> {
    let guest = Guest::open(&args.dir)?;
    let path = args.golden.as_ref().unwrap_or(&guest.manifest.golden);
    let text = fs::read_to_string(path).with_context(|| {
        format!(
            "cannot read {}; a line of it is {{\"record\": {{..}}}}, and `sandstream test --update` adds the rest",
            path.display()
        )
    })?;
    let cases = golden::parse(&text).with_context(|| path.display().to_string())?;
    let model = guest.load()?;
    let codec = guest.records(args.data_type.as_deref(), model.signature())?;
    if args.update {
        let settled = golden::settled(&*model, &codec, &cases).map_err(|reason| anyhow!(reason))?;
        return update(args, path, &text, &cases, &settled);
    }
    let wrong = golden::mismatches(&*model, &codec, &cases).map_err(|reason| anyhow!(reason))?;
    let mut table = Table::new(&["line", "output", "expected", "got"]);
    for one in &wrong {
        table.row([one.line.to_string(), one.output.clone(), one.expected.clone(), explained(&one.got)]);
    }
    let of = |one: &golden::Mismatch| json!({ "line": one.line, "output": one.output, "expected": one.expected, "got": one.got });
    let list: Vec<Value> = wrong.iter().map(of).collect();
    if args.json || !wrong.is_empty() {
        print(args.json, &json!({ "golden": path, "cases": cases.len(), "mismatches": list }), &table)?;
    }
    if cases.is_empty() {
        eprintln!("{} holds no case: expected at least one line {{\"record\": {{..}}}}", path.display());
        return Ok(ExitCode::FAILURE);
    }
    let failed = cases.iter().filter(|case| wrong.iter().any(|one| one.line == case.line)).count();
    if failed > 0 {
        eprintln!(
            "{failed} of {} cases of {} are answered otherwise; `sandstream test --update` takes the answers over",
            cases.len(),
            path.display()
        );
        return Ok(ExitCode::FAILURE);
    }
    eprintln!("{} cases of {} are answered as written, together and alone", cases.len(), path.display());
    Ok(ExitCode::SUCCESS)
}

/// Writes the answers over what was expected; lines that are no cases stay, and so does the part of a reason that still holds.
fn update(args: &Args, path: &Path, text: &str, cases: &[Case], answers: &[golden::Answer]) -> Result<ExitCode> {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let mut changed = 0;
    for (case, answer) in cases.iter().zip(answers) {
        if !case.compare(answer).is_empty()
            && let Some(line) = lines.get_mut(case.line - 1)
        {
            *line = case.with(answer);
            changed += 1;
        }
    }
    lines.push(String::new());
    fs::write(path, lines.join("\n")).with_context(|| format!("cannot write {}", path.display()))?;
    if args.json {
        print(true, &json!({ "golden": path, "cases": cases.len(), "changed": changed }), &Table::new(&[]))?;
    }
    eprintln!("{changed} of {} cases of {} were written anew", cases.len(), path.display());
    Ok(ExitCode::SUCCESS)
}
