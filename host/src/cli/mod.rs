//! The command line: one file per command. Results go to stdout, everything else to stderr. Exit code 0: done; 1: failed or
//! misused; 2: done, but some input was refused.

mod broker;
mod check;
mod completions;
mod demo;
mod dlq;
mod kit;
mod logging;
mod man;
mod model;
mod model_file;
mod pipe;
mod run;
mod score;
mod signals;
mod table;

use std::process::ExitCode;
use std::time::Instant;

use clap::{Parser, Subcommand};

/// Done, but some input was refused.
const SOME_REFUSED: u8 = 2;

#[derive(Parser)]
#[command(
    name = "sandstream",
    version,
    about = "Streams Kafka records through sandboxed WebAssembly scoring modules",
    after_help = "Examples:
  sandstream demo                                              # the first minute, nothing to install
  sandstream pipe --config examples/wine/json.toml --models plugins/prebuilt < wine.jsonl
  sandstream run --config examples/wine/json.toml              # the streams of a configuration, on your Kafka
  sandstream model publish --help                              # every command has examples of its own"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    logging: logging::Args,
}

#[derive(Subcommand)]
enum Command {
    /// Run the streams of a configuration until SIGTERM.
    Run(run::Args),
    /// Check a configuration, the topics it names, and models for it; in a guest's folder, the guest.
    Check(check::Args),
    /// Watch a stream of real records and models that are swapped in front of your eyes; nothing to install.
    Demo(demo::Args),
    /// Run a small Kafka-protocol broker on loopback, for development.
    Broker(broker::Args),
    /// Publish, list, roll back and retire models.
    Model(model::Args),
    /// Look at the records that could not be scored.
    Dlq(dlq::Args),
    /// Run a stream between files, without Kafka: records in, results out, models from a folder that is watched.
    Pipe(pipe::Args),
    /// Score the rows of a file with a model, without Kafka.
    Score(score::Args),
    /// Make the folder of a new guest: a model of your own, in a language you know.
    New(kit::new::Args),
    /// Build a guest into a component.
    Build(kit::build::Args),
    /// Compare a guest's answers with its golden file.
    Test(kit::test::Args),
    /// Measure what a guest costs: time, memory, the way over the border.
    Bench(kit::bench::Args),
    /// Print what a shell has to know to complete commands and options.
    Completions(completions::Args),
    /// Print the manual page, or write one for every command.
    Man(man::Args),
}

/// Reads the arguments and does what they say.
#[must_use]
pub fn main() -> ExitCode {
    let began = Instant::now();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are answers, not errors; clap's own exit code 2 means something else here.
            let code = if error.use_stderr() { ExitCode::FAILURE } else { ExitCode::SUCCESS };
            let _ = error.print();
            return code;
        }
    };
    cli.logging.start();
    let done = match &cli.command {
        Command::Run(args) => run::run(args),
        Command::Check(args) => check::run(args),
        Command::Demo(args) => demo::run(args, began),
        Command::Broker(args) => broker::run(args),
        Command::Model(args) => model::run(args),
        Command::Dlq(args) => dlq::run(args),
        Command::Pipe(args) => pipe::run(args),
        Command::Score(args) => score::run(args),
        Command::New(args) => kit::new::run(args),
        Command::Build(args) => kit::build::run(args),
        Command::Test(args) => kit::test::run(args),
        Command::Bench(args) => kit::bench::run(args),
        Command::Completions(args) => completions::run(args),
        Command::Man(args) => man::run(args),
    };
    done.unwrap_or_else(|error| {
        eprintln!("sandstream: {error:#}");
        ExitCode::FAILURE
    })
}

#[cfg(test)]
mod tests {
    use clap::{Command, CommandFactory as _};

    use super::Cli;

    fn without_examples(command: &Command, found: &mut Vec<String>) {
        let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        if !after.contains("Example") || !after.contains("sandstream ") {
            found.push(command.get_display_name().unwrap_or_else(|| command.get_name()).to_owned());
        }
        command.get_subcommands().filter(|command| command.get_name() != "help").for_each(|below| without_examples(below, found));
    }

    #[test]
    fn every_command_shows_examples() {
        let (mut command, mut found) = (Cli::command(), Vec::new());
        command.build();
        without_examples(&command, &mut found);
        assert!(found.is_empty(), "no examples in the help of {}", found.join(", "));
    }
}
