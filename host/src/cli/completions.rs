//! `sandstream completions`: what a shell has to know to complete this program's commands and options.

use std::io::{self, Write as _};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Command, CommandFactory as _};
use clap_complete::Shell;

use super::Cli;

#[derive(clap::Args)]
#[command(after_help = "Examples:
  sandstream completions bash > ~/.local/share/bash-completion/completions/sandstream
  sandstream completions zsh  > ~/.zfunc/_sandstream          # with `fpath+=~/.zfunc` before `compinit` in .zshrc
  sandstream completions fish > ~/.config/fish/completions/sandstream.fish")]
pub(super) struct Args {
    /// The shell
    shell: Shell,
}

pub(super) fn run(args: &Args) -> Result<ExitCode> {
    // The generator panics where it cannot write; a closed pipe is an error like any other.
    io::stdout().lock().write_all(&script(args.shell, Cli::command())).context("stdout")?;
    Ok(ExitCode::SUCCESS)
}

fn script(shell: Shell, mut command: Command) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, "sandstream", &mut script);
    script
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use clap::ValueEnum as _;

    use super::*;

    #[test]
    fn every_shell_knows_every_command() {
        for shell in Shell::value_variants() {
            let text = String::from_utf8(script(*shell, Cli::command())).unwrap();
            for command in Cli::command().get_subcommands().filter(|command| !command.is_hide_set()) {
                assert!(text.contains(command.get_name()), "{shell}: nothing about `{}`", command.get_name());
            }
        }
    }
}
