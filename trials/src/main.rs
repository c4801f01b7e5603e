//! Programs that measure sandstream and try to break it. Every one takes `--report FILE` (JSON) and prints the same figures as a
//! table. `cargo xtask <command>` starts them.

#![allow(clippy::disallowed_methods, reason = "it starts other programs and watches them, which takes naps")]

mod call;
mod hostile;
mod kill;
mod kit;
mod latency;
mod loading;
mod native;
mod passthrough;
mod pressure;
mod report;
mod sim;
mod swap;
mod throughput;
mod wrapped;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", disable_help_subcommand = true)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Hosts that are killed and started again while models are swapped; every record is to be answered once.
    Kill(kill::Args),
    /// Models that attack the host.
    Hostile(hostile::Args),
    /// A broker that stands still, and a model that is slow.
    Pressure(pressure::Args),
    /// Lanes on a broker in memory under thousands of seeded schedules of faults, rebalances, kills and swaps.
    Sim(sim::Args),
    /// Copies a topic without scoring; the benches start it.
    #[command(hide = true)]
    Passthrough(passthrough::Args),
    /// Measure.
    #[command(subcommand)]
    Bench(Bench),
}

#[derive(Subcommand)]
enum Bench {
    /// WASM against the same code native, one call, by batch size.
    Call(call::Args),
    /// What a stream notices of a large graph that is loaded for another.
    Loading(loading::Args),
    /// A network with its preprocessing as WASM against the same preprocessing native.
    Wrapped(wrapped::Args),
    /// Graphs on tract and on ONNX Runtime, bare and from records on, by batch size.
    Native(native::Args),
    /// What a swap does to the times between batches.
    Swap(swap::Args),
    /// Rate and CPU of a lane that drains a backlog, against a pass-through without scoring.
    Throughput(throughput::Args),
    /// From when a record was due to when its result is there, against a pass-through without scoring.
    Latency(latency::Args),
}

fn main() -> anyhow::Result<()> {
    match Args::parse().command {
        Command::Kill(args) => kill::run(&args),
        Command::Hostile(args) => hostile::run(&args),
        Command::Pressure(args) => pressure::run(&args),
        Command::Sim(args) => sim::run(&args),
        Command::Passthrough(args) => passthrough::run(&args),
        Command::Bench(Bench::Call(args)) => call::run(&args),
        Command::Bench(Bench::Loading(args)) => loading::run(&args),
        Command::Bench(Bench::Wrapped(args)) => wrapped::run(&args),
        Command::Bench(Bench::Native(args)) => native::run(&args),
        Command::Bench(Bench::Swap(args)) => swap::run(&args),
        Command::Bench(Bench::Throughput(args)) => throughput::run(&args),
        Command::Bench(Bench::Latency(args)) => latency::run(&args),
    }
}
