//! How other programs are run. What a compiler says is passed through to stderr as it is; stdout belongs to results.

use std::io;
use std::process::{Command, Stdio};

use crate::Error;

/// Runs a program to its end; whatever it prints goes to stderr.
pub(crate) fn run(command: &mut Command) -> Result<(), Error> {
    let status = command.stdin(Stdio::null()).stdout(io::stderr()).status().map_err(|reason| not_started(command, &reason))?;
    if status.success() {
        return Ok(());
    }
    Err(Error::Failed { command: shown(command), status: status.to_string(), said: String::new() })
}

/// Runs a program to its end and gives what it printed.
pub(crate) fn output(command: &mut Command) -> Result<String, Error> {
    let output = command.stdin(Stdio::null()).output().map_err(|reason| not_started(command, &reason))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let said = if said.trim().is_empty() { String::new() } else { format!(": {}", said.trim()) };
    Err(Error::Failed { command: shown(command), status: output.status.to_string(), said })
}

fn not_started(command: &Command, reason: &io::Error) -> Error {
    Error::Failed { command: shown(command), status: "an error before it began".to_owned(), said: format!(": {reason}") }
}

fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}
