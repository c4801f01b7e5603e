//! `sandstream run`: the host.

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::Ordering;

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};
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
    /// Be killed when the process with this number ends, which is the one that has started this
    #[arg(long, value_name = "PID", value_parser = clap::value_parser!(i32).range(1..), hide = true)]
    with_parent: Option<i32>,
}

pub(super) fn run(args: &Args) -> Result<ExitCode> {
    args.with_parent.map_or(Ok(()), end_with)?;
    let config = Config::load(&args.config)?;
    let stop = signals::stop_flag()?;
    let host = Host::start(&config, &stop)?;
    if !stop.load(Ordering::Relaxed) {
        announce(&host).context("stdout")?;
    }
    host.run(&stop)?;
    Ok(ExitCode::SUCCESS)
}

/// Whoever shows a host to somebody must not leave it behind, not even when it is killed itself. The kernel sends the signal when the
/// thread ends that has started this one.
fn end_with(parent: i32) -> Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL)).context("cannot be told when the parent process ends")?;
    // It may have ended before that.
    if getppid() != Pid::from_raw(parent) {
        bail!("--with-parent {parent}: this process has another parent, or it has ended");
    }
    Ok(())
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
