//! The host's own compiler, with the wasm32 target that rustup fetches.

use std::process::Command;

use super::{Source, TARGET, Toolchain};
use crate::Error;
use crate::process::output;

/// Fetches the target where it is not installed.
pub(super) fn find() -> Result<Toolchain, Error> {
    let installed = output(rustup().args(["target", "list", "--installed"]))?;
    if !installed.lines().any(|target| target == TARGET) {
        eprintln!("rustup fetches a standard library for {TARGET} (about 20 MB)");
        output(rustup().args(["target", "add", TARGET]))?;
    }
    Toolchain::new(Source::Rustup, None, None)
}

/// rustup for the toolchain that is in force. A server that does not answer must not hold up the other way for long.
fn rustup() -> Command {
    let mut command = Command::new("rustup");
    command.env("RUSTUP_MAX_RETRIES", "0").env("RUSTUP_DOWNLOAD_TIMEOUT", "60");
    command
}
