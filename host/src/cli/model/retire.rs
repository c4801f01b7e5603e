//! `sandstream model retire`: a record without a value under the model's key.

use std::process::ExitCode;

use anyhow::{Result, bail};
use serde_json::json;

use super::log::{Log, Write};
use super::status::REFUSED;
use super::wait::{self, Answer, Answers, Judged, Outcome, Report};
use super::{Patience, Target, id};
use crate::types::Revision;
use crate::types::control::Key;

#[derive(clap::Args)]
#[command(after_help = "Example:
  sandstream model retire --config wine.toml --data-type wine forest@7

The version that is live then is the newest one left. A retired version can never come back with other content.")]
pub(super) struct Args {
    /// The model
    #[arg(value_name = "NAME@VERSION")]
    model: String,
    #[command(flatten)]
    target: Target,
    /// Be refused if the data type has changed since this revision
    #[arg(long, value_name = "REVISION")]
    expects: Option<Revision>,
    #[command(flatten)]
    patience: Patience,
}

pub(super) fn run(args: &Args) -> Result<ExitCode> {
    let config = args.target.config()?;
    let data_type = args.target.data_type(&config)?;
    let id = id(&data_type, &args.model)?;
    let mut log = Log::open(&config)?;
    let Some(model) = log.history.catalog().models(&data_type).find(|model| model.id == id).cloned() else {
        let known: Vec<_> =
            log.history.catalog().models(&data_type).map(|model| format!("{}@{}", model.id.name, model.id.version)).collect();
        bail!(
            "there is no model `{id}` to retire; there are: {}",
            if known.is_empty() { "none".into() } else { known.join(", ") }
        );
    };
    let (revision, effect) = log.write(Write { key: Some(&Key::Model(id.clone())), value: None, expects: args.expects })?;
    let report = Report::new(format!("{id} (revision {})", model.revision), args.target.json);
    let report = report.with("model", json!(id.to_string())).with("revision", json!(revision));
    if let Err(refused) = effect {
        return report.refused(&refused.reason);
    }
    if args.patience.no_wait {
        return report.done("Retired", "retired; no host was waited for");
    }
    let answers = wait::answers(&mut log, &data_type, args.patience.wait, Answers::new(), |_, notice| {
        if notice.name == REFUSED && notice.said.revision == Some(revision) {
            return Judged::Final(Answer::of(Outcome::Failed, notice));
        }
        match notice.model() {
            Some(of) if of == model.revision && notice.is("Retired") => Judged::Final(Answer::of(Outcome::Done, notice)),
            Some(of) if of == model.revision => Judged::Pending(Answer::of(Outcome::Held, notice)),
            _ => Judged::Nothing,
        }
    })?;
    report.answered(&answers, args.patience.wait, None)
}
