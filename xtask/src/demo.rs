//! `cargo xtask demo`: builds sandstream and runs `sandstream demo`, on its own broker or on a real Kafka that is started for it.

use std::process::{Child, ExitCode, ExitStatus};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::ValueEnum;
use rustix::process::{Pid, Signal, kill_process};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use crate::kafka::Started;
use crate::test::Outcome;
use crate::workspace;

#[derive(clap::Args)]
#[command(after_help = "Examples:
  cargo xtask demo
  cargo xtask demo --seconds 20 --rate 20000 --report r.json
  cargo xtask demo --broker kafka
  cargo xtask demo --keep             and leaves it running: see `sandstream demo --help`")]
pub(crate) struct Args {
    /// The broker: sandstream's own for development, or a real Apache Kafka
    #[arg(long, value_enum, default_value = "dev")]
    broker: On,
    #[command(flatten)]
    rest: Rest,
}

/// What `sandstream demo` is told.
#[derive(clap::Args, Default)]
struct Rest {
    /// Seconds that the records stream
    #[arg(long)]
    seconds: Option<u32>,
    /// Records a second
    #[arg(long)]
    rate: Option<u32>,
    /// Where the figures go, as JSON
    #[arg(long, value_name = "FILE")]
    report: Option<std::path::PathBuf>,
    /// Leave it running at the end, until Ctrl-C
    #[arg(long)]
    keep: bool,
    /// Lines instead of a view that fills the terminal
    #[arg(long)]
    plain: bool,
}

impl Rest {
    fn words(&self) -> Vec<std::ffi::OsString> {
        let mut words: Vec<std::ffi::OsString> = Vec::new();
        let mut put = |name: &str, value: Option<std::ffi::OsString>| {
            words.push(name.into());
            words.extend(value);
        };
        self.seconds.iter().for_each(|seconds| put("--seconds", Some(seconds.to_string().into())));
        self.rate.iter().for_each(|rate| put("--rate", Some(rate.to_string().into())));
        self.report.iter().for_each(|file| put("--report", Some(file.into())));
        [("--keep", self.keep), ("--plain", self.plain)].iter().filter(|(_, on)| *on).for_each(|(name, _)| put(name, None));
        words
    }
}

/// What it runs on.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum On {
    /// The broker for development, in the demo's own process.
    Dev,
    /// Apache Kafka.
    Kafka,
}

impl On {
    /// Name of the short form among the tests.
    pub(crate) fn step(self) -> &'static str {
        match self {
            Self::Dev => "demo",
            Self::Kafka => "demo on kafka",
        }
    }
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    if args.broker == On::Kafka {
        eprintln!("starting Apache Kafka on loopback (the first time, it is fetched from Maven Central)");
    }
    // What ends the demo must not end this before Kafka is stopped. Ctrl-C reaches the demo by itself; SIGTERM is passed on.
    let (interrupted, ended) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    if args.broker == On::Kafka {
        flag::register(SIGINT, Arc::clone(&interrupted)).context("signals")?;
        flag::register(SIGTERM, Arc::clone(&ended)).context("signals")?;
    }
    let kafka = if args.broker == On::Kafka { Some(Started::alone()?) } else { None };
    let mut demo = std::process::Command::new(workspace::programs()?.join("sandstream"));
    demo.arg("demo").args(args.rest.words());
    if let Some(kafka) = &kafka {
        demo.args(["--brokers", kafka.address()]);
    }
    if interrupted.load(Ordering::Relaxed) || ended.load(Ordering::Relaxed) {
        return Ok(ExitCode::FAILURE);
    }
    let mut demo = demo.spawn().context("cannot start sandstream")?;
    let status = wait(&mut demo, &ended)?;
    Ok(ExitCode::from(u8::try_from(status.code().unwrap_or(1)).unwrap_or(1)))
}

/// Waits for the demo's end; SIGTERM is passed on.
fn wait(demo: &mut Child, ended: &AtomicBool) -> Result<ExitStatus> {
    loop {
        if let Some(status) = demo.try_wait()? {
            return Ok(status);
        }
        if ended.swap(false, Ordering::Relaxed)
            && let Some(pid) = i32::try_from(demo.id()).ok().and_then(Pid::from_raw)
        {
            kill_process(pid, Signal::TERM)?;
        }
        thread::sleep(Duration::from_millis(50));
    }
}

/// The short form: everything is published, refused and rolled back, and every record counted; no time is judged.
pub(crate) fn short(broker: On) -> Result<Outcome> {
    let rest = Rest { plain: true, seconds: Some(12), rate: Some(2000), ..Rest::default() };
    let passed = run(&Args { broker, rest })? == ExitCode::SUCCESS;
    Ok(if passed { Outcome::Passed } else { Outcome::Failed("cargo xtask demo".to_owned()) })
}
