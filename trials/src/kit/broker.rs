//! The broker of one trial: a real Apache Kafka, started and wiped by `cargo xtask kafka`, or the broker for development.

use std::ffi::OsString;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use rustix::process::Signal;

use super::hosts::{await_running, program};
use super::process::{self, Running};
use super::world::checkout;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// What is started for the trial: a real Apache Kafka, or sandstream's own broker for development, in memory
    #[arg(long, value_enum, default_value = "kafka", conflicts_with = "brokers")]
    broker: Kind,
    /// A Kafka that runs already [default: one is started and wiped at the end]
    #[arg(long, value_name = "HOST:PORT")]
    brokers: Option<String>,
    /// Port of the Kafka that is started; the two that follow are used too
    #[arg(long, default_value_t = 29292)]
    port: u16,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Kind {
    Dev,
    Kafka,
}

/// A broker; one that was started for the trial is wiped when this is dropped.
pub(crate) struct Broker {
    pub(crate) address: String,
    started: Started,
}

enum Started {
    /// It was there before, and its process is nobody's business here.
    Before,
    Dev(Running),
    Kafka {
        port: u16,
        pid: u32,
    },
}

impl Broker {
    pub(crate) fn start(args: &Args) -> Result<Self> {
        match (&args.brokers, args.broker) {
            (Some(address), _) => Ok(Self { address: address.clone(), started: Started::Before }),
            (None, Kind::Dev) => Self::dev(),
            (None, Kind::Kafka) => Self::kafka(args.port),
        }
    }

    /// The broker for development, as a user starts it, keeping all that a trial writes.
    fn dev() -> Result<Self> {
        let mut command = Command::new(program()?);
        command.args(["broker", "--listen", "127.0.0.1:0", "--set", "log.retention.bytes=-1"]);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().context("cannot start the broker")?;
        let lines = child.stdout.take().context("stdout is piped")?;
        let mut process = Running::new(child);
        let said = await_running(lines, &mut process)?;
        let address = said["brokers"].as_str().context("the broker names its address")?.to_owned();
        Ok(Self { address, started: Started::Dev(process) })
    }

    fn kafka(port: u16) -> Result<Self> {
        // What an interrupted trial left behind would make figures of two trials differ.
        kafka("wipe", port)?;
        let address = kafka("up", port)?.trim().to_owned();
        let status = kafka("status", port)?;
        let pid = status.lines().find_map(|line| line.strip_prefix("pid=")).and_then(|pid| pid.parse().ok());
        let Some(pid) = pid else { bail!("`cargo xtask kafka status` names no process: {status}") };
        Ok(Self { address, started: Started::Kafka { port, pid } })
    }

    /// How long a member of a group may be silent before the others get its partitions, milliseconds: the least that a stock broker
    /// allows, or less on our own.
    pub(crate) fn session_ms(&self) -> u32 {
        if matches!(self.started, Started::Before) { 6000 } else { 3000 }
    }

    /// Sends a signal, SIGSTOP and SIGCONT above all.
    pub(crate) fn signal(&self, signal: Signal) -> Result<()> {
        match &self.started {
            Started::Before => bail!("the broker was not started by this trial, so it is not signalled"),
            Started::Dev(process) => process.signal(signal),
            Started::Kafka { pid, .. } => process::signal(*pid, signal).context("the broker"),
        }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        if let Started::Kafka { port, .. } = &self.started
            && let Err(error) = kafka("wipe", *port)
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
