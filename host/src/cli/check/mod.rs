//! `sandstream check`: whether a configuration, the topics it names and the models for it are in order, before anything runs.
//! Without a configuration, in a guest's folder: whether the guest is.

pub(super) mod findings;
mod kafka;
pub(super) mod models;
mod roles;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail};
use serde_json::json;

use super::kit;
use super::model_file::Extras;

use crate::codec;
use crate::config::{Config, Error, TypeBy};
use findings::Findings;

#[derive(clap::Args)]
#[command(after_help = "Examples:
  sandstream check --config wine.toml                          the file alone
  sandstream check --config wine.toml --kafka                  topics, sizes and permissions too
  sandstream check --config wine.toml --kafka --create         and make the topics that are missing
  sandstream check --config wine.toml --model wine-linear.wasm whether a model fits the data types
  sandstream check                                             in a guest's folder: the guest, as `sandstream build` left it

Exit code 1: something is wrong; the table says what to do.")]
pub(super) struct Args {
    /// The configuration [default: none; the guest in --dir is checked]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// A guest's folder
    #[arg(long, value_name = "DIR", default_value = ".", conflicts_with = "config")]
    dir: PathBuf,
    /// Ask the brokers about topics, sizes and permissions
    #[arg(long, requires = "config")]
    kafka: bool,
    /// Make the topics that are missing
    #[arg(long, requires = "kafka")]
    create: bool,
    /// Partitions of input topics that are made [default: the brokers']
    #[arg(long, value_name = "N", requires = "create", value_parser = clap::value_parser!(i32).range(1..=100_000))]
    partitions: Option<i32>,
    /// A model that is to be loaded and joined with the data types; may be given again
    #[arg(long = "model", value_name = "PATH", requires = "config")]
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
    let Some(file) = &args.config else {
        let about = kit::check(&args.dir, &mut findings)?;
        return findings.report(args.json, json!({ "guest": about }));
    };
    let mut models = Vec::new();
    match Config::load(file) {
        Err(Error::Wrong(wrong)) => wrong.lines().iter().for_each(|line| findings.wrong("configuration", line.clone())),
        Err(error) => findings.wrong("configuration", error.to_string()),
        Ok(config) => {
            fits_together(&config, &mut findings);
            if args.kafka {
                let Some(settings) = &config.kafka else {
                    bail!("{}: expected a table [kafka] with `brokers`: there is nothing to ask", file.display())
                };
                let create = args.create.then_some(kafka::Create { partitions: args.partitions });
                kafka::check(&config, settings, create.as_ref(), &mut findings);
            }
            for path in &args.models {
                models.push(models::check(args, &config, path, &mut findings)?);
            }
        }
    }
    findings.report(args.json, json!({ "models": models }))
}

/// What the file says fits together: schemas can be read, and have the fields that streams ask for.
fn fits_together(config: &Config, findings: &mut Findings) {
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
    if !config.streams.is_empty() && config.kafka.is_none() {
        findings.note(
            "configuration",
            "has no [kafka]: its streams run between files, with `sandstream pipe`; `run` needs one".to_owned(),
        );
    }
}
