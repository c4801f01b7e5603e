//! `sandstream check`: whether a configuration, the topics it names and the models for it are in order, before anything runs.

mod findings;
mod kafka;
mod models;
mod roles;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail};
use serde_json::{Value, json};

use super::model_file::Extras;
use super::table::{Table, print};
use crate::codec;
use crate::config::{Config, Error, TypeBy};
use findings::Findings;

#[derive(clap::Args)]
#[command(after_help = "Examples:
  sandstream check --config wine.toml                          the file alone
  sandstream check --config wine.toml --kafka                  topics, sizes and permissions too
  sandstream check --config wine.toml --kafka --create         and make the topics that are missing
  sandstream check --config wine.toml --model wine-linear.wasm whether a model fits the data types

Exit code 1: something is wrong; the table says what to do.")]
pub(super) struct Args {
    /// The configuration
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Ask the brokers about topics, sizes and permissions
    #[arg(long)]
    kafka: bool,
    /// Make the topics that are missing
    #[arg(long, requires = "kafka")]
    create: bool,
    /// Partitions of input topics that are made [default: the brokers']
    #[arg(long, value_name = "N", requires = "create", value_parser = clap::value_parser!(i32).range(1..=100_000))]
    partitions: Option<i32>,
    /// A model that is to be loaded and joined with the data types; may be given again
    #[arg(long = "model", value_name = "PATH")]
    models: Vec<PathBuf>,
    /// The data type a model is meant for [default: all of the configuration]
    #[arg(long, value_name = "NAME", requires = "models")]
    data_type: Option<String>,
    #[command(flatten)]
    extras: Extras,
    /// A file given to the models' `load` as it is
    #[arg(long, value_name = "FILE", requires = "models")]
    config_file: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> Result<ExitCode> {
    let mut findings = Findings::default();
    let mut models = Vec::new();
    match Config::load(&args.config) {
        Err(Error::Wrong(wrong)) => wrong.lines().iter().for_each(|line| findings.wrong("configuration", line.clone())),
        Err(error) => findings.wrong("configuration", error.to_string()),
        Ok(config) => {
            file(&config, &mut findings);
            if args.kafka {
                let Some(settings) = &config.kafka else {
                    bail!("{}: expected a table [kafka] with `brokers`: there is nothing to ask", args.config.display())
                };
                let create = args.create.then_some(kafka::Create { partitions: args.partitions });
                kafka::check(&config, settings, create.as_ref(), &mut findings);
            }
            for path in &args.models {
                models.push(models::check(args, &config, path, &mut findings)?);
            }
        }
    }
    let mut table = Table::new(&["", "about", "finding"]);
    findings.all.iter().for_each(|finding| table.row(finding.cells()));
    let list: Vec<Value> = findings.all.iter().map(findings::Finding::json).collect();
    let ok = !findings.any_wrong();
    print(args.json, &json!({ "ok": ok, "findings": list, "models": models }), &table)?;
    Ok(if ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What the file says fits together: schemas can be read, and have the fields that streams ask for.
fn file(config: &Config, findings: &mut Findings) {
    let before = findings.all.len();
    for spec in &config.types {
        if let Err(error) = codec::open(spec) {
            findings.wrong(&format!("[types.{}]", spec.data_type), error.to_string());
        }
    }
    for stream in &config.streams {
        let about = format!("[streams.{}]", stream.name);
        let specs: Vec<_> = stream.types.iter().filter_map(|name| config.data_type(name)).cloned().collect();
        for codec in specs.iter().filter_map(|spec| codec::open(spec).ok()) {
            if let Err(error) = codec::check_include(codec.schema(), &stream.include) {
                findings.wrong(&about, format!("`include`: {error}"));
            }
        }
        if let TypeBy::Field(field) = &stream.type_by
            && let Err(error) = codec::Selector::new(&specs, field)
        {
            findings.wrong(&about, format!("`type`: {error}"));
        }
    }
    if findings.all.len() == before {
        let (types, streams) = (config.types.len(), config.streams.len());
        findings.ok("configuration", format!("{} declares {types} data types and {streams} streams", config.file.display()));
    }
}
