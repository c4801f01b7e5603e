//! `sandstream model label`: a name for a version. No host acts on it; deployments may refer to it.

use std::process::ExitCode;

use anyhow::{Result, bail};
use prost::Message as _;
use serde_json::json;

use super::log::{Log, Write};
use super::wait::Report;
use super::{Target, id};
use crate::types::control::Key;
use crate::types::proto::Label;

#[derive(clap::Args)]
#[command(after_help = "Examples:
  sandstream model label --config wine.toml --data-type wine champion forest@7
  sandstream model label --config wine.toml --data-type wine champion --remove")]
pub(super) struct Args {
    /// The label
    label: String,
    /// The version it stands for from now on
    #[arg(value_name = "NAME@VERSION", required_unless_present = "remove")]
    model: Option<String>,
    /// Remove the label
    #[arg(long, conflicts_with = "model")]
    remove: bool,
    #[command(flatten)]
    target: Target,
}

pub(super) fn run(args: &Args) -> Result<ExitCode> {
    let config = args.target.config()?;
    let data_type = args.target.data_type(&config)?;
    let mut log = Log::open(&config)?;
    let model = args.model.as_deref().map(|text| id(&data_type, text)).transpose()?;
    if let Some(model) = &model
        && !log.history.catalog().models(&data_type).any(|known| known.id == *model)
    {
        bail!("there is no model `{model}`, or it was retired; `sandstream model list` shows what there is");
    }
    if model.is_none() && log.history.catalog().label(&data_type, &args.label).is_none() {
        bail!("`{data_type}` has no label `{}`", args.label);
    }
    let key = Key::Label { data_type: data_type.clone(), label: args.label.clone() };
    let value = model.as_ref().map(|model| {
        let (name, version) = (model.name.clone(), model.version.clone());
        Label { data_type: data_type.clone(), label: args.label.clone(), name, version }.encode_to_vec()
    });
    let expects = Some(log.history.catalog().revision());
    let (revision, effect) = log.write(Write { key: Some(&key), value: value.as_deref(), expects })?;
    let report = Report::new(format!("label {} of {data_type} (revision {revision})", args.label), args.target.json);
    let report = report.with("label", json!(args.label)).with("revision", json!(revision));
    let shown = model.map(|model| model.to_string());
    let report = report.with("model", json!(shown));
    match effect {
        Err(refused) => report.refused(&refused.reason),
        Ok(_) => report.done("Labelled", &shown.map_or("removed".to_owned(), |model| format!("stands for {model}"))),
    }
}
