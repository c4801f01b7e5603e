//! `sandstream new`: the folder of a guest.

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use sandstream_kit::{language, project};
use serde_json::json;

#[derive(clap::Args)]
#[command(after_help = "Examples:
  sandstream new quality --lang rust && cd quality && sandstream build && sandstream check && sandstream bench
  sandstream new quality --lang python --dir guests

A guest is a model of your own: it takes a batch of rows and gives scores. Languages differ in what they cost; `new` says it.")]
pub(in crate::cli) struct Args {
    /// Name of the guest and of its folder: a-z, 0-9, - and _
    name: String,
    /// What it is written in: rust, c, go, js or python
    #[arg(long, value_name = "LANGUAGE")]
    lang: String,
    /// Where its folder is made
    #[arg(long, value_name = "DIR", default_value = ".")]
    dir: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(in crate::cli) fn run(args: &Args) -> Result<ExitCode> {
    let language = language::of(&args.lang)?;
    let folder = args.dir.strip_prefix(".").unwrap_or(&args.dir).join(&args.name);
    let files = project::create(&folder, &args.name, language)?;
    let (cost, shown) = (language.cost(), folder.display());
    let mut out = io::stdout().lock();
    let said = if args.json {
        let cost = json!({ "component": cost.component, "row": cost.row, "memory": cost.memory, "compile": cost.compile, "build": cost.build });
        let about = json!({
            "folder": folder, "language": language.name(), "files": files, "edit": language.source(), "cost": cost,
            "tools": language.tools(),
        });
        writeln!(out, "{about:#}")
    } else {
        writeln!(
            out,
            "made {shown}, a guest in {}, of {} files\n\
             \n\
             {:<16} the model: edit this\n\
             {:<16} records and what it has to say to them\n\
             {:<16} its name, and the data types that it is meant for\n\
             \n\
             what this language costs, measured with this template:\n  \
               component {}; {} a row in batches of 1,024; {} of memory a session; compiled by a host in {}; built in {}\n\
             what builds it:\n  \
               {}\n\
             \n\
             next:\n  \
               cd {shown} && sandstream build && sandstream check && sandstream bench",
            language.name(),
            files.len(),
            language.source(),
            "golden.jsonl",
            "sandstream.toml",
            cost.component,
            cost.row,
            cost.memory,
            cost.compile,
            cost.build,
            language.tools(),
        )
    };
    said.context("stdout")?;
    Ok(ExitCode::SUCCESS)
}
