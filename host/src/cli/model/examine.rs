//! What hosts will make of a model, looked at before it is published: its type, what it takes and gives, which fields it is filled
//! with, what it costs, and whether it answers its goldens.

use prost::Message as _;
use serde_json::{Value, json};

use crate::app;
use crate::backend::Cost;
use crate::cli::check::findings::Findings;
use crate::cli::check::models::shown;
use crate::config::Config;
use crate::types::proto::ModelDescriptor;
use crate::types::proto::model_descriptor::ModelType;

/// How far to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Depth {
    /// It is loaded and joined with the data type.
    Loaded,
    /// It is tried and asked its goldens, too, in every stream that it would answer in.
    Tried,
}

/// Loads the model of a descriptor here, as a host would. What is wrong is a finding; nothing is published.
pub(super) fn examine(
    config: &Config,
    descriptor: &ModelDescriptor,
    depth: Depth,
    findings: &mut Findings,
) -> anyhow::Result<Value> {
    let kind = ModelType::try_from(descriptor.model_type).map_or("?", |kind| kind.as_str_name());
    let about = format!("model {}", descriptor.name);
    let (dry, streams) = app::dry_run(config, &descriptor.data_type)?;
    let model = match dry.load(descriptor.encode_to_vec()) {
        Ok(model) => model,
        Err(rejected) => {
            findings.wrong(&about, rejected.to_string());
            return Ok(json!({ "type": kind }));
        }
    };
    let signature = model.model().signature();
    findings.ok(&about, format!("{kind}, {}", model.digest()));
    findings.ok(&about, shown(signature));
    if let Some(cost) = model.model().cost() {
        findings.ok(&about, costs(cost));
    }
    if streams.is_empty() {
        findings.note(&about, format!("no stream of this configuration has the data type `{}`", descriptor.data_type));
    }
    let mut bound = Vec::new();
    for (stream, data_type) in &streams {
        let about = format!("stream {}", stream.name);
        match model.bound(stream, *data_type) {
            Err(rejected) => findings.wrong(&about, rejected.to_string()),
            Ok(inputs) => {
                for input in &inputs {
                    findings.ok(&about, format!("`{}` takes {}", input.input, fields(&input.fields)));
                }
                bound = inputs;
                if depth == Depth::Tried {
                    match model.warm(stream, *data_type) {
                        Ok(()) => findings.ok(&about, tried(model.goldens())),
                        Err(rejected) => findings.wrong(&about, rejected.to_string()),
                    }
                }
            }
        }
    }
    let bound: Vec<_> = bound.iter().map(|input| json!({ "input": input.input, "fields": input.fields })).collect();
    Ok(json!({ "type": kind, "digest": model.digest().to_string(), "bound": bound, "goldens": model.goldens() }))
}

fn tried(goldens: usize) -> String {
    match goldens {
        0 => "answers made-up rows alike in any order; it has no goldens".to_owned(),
        1 => "answers made-up rows alike in any order, and its golden as written".to_owned(),
        many => format!("answers made-up rows alike in any order, and its {many} goldens as written"),
    }
}

fn costs(cost: &Cost) -> String {
    let calls: Vec<_> = cost.calls.iter().map(|(rows, took)| format!("{rows} rows in {took:.1?}")).collect();
    let how = if cost.batched { "" } else { ", one row after the other" };
    format!("run by {}{how}: {}", cost.engine, calls.join(", "))
}

/// The first and the last of many.
fn fields(fields: &[String]) -> String {
    const SHOWN: usize = 12;
    match fields {
        all if all.len() <= SHOWN => all.join(", "),
        [first, second, .., last] => format!("{first}, {second}, .. {last} ({} columns)", fields.len()),
        few => few.join(", "),
    }
}
