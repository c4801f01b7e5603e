//! `sandstream model list`: the models of the control log, and how far each host has got with them.

use std::process::ExitCode;

use anyhow::Result;
use serde_json::{Value, json};

use super::Target;
use super::log::Log;
use super::status::Notice;
use crate::cli::table::{Table, print};
use crate::lifecycle::{Announced, Strategy};

#[derive(clap::Args)]
#[command(after_help = "Example:
  sandstream model list --config wine.toml

A host that is down is shown with what it said last.")]
pub(super) struct Args {
    #[command(flatten)]
    target: Target,
}

pub(super) fn run(args: &Args) -> Result<ExitCode> {
    let config = args.target.config()?;
    let log = Log::open(&config)?;
    let catalog = log.history.catalog();
    let only = args.target.data_type.as_deref();
    let mut table = Table::new(&["data type", "name", "version", "revision", "type", "digest", "", "hosts"]);
    let mut all = Vec::new();
    for data_type in catalog.data_types().filter(|name| only.is_none_or(|only| only == *name)) {
        for model in catalog.models(data_type) {
            let entry = entry(&log, model);
            let hosts = entry["hosts"].as_array().into_iter().flatten();
            let hosts: Vec<_> = hosts.map(|host| format!("{} {}", text(&host["host"]), text(&host["state"]))).collect();
            table.row([
                data_type.to_owned(),
                model.id.name.clone(),
                model.id.version.clone(),
                model.revision.to_string(),
                model.model_type(),
                text(&entry["digest"]).chars().take("sha256:".len() + 12).collect(),
                marks(&entry),
                if hosts.is_empty() { "none has spoken of it".to_owned() } else { hosts.join(", ") },
            ]);
            all.push(entry);
        }
    }
    print(args.target.json, &Value::Array(all), &table)?;
    Ok(ExitCode::SUCCESS)
}

/// Everything known of a model.
pub(super) fn entry(log: &Log, model: &Announced) -> Value {
    let (id, catalog) = (&model.id, log.history.catalog());
    let notices: Vec<&Notice> = log.states.of(&id.data_type, model.revision).collect();
    let host = |notice: &&Notice| {
        let said = &notice.said;
        json!({
            "host": notice.place, "state": said.state, "stage": said.stage, "reason": said.reason, "since": said.since,
        })
    };
    // Only hosts know the digest of a file that was announced without one.
    let digest = model.digest.map(|digest| digest.to_string());
    let digest = digest.or_else(|| notices.iter().find_map(|notice| notice.said.digest.clone()));
    let itself = Strategy::Pinned { name: id.name.clone(), version: id.version.clone() };
    let (in_force, _) = catalog.deployment(&id.data_type);
    let labels = catalog.labels(&id.data_type).filter(|(_, (name, version))| *name == id.name && *version == id.version);
    json!({
        "dataType": id.data_type,
        "name": id.name,
        "version": id.version,
        "revision": model.revision,
        "type": model.model_type(),
        "description": model.description(),
        "digest": digest,
        "live": notices.iter().any(|notice| notice.is("Live")),
        "pinned": in_force.strategy == itself,
        "labels": labels.map(|(label, _)| label).collect::<Vec<_>>(),
        "hosts": notices.iter().map(host).collect::<Vec<_>>(),
    })
}

fn marks(entry: &Value) -> String {
    let marked = |name: &str| (entry[name] == true).then(|| name.to_owned());
    let labels = entry["labels"].as_array().into_iter().flatten().map(|label| format!("={}", text(label)));
    ["live", "pinned"].into_iter().filter_map(marked).chain(labels).collect::<Vec<_>>().join(" ")
}

pub(super) fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| if value.is_null() { String::new() } else { value.to_string() }, str::to_owned)
}
