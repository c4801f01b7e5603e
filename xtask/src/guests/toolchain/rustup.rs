//! The host's own compiler, with the wasm32 target that rustup fetches.

use std::process::Command;

use anyhow::{Context, Result, bail};

use super::super::{Source, plugins};
use super::{TARGET, Toolchain, output};

/// Fetches the target where it is not installed.
pub(super) fn find() -> Result<Toolchain> {
    let installed = output(rustup().args(["target", "list", "--installed"]))?;
    if !installed.lines().any(|target| target == TARGET) {
        let added = rustup().args(["target", "add", TARGET]).output().context("cannot start rustup")?;
        if !added.status.success() {
            let words = String::from_utf8_lossy(&added.stderr);
            bail!("rustup target add {TARGET}: {}", words.lines().last().unwrap_or("failed"));
        }
    }
    Toolchain::new(Source::Rustup, None, None)
}

/// rustup for the toolchain of this folder. A server that does not answer must not hold up the other way for long.
fn rustup() -> Command {
    let mut command = Command::new("rustup");
    command.current_dir(plugins()).env("RUSTUP_MAX_RETRIES", "0").env("RUSTUP_DOWNLOAD_TIMEOUT", "60");
    command
}
