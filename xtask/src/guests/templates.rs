//! What a person does with the guest kit, done for every language: a project is made of the template, built, checked, scored and
//! measured, with the program as it was just built. A tool that cannot be fetched is a failure: an offered language has to work.

use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use sandstream_kit::language;
use serde_json::Value;

use crate::workspace;

/// Name of the projects.
const NAME: &str = "template-of";

/// Makes and tries a project in each language, or in one of them; prints what it costs.
pub(crate) fn run(only: Option<&str>) -> Result<ExitCode> {
    let program = workspace::program("sandstream")?;
    let parent = workspace::cache()?.join("kit/templates");
    fs::create_dir_all(&parent).with_context(|| format!("cannot make {}", parent.display()))?;
    let languages: Vec<&str> = match only {
        Some(name) => vec![language::of(name)?.name()],
        None => language::ALL.iter().map(|language| language.name()).collect(),
    };
    println!(
        "{:<8} {:>10} {:>8} {:>10} {:>10} {:>12} {:>12}",
        "language", "component", "build", "compile", "memory", "ns/row at 1", "at 1024"
    );
    let mut failed = 0;
    for language in languages {
        match tried(&program, &parent, language) {
            Ok(line) => println!("{language:<8} {line}"),
            Err(error) => {
                failed += 1;
                println!("{language:<8} FAILED: {error:#}");
            }
        }
    }
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn tried(program: &Path, parent: &Path, language: &str) -> Result<String> {
    let name = format!("{NAME}-{language}");
    let folder = parent.join(&name);
    made(program, parent, &name, language)?;
    let began = Instant::now();
    let built = said(program, &folder, &["build", "--json"])?;
    let build = began.elapsed().as_secs_f64();
    let checked = said(program, &folder, &["check", "--json"])?;
    said(program, &folder, &["test", "--json"])?;
    everything(program, parent, language)?;
    let costs = said(program, &folder, &["bench", "--json"])?;
    let cases = checked["guest"]["goldens"].as_u64().unwrap_or_default();
    if cases < 5 {
        bail!("{cases} golden cases were scored; the template has 5");
    }
    let per_row = |at: usize| costs["batches"][at]["ns_per_row"]["median"].as_f64().unwrap_or(f64::NAN);
    Ok(format!(
        "{:>8.0} K {build:>6.1} s {:>7.0} ms {:>8.1} M {:>12.0} {:>12.1}",
        number(&built["bytes"]) / 1024.0,
        number(&checked["guest"]["load"]["compile_ms"]),
        number(&costs["memory_bytes"]) / 1024.0 / 1024.0,
        per_row(0),
        per_row(2),
    ))
}

/// Puts a model in the place of the template's that uses all of what the kit gives it: every type in and out, missing values, an
/// artifact, the log, rejected rows. Its golden file is the same for every language.
fn everything(program: &Path, parent: &Path, language: &str) -> Result<()> {
    let every = workspace::root().join("kit/tests/every");
    let source = language::of(language)?.source();
    if !every.join(language).join(source).exists() {
        return Ok(());
    }
    let name = format!("everything-in-{language}");
    let folder = parent.join(&name);
    made(program, parent, &name, language)?;
    for (from, to) in [(format!("{language}/{source}"), source), ("every.jsonl".to_owned(), "every.jsonl")] {
        fs::copy(every.join(&from), folder.join(to)).with_context(|| format!("cannot copy {from}"))?;
    }
    for file in ["greeting.txt", "config.txt"] {
        fs::copy(every.join(file), folder.join(file)).with_context(|| format!("cannot copy {file}"))?;
    }
    let manifest = fs::read_to_string(every.join("sandstream.toml")).context("the manifest")?;
    let manifest = manifest.replace("LANGUAGE", language).replace("\"template\"", &format!("\"{name}\""));
    fs::write(folder.join("sandstream.toml"), manifest).context("the manifest")?;
    said(program, &folder, &["build", "--json"])?;
    said(program, &folder, &["check", "--json"]).map(|_| ())
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or(f64::NAN)
}

/// Makes the project anew. What cargo built for the last one is kept: crates that did not change are not compiled again.
fn made(program: &Path, parent: &Path, name: &str, language: &str) -> Result<()> {
    let (folder, kept) = (parent.join(name), parent.join(format!("{name}-build")));
    let built = folder.join("build");
    if built.exists() {
        let _ = fs::remove_dir_all(&kept);
        fs::rename(&built, &kept).with_context(|| format!("cannot rename {}", built.display()))?;
    }
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    said(program, parent, &["new", name, "--lang", language, "--json"])?;
    if kept.exists() {
        fs::rename(&kept, &built).with_context(|| format!("cannot rename {}", kept.display()))?;
    }
    Ok(())
}

/// Runs a command of the program in a folder and reads the JSON that it prints, if it prints any.
fn said(program: &Path, folder: &Path, words: &[&str]) -> Result<Value> {
    let output = Command::new(program).args(words).current_dir(folder).output().context("cannot start sandstream")?;
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if !output.status.success() {
        bail!("sandstream {} ended with {}: {} {}", words.join(" "), output.status, err.trim(), out.trim());
    }
    serde_json::from_str(&out).with_context(|| format!("sandstream {}: {}", words.join(" "), out.trim()))
}
