//! A real Apache Kafka for one trial, started and wiped by `cargo xtask kafka`.

use std::ffi::OsString;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

use super::world::checkout;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// A Kafka that runs already [default: one is started and wiped at the end]
    #[arg(long, value_name = "HOST:PORT")]
    brokers: Option<String>,
    /// Port of the Kafka that is started; the two that follow are used too
    #[arg(long, default_value_t = 29292)]
    port: u16,
}

/// A broker; one that was started for the trial is wiped when this is dropped.
pub(crate) struct Broker {
    pub(crate) address: String,
    /// `None`: it was there before, and its process is nobody's business here.
    ours: Option<Ours>,
}

struct Ours {
    port: u16,
    pid: i32,
}

impl Broker {
    pub(crate) fn start(args: &Args) -> Result<Self> {
        if let Some(address) = &args.brokers {
            return Ok(Self { address: address.clone(), ours: None });
        }
        // What an interrupted trial left behind would make figures of two trials differ.
        kafka("wipe", args.port)?;
        let address = kafka("up", args.port)?.trim().to_owned();
        let status = kafka("status", args.port)?;
        let pid = status.lines().find_map(|line| line.strip_prefix("pid=")).and_then(|pid| pid.parse().ok());
        let Some(pid) = pid else { bail!("`cargo xtask kafka status` names no process: {status}") };
        Ok(Self { address, ours: Some(Ours { port: args.port, pid }) })
    }

    /// How long a member of a group may be silent before the others get its partitions, milliseconds: the least that a stock broker
    /// allows, or less on our own.
    pub(crate) fn session_ms(&self) -> u32 {
        if self.ours.is_some() { 3000 } else { 6000 }
    }

    /// Sends a signal, SIGSTOP and SIGCONT above all.
    pub(crate) fn signal(&self, signal: Signal) -> Result<()> {
        let ours = self.ours.as_ref().context("the broker was not started by this trial, so it is not signalled")?;
        let pid = Pid::from_raw(ours.pid).context("a process has a number")?;
        kill_process(pid, signal).with_context(|| format!("signal to the broker (pid {})", ours.pid))
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        if let Some(ours) = &self.ours
            && let Err(error) = kafka("wipe", ours.port)
        {
            eprintln!("{error:#}");
        }
    }
}

/// Runs `cargo xtask kafka <word>`; what it prints.
fn kafka(word: &str, port: u16) -> Result<String> {
    let mut command = match std::env::var_os("SANDSTREAM_XTASK") {
        Some(program) => Command::new(program),
        None => {
            let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")));
            cargo.current_dir(checkout()).arg("xtask");
            cargo
        }
    };
    command.args(["kafka", word, "--port"]).arg(port.to_string());
    let out = command.stderr(Stdio::piped()).output().context("cannot start xtask")?;
    if !out.status.success() {
        bail!("xtask kafka {word}: {}", String::from_utf8_lossy(&out.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&out.stdout).into_owned())
}
