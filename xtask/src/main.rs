//! The project's own commands: `cargo xtask <command>`. Programs that measure the host or try to break it live in `trials` and
//! are started from here too, so that there is one place to ask.

#![allow(clippy::disallowed_methods, reason = "it starts other programs and watches them, which takes naps")]

mod conformance;
mod demo;
mod dev;
mod docs;
mod examples;
mod fuzz;
mod guests;
mod kafka;
mod native;
mod onnx;
mod python;
mod test;
mod wheel;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "sandstream's own commands", disable_help_subcommand = true)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// The first minute: real records through models that are swapped in front of your eyes, on a broker for development.
    Demo(demo::Args),
    /// Four clients on the broker for development and on Apache Kafka: they have to observe the same.
    Conformance(conformance::Args),
    /// README and book: build it, follow its links, run its commands.
    Docs(docs::Args),
    /// Networks out of packages of PyPI, with preprocessing of their own as WASM around them.
    #[command(subcommand)]
    Examples(examples::Command),
    /// What reads models from outside, on what a coverage-guided fuzzer comes up with.
    Fuzz(fuzz::Args),
    /// The guests in `plugins`: build them, compare them with the committed components.
    #[command(subcommand)]
    Guests(guests::Command),
    /// A real Apache Kafka on loopback.
    #[command(subcommand)]
    Kafka(kafka::Command),
    /// The node tests of ONNX: what is accepted has to be right.
    OnnxConformance(onnx::Args),
    /// Fetches ONNX Runtime's library from PyPI and prints its path, for `onnxruntime` in `[backends]`.
    Onnxruntime,
    /// The Python package: lints, and its tests on a broker for development.
    Python,
    /// Everything that has to hold: format, bans, lints, tests on a real Kafka, guests rebuilt and compared.
    Test(test::Args),
    /// Programs of `trials`: sim, bench, kill, hostile, pressure.
    #[command(external_subcommand)]
    Trial(Vec<String>),
}

fn main() -> anyhow::Result<ExitCode> {
    match Args::parse().command {
        Command::Demo(args) => demo::run(&args),
        Command::Conformance(args) => conformance::run(&args),
        Command::Docs(args) => docs::run(&args),
        Command::Examples(command) => examples::run(&command),
        Command::Fuzz(args) => fuzz::run(&args),
        Command::Guests(command) => guests::run(&command),
        Command::Kafka(command) => kafka::run(&command),
        Command::OnnxConformance(args) => onnx::run(&args),
        Command::Onnxruntime => native::onnxruntime(),
        Command::Python => python::test().map(|()| ExitCode::SUCCESS),
        Command::Test(args) => test::run(&args),
        Command::Trial(words) if words.starts_with(&["bench".to_owned(), "native".to_owned()]) => native::bench(&words),
        Command::Trial(words) => workspace::trial(&words),
    }
}
