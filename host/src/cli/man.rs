//! `sandstream man`: manual pages, made of what `--help` says.

use std::fs;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Command, CommandFactory as _};
use clap_mangen::Man;

use super::Cli;

#[derive(clap::Args)]
#[command(after_help = "Examples:
  sandstream man --out ~/.local/share/man/man1     # then `man sandstream`, `man sandstream-model-publish`
  sandstream man | man -l -                        # the first page, without a file")]
pub(super) struct Args {
    /// Write a page for every command into this folder [default: the program's own page to stdout]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

pub(super) fn run(args: &Args) -> Result<ExitCode> {
    let Some(folder) = &args.out else {
        let (_, page) = page(whole())?;
        io::stdout().lock().write_all(&page).context("stdout")?;
        return Ok(ExitCode::SUCCESS);
    };
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    for (name, page) in pages(whole())? {
        let file = folder.join(name);
        fs::write(&file, page).with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// With the full names of commands, which clap sets when it is built, and without its own `help` command.
fn whole() -> Command {
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    command
}

/// A page for a command and each one below it: file name and contents.
fn pages(command: Command) -> Result<Vec<(String, Vec<u8>)>> {
    let below: Vec<_> = command.get_subcommands().filter(|command| !command.is_hide_set()).cloned().collect();
    let mut all = vec![page(command)?];
    for command in below {
        all.extend(pages(command)?);
    }
    Ok(all)
}

fn page(command: Command) -> Result<(String, Vec<u8>)> {
    let name = command.get_display_name().unwrap_or_else(|| command.get_name()).to_owned();
    let mut page = Vec::new();
    Man::new(command).render(&mut page).with_context(|| format!("the page of {name}"))?;
    Ok((format!("{name}.1"), page))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_a_page_with_its_examples() {
        let pages = pages(whole()).unwrap();
        for wanted in ["sandstream.1", "sandstream-pipe.1", "sandstream-model-publish.1", "sandstream-dlq-list.1"] {
            assert!(pages.iter().any(|(name, _)| name == wanted), "no {wanted}");
        }
        for (name, page) in pages {
            assert!(String::from_utf8(page).unwrap().contains("Example"), "{name} has no example");
        }
    }
}
