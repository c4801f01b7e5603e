//! `sandstream model show`: everything known of a model, or of all versions of a name.

use std::process::ExitCode;

use anyhow::{Result, bail};
use serde_json::{Value, json};

use super::Target;
use super::list::{entry, text};
use super::log::Log;
use crate::cli::table::{Table, print};
use crate::lifecycle::{Deployment, Strategy};

#[derive(clap::Args)]
#[command(after_help = "Examples:
  sandstream model show --config wine.toml --data-type wine forest@7
  sandstream model show --config wine.toml --data-type wine forest")]
pub(super) struct Args {
    /// The model; without a version, all its versions
    #[arg(value_name = "NAME[@VERSION]")]
    model: String,
    #[command(flatten)]
    target: Target,
}

pub(super) fn run(args: &Args) -> Result<ExitCode> {
    let config = args.target.config()?;
    let data_type = args.target.data_type(&config)?;
    let log = Log::open(&config)?;
    let catalog = log.history.catalog();
    let is_meant = |name: &str, version: &str| args.model == name || args.model == format!("{name}@{version}");
    let found: Vec<Value> = catalog
        .models(&data_type)
        .filter(|model| is_meant(&model.id.name, &model.id.version))
        .map(|model| entry(&log, model))
        .collect();
    if found.is_empty() {
        bail!("there is no model `{data_type}/{}`, or it was retired; `sandstream model list` shows what there is", args.model);
    }
    let (in_force, pending) = catalog.deployment(&data_type);
    let mut table = Table::new(&["of", "what", ""]);
    for model in &found {
        rows(model, &mut table);
    }
    let deployment = pending.as_ref().map_or_else(
        || shown(&in_force),
        |pending| format!("{} is asked for and waits for its model; {} is in force", shown(pending), shown(&in_force)),
    );
    table.row([data_type.clone(), "deployment".to_owned(), deployment.clone()]);
    print(args.target.json, &json!({ "models": found, "deployment": deployment }), &table)?;
    Ok(ExitCode::SUCCESS)
}

fn rows(model: &Value, table: &mut Table) {
    let id = format!("{}@{}", text(&model["name"]), text(&model["version"]));
    let labels: Vec<_> = model["labels"].as_array().into_iter().flatten().map(text).collect();
    let mut facts: Vec<_> =
        ["type", "description", "revision", "digest", "live", "pinned"].map(|what| (what, text(&model[what]))).into();
    facts.push(("labels", labels.join(", ")));
    for (what, fact) in facts.into_iter().filter(|(_, fact)| !fact.is_empty()) {
        table.row([id.clone(), what.to_owned(), fact]);
    }
    for host in model["hosts"].as_array().into_iter().flatten() {
        let parts = [&host["state"], &host["stage"], &host["reason"]].map(text);
        let said = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(": ");
        table.row([id.clone(), format!("on {}", text(&host["host"])), said]);
    }
}

fn shown(deployment: &Deployment) -> String {
    let at = deployment.revision.map(|revision| format!(" (revision {revision})")).unwrap_or_default();
    match &deployment.strategy {
        Strategy::Latest => format!("latest{at}"),
        Strategy::Pinned { name, version } => format!("{name}@{version} is pinned{at}"),
    }
}
