//! The compiler of the guests: one of two, each leaving a `rustc` with a standard library for wasm32-unknown-unknown.

mod debian;
mod rustup;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::{Source, plugins};
use crate::workspace;

const TARGET: &str = "wasm32-unknown-unknown";

/// A compiler that can build guests.
pub(crate) struct Toolchain {
    /// Names source, compiler and the version of what wraps core modules; equal identity means equal bytes.
    pub(crate) identity: String,
    source: Source,
    /// The compiler to give to cargo, if not cargo's own.
    rustc: Option<PathBuf>,
    /// The linker, if the compiler does not bring its own.
    linker: Option<PathBuf>,
}

/// The toolchain from `source`, fetched or built if need be. Without a choice: rustup where it can fetch, otherwise Debian.
pub(crate) fn find(source: Option<Source>) -> Result<Toolchain> {
    let toolchain = match source {
        Some(Source::Rustup) => rustup::find()?,
        Some(Source::Debian) => debian::find()?,
        None => rustup::find().or_else(|error| {
            eprintln!("rustup cannot provide {TARGET} ({error:#}); taking Debian's compiler");
            debian::find()
        })?,
    };
    eprintln!("guest toolchain: {}", toolchain.identity);
    Ok(toolchain)
}

impl Toolchain {
    fn new(source: Source, rustc: Option<PathBuf>, linker: Option<PathBuf>) -> Result<Self> {
        let version = output(Command::new(rustc.as_deref().unwrap_or(Path::new("rustc"))).arg("-V").current_dir(plugins()))?;
        let name = if source == Source::Rustup { "rustup" } else { "debian" };
        Ok(Self { identity: format!("{name}: {}", version.trim()), source, rustc, linker })
    }

    /// Where this toolchain's components go when they are not committed.
    pub(crate) fn components(&self) -> Result<PathBuf> {
        Ok(self.folder()?.join("components"))
    }

    fn folder(&self) -> Result<PathBuf> {
        let name = if self.source == Source::Rustup { "rustup" } else { "debian" };
        Ok(workspace::cache()?.join("guests").join(name))
    }

    /// Builds the guests' workspace; gives the folder of the core modules.
    pub(crate) fn build(&self) -> Result<PathBuf> {
        workspace::run(cargo(None).args(["fetch", "--locked", "--quiet"]))?;
        let target = self.folder()?.join("target");
        let mut cargo = cargo(self.rustc.as_deref());
        cargo.args(["build", "--locked", "--release", "--quiet", "--workspace", "--target", TARGET, "--target-dir"]).arg(&target);
        cargo.env("RUSTFLAGS", remapped()?);
        if let Some(linker) = &self.linker {
            cargo.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker);
        }
        workspace::run(&mut cargo)?;
        Ok(target.join(TARGET).join("release"))
    }
}

/// cargo in the guests' workspace, free of the settings that belong to the host's build: a cargo that runs this program has set
/// some, and they would win over ours or name a processor that is not ours.
fn cargo(rustc: Option<&Path>) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(plugins());
    for name in [
        "CARGO_BUILD_RUSTFLAGS",
        "CARGO_ENCODED_RUSTFLAGS",
        "CARGO_INCREMENTAL",
        "CARGO_TARGET_DIR",
        "LD_LIBRARY_PATH",
        "RUSTC_BOOTSTRAP",
        "RUSTC_WORKSPACE_WRAPPER",
        "RUSTC_WRAPPER",
        "RUSTFLAGS",
    ] {
        command.env_remove(name);
    }
    if let Some(rustc) = rustc {
        command.env("RUSTC", rustc);
    }
    command
}

/// Flags that keep this machine's paths out of panic messages, and so out of the components' bytes.
fn remapped() -> Result<String> {
    let sources = cargo_home()?.join("registry/src");
    let mut flags = format!("--remap-path-prefix={}=/guest", plugins().display());
    let entries = fs::read_dir(&sources).with_context(|| format!("cannot list {}", sources.display()))?;
    for entry in entries {
        flags += &format!(" --remap-path-prefix={}=/crates", entry?.path().display());
    }
    Ok(flags)
}

fn cargo_home() -> Result<PathBuf> {
    match (env::var_os("CARGO_HOME"), env::var_os("HOME")) {
        (Some(folder), _) => Ok(folder.into()),
        (None, Some(home)) => Ok(Path::new(&home).join(".cargo")),
        (None, None) => bail!("set CARGO_HOME or HOME: cargo's folder is unknown"),
    }
}

/// Runs a command to its end and gives what it printed.
fn output(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("cannot start {:?}", command.get_program()))?;
    if !output.status.success() {
        bail!("{command:?} ended with {}: {}", output.status, String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8(output.stdout)?)
}
