//! The clients, and how each is run.

use std::fs;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;

use super::{folder, kcat};
use crate::{kafka, python, workspace};

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Client {
    /// librdkafka as the host has it: the host's own tests on Kafka.
    Librdkafka,
    /// Debian's kcat.
    Kcat,
    /// Apache Kafka's own client.
    Java,
    /// Confluent's client for Python.
    Python,
}

/// The host's tests that want a Kafka and nothing of it that only Apache Kafka has.
const TESTS: &[&str] =
    &["kafka_link", "kafka_rebalance", "kafka_topics", "lane_on_both", "run_kafka", "cli_check", "cli_drain", "cli_models"];

impl Client {
    pub(crate) const ALL: [Self; 4] = [Self::Librdkafka, Self::Kcat, Self::Java, Self::Python];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Librdkafka => "librdkafka",
            Self::Kcat => "kcat",
            Self::Java => "java",
            Self::Python => "python",
        }
    }

    /// The lines that are expected, of those that print lines.
    pub(super) fn expected(self) -> Result<Option<String>> {
        if self == Self::Librdkafka {
            return Ok(None);
        }
        let file = folder().join("expected").join(format!("{}.txt", self.name()));
        fs::read_to_string(&file).map(Some).with_context(|| format!("cannot read {}", file.display()))
    }

    /// What it observes of a broker.
    pub(super) fn observe(self, address: &str) -> Result<String> {
        match self {
            Self::Librdkafka => {
                let mut tests = workspace::cargo()?;
                tests.args(["test", "--release", "--workspace", "--quiet"]).env("SANDSTREAM_TEST_KAFKA", address);
                for test in TESTS {
                    tests.args(["--test", test]);
                }
                tests.stdout(Stdio::null());
                workspace::run(&mut tests)?;
                Ok(format!("the host's tests {} pass", TESTS.join(", ")))
            }
            Self::Kcat => {
                let topics = output(Command::new(folder().join("kcat.sh")).arg("--topics"))?;
                output(script()?.arg(address).arg("--topics").args(topics.split_whitespace()))?;
                output(kcat::environment(Command::new(folder().join("kcat.sh")).arg(address))?)
            }
            Self::Java => output(Command::new(folder().join("java.sh")).arg(address).env("KAFKA_LIBS", kafka::jars()?)),
            Self::Python => output(script()?.arg(address)),
        }
    }
}

/// The Python script, in the environment of the Python package.
fn script() -> Result<Command> {
    let environment = python::environment(&workspace::root().join("clients/python/requirements-dev.txt"))?;
    let mut python = Command::new(environment.join("bin/python"));
    python.arg(folder().join("conformance.py"));
    Ok(python)
}

fn output(command: &mut Command) -> Result<String> {
    let out = command.stderr(Stdio::inherit()).output().with_context(|| format!("cannot start {:?}", command.get_program()))?;
    if !out.status.success() {
        bail!("{:?} ended with {}", command.get_program(), out.status);
    }
    Ok(String::from_utf8(out.stdout)?)
}
