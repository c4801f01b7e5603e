//! `cargo xtask kafka`: a real Apache Kafka for tests, benches and the demo. One node, KRaft, loopback only, from the artifacts on
//! Maven Central. Its log is kept until `wipe`, so that a crash can be told from a loss.

mod acl;
mod broker;
mod jars;
mod secure;

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Args, Subcommand};

use crate::workspace;
use broker::{Broker, Stop};

/// Version of Apache Kafka; its classes are of Java 17.
const VERSION: &str = "4.4.0";

/// Ports of the two brokers; the controller listens on the next port, a secure listener on the one after that.
const PORT: u16 = 29092;
const PORT_SECURE: u16 = 29192;
/// Port of the broker of one trial or one demo.
const PORT_ALONE: u16 = 29292;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Start it (first use: fetch and format) and print its bootstrap address; succeeds when it runs already.
    Up(Place),
    /// Stop it; the log stays.
    Down(Place),
    /// SIGKILL; `up` recovers the log.
    Crash(Place),
    /// Print whether it runs, its address, process and folder; exit code 1 when it does not run.
    Status(Place),
    /// Stop it and delete its log.
    Wipe(Place),
}

#[derive(Args)]
pub(crate) struct Place {
    /// Folder of the log and the settings [default: <cache>/kafka/run/<port>]
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Port; the two that follow are used too [default: 29092, with --secure 29192]
    #[arg(long)]
    port: Option<u16>,
    /// A second listener with TLS, SCRAM-SHA-512 and ACLs on port + 2.
    #[arg(long)]
    secure: bool,
}

impl Place {
    fn broker(&self) -> Result<Broker> {
        let port = self.port.unwrap_or(if self.secure { PORT_SECURE } else { PORT });
        let dir = match &self.dir {
            Some(dir) => dir.clone(),
            None => workspace::cache()?.join("kafka/run").join(port.to_string()),
        };
        fs::create_dir_all(&dir).with_context(|| format!("cannot make the folder {}", dir.display()))?;
        Ok(Broker::new(dir.canonicalize()?, port, self.secure))
    }
}

pub(crate) fn run(command: &Command) -> Result<ExitCode> {
    match command {
        Command::Up(place) => up(&place.broker()?)?,
        Command::Down(place) => stop(&place.broker()?, Stop::Clean)?,
        Command::Crash(place) => stop(&place.broker()?, Stop::Kill)?,
        Command::Status(place) => return Ok(status(&place.broker()?)),
        Command::Wipe(place) => {
            let broker = place.broker()?;
            stop(&broker, Stop::Kill)?;
            broker.wipe()?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The folder of Apache Kafka's jars, its Java client's among them; fetched if they are not there.
pub(crate) fn jars() -> Result<PathBuf> {
    jars::installed()
}

/// A broker that was started for a while: what did not run before is stopped and wiped when this is dropped.
pub(crate) struct Started {
    address: String,
    ours: Vec<Broker>,
}

impl Started {
    /// The one that tests run on, and the secure one, which tests start themselves.
    pub(crate) fn for_tests() -> Result<Self> {
        let place = |secure| Place { dir: None, port: None, secure }.broker();
        let (open, secure) = (place(false)?, place(true)?);
        let address = format!("127.0.0.1:{}", open.port());
        let mut tests = Self { address, ours: Vec::new() };
        let ran = open.pid().is_some();
        if secure.pid().is_none() {
            tests.ours.push(secure);
        }
        if !ran {
            let _lock = lock(&open)?;
            open.start(&jars::installed()?)?;
            tests.ours.push(open);
        }
        Ok(tests)
    }

    /// One that nobody else uses, with an empty log.
    pub(crate) fn alone() -> Result<Self> {
        let broker = Place { dir: None, port: Some(PORT_ALONE), secure: false }.broker()?;
        let address = format!("127.0.0.1:{}", broker.port());
        {
            let _lock = lock(&broker)?;
            broker.stop(Stop::Kill)?;
            broker.wipe()?;
            fs::create_dir_all(broker.dir())?;
        }
        let _lock = lock(&broker)?;
        broker.start(&jars::installed()?)?;
        Ok(Self { address, ours: vec![broker] })
    }

    /// Bootstrap address.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        for broker in &self.ours {
            let wiped = lock(broker).and_then(|_lock| {
                broker.stop(Stop::Kill)?;
                broker.wipe()
            });
            if let Err(error) = wiped {
                eprintln!("kafka in {}: {error:#}", broker.dir().display());
            }
        }
    }
}

/// Two at a time would format and start twice: whoever comes second waits here and then finds it running.
fn lock(broker: &Broker) -> Result<File> {
    let file = File::create(broker.dir().join("lock"))?;
    file.lock().context("cannot lock the broker's folder")?;
    Ok(file)
}

fn up(broker: &Broker) -> Result<()> {
    let _lock = lock(broker)?;
    if let Some(pid) = broker.pid() {
        eprintln!("kafka runs already (pid {pid})");
    } else {
        let jars = jars::installed()?;
        broker.start(&jars)?;
    }
    if broker.secure() {
        acl::grant(broker.port())?;
    }
    print!("{}", broker.address());
    Ok(())
}

fn stop(broker: &Broker, how: Stop) -> Result<()> {
    let _lock = lock(broker)?;
    match broker.stop(how)? {
        Some(pid) => eprintln!("kafka stopped (pid {pid})"),
        None => eprintln!("kafka does not run in {}", broker.dir().display()),
    }
    Ok(())
}

fn status(broker: &Broker) -> ExitCode {
    match broker.pid() {
        Some(pid) => {
            print!("{}", broker.address());
            println!("pid={pid}\ndir={}", broker.dir().display());
            ExitCode::SUCCESS
        }
        None => {
            println!("kafka does not run in {}", broker.dir().display());
            ExitCode::FAILURE
        }
    }
}
