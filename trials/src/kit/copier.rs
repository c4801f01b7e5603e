//! The pass-through as a process of its own, started like a host.

use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use clap::ValueEnum;

use super::hosts::await_running;
use super::process::Running;
use super::world::World;
use crate::passthrough::{Guarantee, ProfileName};

/// What differs between pass-throughs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct How {
    pub(crate) delivery: Guarantee,
    pub(crate) profile: ProfileName,
    /// Length of a value it writes: that of a host's result.
    pub(crate) bytes: usize,
    pub(crate) producers: u8,
}

/// Starts a pass-through from the world's input to `output` and waits until it has joined `group`.
pub(crate) fn start(world: &World, group: &str, output: &str, how: How) -> Result<Running> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["passthrough", "--brokers", &world.brokers, "--input", &world.input(), "--output", output]);
    command.args(["--group", group, "--delivery", &word(&how.delivery), "--profile", &word(&how.profile)]);
    command.args(["--bytes", &how.bytes.to_string(), "--producers", &how.producers.to_string()]);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().context("cannot start the pass-through")?;
    let lines = child.stdout.take().context("stdout is piped")?;
    let mut process = Running::new(child);
    await_running(lines, &mut process).context("the pass-through")?;
    Ok(process)
}

/// A value as the command line has it.
fn word(value: &impl ValueEnum) -> String {
    value.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}
