//! `sandstream run`: the host.

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::Ordering;

use anyhow::{Context, Result};
use serde_json::json;

use super::signals;
use crate::app::Host;
use crate::config::Config;

#[derive(clap::Args)]
#[command(after_help = "Examples:
  sandstream run --config examples/wine/json.toml
  SANDSTREAM__STREAMS__WINE__LANES=4 sandstream run --config wine.toml --log-format json

When every lane has joined its group, one line goes to stdout: {\"event\":\"running\",..}. SIGTERM or SIGINT drains: what is in
hand is committed, the groups are left, exit code 0. A second one ends the process at once.")]
pub(super) struct Args {
    /// The configuration
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

pub(super) fn run(args: &Args) -> Result<ExitCode> {
    let config = Config::load(&args.config)?;
    let stop = signals::stop_flag()?;
    let host = Host::start(&config, &stop)?;
    if !stop.load(Ordering::Relaxed) {
        announce(&host).context("stdout")?;
    }
    host.run(&stop)?;
    Ok(ExitCode::SUCCESS)
}

/// What waits for the host reads this line.
fn announce(host: &Host) -> io::Result<()> {
    let streams: Vec<_> =
        host.streams().iter().map(|stream| json!({ "name": stream.name, "lanes": stream.stats.len() })).collect();
    let admin = host.admin().map(|address| address.to_string());
    let mut out = io::stdout().lock();
    // The order of the members is part of what scripts look for.
    writeln!(
        out,
        "{{\"event\":\"running\",\"pid\":{},\"admin\":{},\"streams\":{}}}",
        std::process::id(),
        json!(admin),
        json!(streams)
    )?;
    out.flush()
}
