//! `cargo xtask demo`: builds sandstream and runs `sandstream demo`, on its own broker or on a real Kafka that is started for it.

use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::ValueEnum;

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
    /// What `sandstream demo` is to be told besides
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "OPTIONS")]
    rest: Vec<String>,
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
    let kafka = if args.broker == On::Kafka { Some(Started::alone()?) } else { None };
    let mut demo = std::process::Command::new(workspace::programs()?.join("sandstream"));
    demo.arg("demo").args(&args.rest);
    if let Some(kafka) = &kafka {
        demo.args(["--brokers", kafka.address()]);
    }
    let status = demo.status().context("cannot start sandstream")?;
    Ok(ExitCode::from(u8::try_from(status.code().unwrap_or(1)).unwrap_or(1)))
}

/// The short form: everything is published, refused and rolled back, and every record counted; no time is judged.
pub(crate) fn short(broker: On) -> Result<Outcome> {
    let rest = ["--plain", "--seconds", "12", "--rate", "2000"].map(str::to_owned).to_vec();
    let passed = run(&Args { broker, rest })? == ExitCode::SUCCESS;
    Ok(if passed { Outcome::Passed } else { Outcome::Failed("cargo xtask demo".to_owned()) })
}
