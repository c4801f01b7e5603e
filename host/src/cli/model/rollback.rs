//! `sandstream model rollback`: the version that was live before is pinned.

use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use serde_json::json;

use super::log::Log;
use super::wait::Report;
use super::{Patience, Target, deploy, id};
use crate::types::ModelId;

#[derive(clap::Args)]
#[command(after_help = "Example:
  sandstream model rollback --config wine.toml --data-type wine

The version stays live, whoever publishes, until `model unpin` or `model publish --unpin`. Rolling back again goes back one
version more.")]
pub(super) struct Args {
    #[command(flatten)]
    target: Target,
    /// The version to go to [default: the one that was live before]
    #[arg(long, value_name = "NAME@VERSION")]
    to: Option<String>,
    #[command(flatten)]
    patience: Patience,
}

pub(super) fn run(args: &Args) -> Result<ExitCode> {
    let config = args.target.config()?;
    let data_type = args.target.data_type(&config)?;
    let mut log = Log::open(&config)?;
    let to = aim(args, &log, &data_type)?;
    let expects = log.history.catalog().revision();
    let (revision, effect) = deploy::write(&mut log, &data_type, deploy::pinned(&to.name, &to.version), expects)?;
    let report = Report::new(format!("{to} (pinned at revision {revision})"), args.target.json);
    let report = report.with("model", json!(to.to_string())).with("revision", json!(revision));
    if let Err(refused) = effect {
        return report.refused(&refused.reason);
    }
    if args.patience.no_wait {
        return report.done("Pinned", "pinned; no host was waited for");
    }
    let answers = deploy::wait(&mut log, &data_type, revision, args.patience.wait)?;
    report.answered(&answers, args.patience.wait, None)
}

/// The version to go to.
fn aim(args: &Args, log: &Log, data_type: &str) -> Result<ModelId> {
    let models = || log.history.catalog().models(data_type);
    if let Some(text) = &args.to {
        let to = id(data_type, text)?;
        if !models().any(|model| model.id == to) {
            bail!("--to {text}: there is no model `{to}`, or it was retired; `sandstream model list` shows what there is");
        }
        return Ok(to);
    }
    let words = args.target.words(data_type);
    let live = log.history.live(data_type);
    let shown = models().find(|model| Some(model.revision) == live).map(|model| model.id.to_string());
    let Some(shown) = shown else { bail!("there is nothing to roll back: no model of `{data_type}` is live") };
    let before = log.history.before(data_type).with_context(|| {
        format!(
            "no version of `{data_type}` that is still there and fit was live before `{shown}`. `sandstream model list {words}` \
             shows what there is, --to NAME@VERSION pins any of it"
        )
    })?;
    let found = models().find(|model| model.revision == before).map(|model| model.id.clone());
    found.with_context(|| format!("the model of revision {before} is gone"))
}
