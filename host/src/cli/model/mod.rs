//! `sandstream model`: models are published, looked at, rolled back and retired by records of the control log. A command writes
//! one record and waits until the hosts say on the status topic what came of it.

mod deploy;
mod examine;
pub(super) mod grants;
mod label;
mod large;
mod list;
mod log;
mod publish;
mod retire;
mod rollback;
mod show;
mod status;
mod unpin;
mod wait;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::config::{self, Config};
use crate::types::{ModelId, nearest};

#[derive(clap::Args)]
#[command(after_help = "Examples:
  sandstream model publish --config wine.toml --data-type wine --version 2 wine-forest.wasm
  sandstream model list --config wine.toml --json
  sandstream model rollback --config wine.toml --data-type wine")]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Announce a model, and wait until hosts say what came of it.
    Publish(Box<publish::Args>),
    /// Show the models of the control log and their states.
    List(list::Args),
    /// Show everything known of a model.
    Show(show::Args),
    /// Take a model out of service.
    Retire(retire::Args),
    /// Go back to the version that was live before, and stay there.
    Rollback(rollback::Args),
    /// Lift a pin: the latest version that is fit answers again.
    Unpin(unpin::Args),
    /// Give a version a name, such as `champion`.
    Label(label::Args),
}

/// Where to look, and for what.
#[derive(clap::Args)]
struct Target {
    /// The configuration; its [kafka] and [control] say where the control log is
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// The data type [default: the configuration's, where it has one only]
    #[arg(long, value_name = "NAME")]
    data_type: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// How long to wait for the hosts.
#[derive(clap::Args)]
struct Patience {
    /// How long to wait for hosts to say what came of it
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = duration)]
    wait: Duration,
    /// Write the record, and do not wait for the hosts
    #[arg(long, conflicts_with = "wait")]
    no_wait: bool,
}

pub(super) fn run(args: &Args) -> Result<ExitCode> {
    match &args.command {
        Command::Publish(args) => publish::run(args),
        Command::List(args) => list::run(args),
        Command::Show(args) => show::run(args),
        Command::Retire(args) => retire::run(args),
        Command::Rollback(args) => rollback::run(args),
        Command::Unpin(args) => unpin::run(args),
        Command::Label(args) => label::run(args),
    }
}

impl Target {
    fn config(&self) -> Result<Config> {
        Ok(Config::load(&self.config)?)
    }

    /// The data type that is meant. A configuration without types, for those who only publish, knows all names.
    fn data_type(&self, config: &Config) -> Result<String> {
        let declared = || config.types.iter().map(|spec| spec.data_type.as_str());
        match (&self.data_type, config.types.as_slice()) {
            (Some(name), types) if types.is_empty() || declared().any(|known| known == name) => Ok(name.clone()),
            (Some(name), _) => {
                let near = nearest(name, declared()).unwrap_or_default();
                bail!("--data-type {name}: {} has no [types.{name}]; the nearest is `{near}`", self.config.display())
            }
            (None, [only]) => Ok(only.data_type.clone()),
            (None, types) => bail!("expected --data-type NAME: {} declares {} data types", self.config.display(), types.len()),
        }
    }

    /// How to call another command on the same.
    fn words(&self, data_type: &str) -> String {
        format!("--config {} --data-type {data_type}", self.config.display())
    }
}

/// Reads `NAME@VERSION`; a name may hold an `@`, a version does not.
fn id(data_type: &str, text: &str) -> Result<ModelId> {
    let (name, version) = text.rsplit_once('@').with_context(|| format!("expected NAME@VERSION, got `{text}`"))?;
    if name.is_empty() || version.is_empty() {
        bail!("expected NAME@VERSION, got `{text}`");
    }
    Ok(ModelId { data_type: data_type.to_owned(), name: name.to_owned(), version: version.to_owned() })
}

fn duration(text: &str) -> Result<Duration, String> {
    config::duration(text).ok_or_else(|| format!("expected a time such as 500ms, 60s or 5min, got `{text}`"))
}
