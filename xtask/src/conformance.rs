//! `cargo xtask conformance`: what four clients observe of the broker for development, and of Apache Kafka, has to be the same, line by
//! line, and what `trials/conformance/expected` says. librdkafka's part is the host's own tests on Kafka, run on both.

mod client;
mod kcat;

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Result, bail};
use clap::ValueEnum;

use crate::dev::Dev;
use crate::kafka::Started;
use crate::workspace;
pub(crate) use client::Client;

#[derive(clap::Args)]
#[command(after_help = "Examples:
  cargo xtask conformance                            all four clients on both brokers
  cargo xtask conformance --on dev --client java")]
pub(crate) struct Args {
    /// The broker [default: both]
    #[arg(long = "on", value_enum)]
    brokers: Vec<On>,
    /// The client [default: all]
    #[arg(long = "client", value_enum)]
    clients: Vec<Client>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum On {
    /// The broker for development.
    Dev,
    /// Apache Kafka.
    Kafka,
}

impl On {
    fn name(self) -> &'static str {
        match self {
            Self::Dev => "devbroker",
            Self::Kafka => "Apache Kafka",
        }
    }
}

/// A broker that ends when this is dropped.
enum Broker {
    Dev(Dev),
    Kafka(Started),
}

impl Broker {
    fn address(&self) -> &str {
        match self {
            Self::Dev(dev) => dev.address(),
            Self::Kafka(kafka) => kafka.address(),
        }
    }
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let brokers = if args.brokers.is_empty() { vec![On::Dev, On::Kafka] } else { args.brokers.clone() };
    let clients = if args.clients.is_empty() { Client::ALL.to_vec() } else { args.clients.clone() };
    let all = check(&brokers, &clients)?;
    Ok(ExitCode::from(u8::from(!all)))
}

/// Whether all these clients observe what is expected on all these brokers.
pub(crate) fn check(brokers: &[On], clients: &[Client]) -> Result<bool> {
    let (mut all, mut table) = (true, Vec::new());
    for &on in brokers {
        let broker = match on {
            On::Dev => Broker::Dev(Dev::start(&[])?),
            On::Kafka => Broker::Kafka(Started::alone()?),
        };
        for &client in clients {
            let began = Instant::now();
            let verdict = client.observe(broker.address()).and_then(|seen| compare(client, on, &seen));
            all &= verdict.is_ok();
            let verdict = verdict.unwrap_or_else(|error| format!("WRONG: {error:#}"));
            table.push(format!("{:<13} {:<7} {:>5.1} s  {verdict}", on.name(), client.name(), began.elapsed().as_secs_f64()));
        }
    }
    table.iter().for_each(|line| println!("{line}"));
    Ok(all)
}

/// Compares what was observed with what is expected, if it is lines.
fn compare(client: Client, on: On, seen: &str) -> Result<String> {
    let Some(expected) = client.expected()? else { return Ok(seen.to_owned()) };
    let facts = |text: &str| -> BTreeMap<String, String> {
        let split = |line: &str| line.split_once(": ").map(|(name, outcome)| (name.to_owned(), outcome.to_owned()));
        text.lines().map(|line| split(line).unwrap_or_else(|| (line.trim_end_matches(':').to_owned(), String::new()))).collect()
    };
    let (expected, seen) = (facts(&expected), facts(seen));
    let mut wrong = 0;
    for name in expected.keys().chain(seen.keys().filter(|name| !expected.contains_key(*name))) {
        let shown = |from: &BTreeMap<String, String>| from.get(name).cloned().unwrap_or_else(|| "(nothing)".to_owned());
        if expected.get(name) != seen.get(name) {
            wrong += 1;
            eprintln!("{} on {}: {name}\n  expected {}\n  observed {}", client.name(), on.name(), shown(&expected), shown(&seen));
        }
    }
    if wrong > 0 {
        bail!("{wrong} of {} facts are not as expected", expected.len());
    }
    Ok(format!("{} facts as expected", expected.len()))
}

fn folder() -> std::path::PathBuf {
    workspace::root().join("trials/conformance")
}
