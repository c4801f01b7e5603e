//! `sandstream model unpin`: the latest version that is fit answers again.

use std::process::ExitCode;

use anyhow::Result;
use serde_json::json;

use super::log::Log;
use super::wait::Report;
use super::{Patience, Target, deploy};
use crate::lifecycle::Strategy;

#[derive(clap::Args)]
#[command(after_help = "Example:
  sandstream model unpin --config wine.toml --data-type wine")]
pub(super) struct Args {
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    patience: Patience,
}

pub(super) fn run(args: &Args) -> Result<ExitCode> {
    let config = args.target.config()?;
    let data_type = args.target.data_type(&config)?;
    let mut log = Log::open(&config)?;
    let (in_force, pending) = log.history.catalog().deployment(&data_type);
    if in_force.strategy == Strategy::Latest && pending.is_none() {
        let report = Report::new(data_type, args.target.json);
        return report.done("Unchanged", "no version is pinned, so nothing was written");
    }
    let expects = log.history.catalog().revision();
    let (revision, effect) = deploy::write(&mut log, &data_type, deploy::latest(), expects)?;
    let live = log.history.live(&data_type);
    let found = log.history.catalog().models(&data_type).find(|model| Some(model.revision) == live);
    let model = found.map_or_else(|| data_type.clone(), |model| model.id.to_string());
    let report = Report::new(format!("{model} (latest at revision {revision})"), args.target.json);
    let report = report.with("model", json!(model)).with("revision", json!(revision));
    if let Err(refused) = effect {
        return report.refused(&refused.reason);
    }
    if args.patience.no_wait {
        return report.done("Unpinned", "unpinned; no host was waited for");
    }
    let answers = deploy::wait(&mut log, &data_type, revision, args.patience.wait)?;
    report.answered(&answers, args.patience.wait, None)
}
