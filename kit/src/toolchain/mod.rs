//! The compiler of Rust guests: one of two, each leaving a `rustc` with a standard library for wasm32-unknown-unknown.

mod debian;
mod rustup;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::{output, run};
use crate::{Error, cache};

const TARGET: &str = "wasm32-unknown-unknown";

/// Where the compiler comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// `rustup target add wasm32-unknown-unknown` for the host's own compiler.
    Rustup,
    /// Debian's `rustc-web`, unpacked into the cache, with a wasm32 standard library built from its sources.
    Debian,
}

impl Source {
    fn name(self) -> &'static str {
        match self {
            Self::Rustup => "rustup",
            Self::Debian => "debian",
        }
    }
}

/// A compiler that can build Rust guests.
pub struct Toolchain {
    /// Names source and compiler; equal identity means equal bytes.
    pub identity: String,
    source: Source,
    /// The compiler to give to cargo, if not cargo's own.
    rustc: Option<PathBuf>,
    /// The linker, if the compiler does not bring its own.
    linker: Option<PathBuf>,
}

/// The toolchain from `source`, fetched or built if need be. Without a choice: rustup where it can fetch, otherwise Debian.
///
/// # Errors
/// Neither can be had; the last one's reason.
pub fn find(source: Option<Source>) -> Result<Toolchain, Error> {
    match source {
        Some(Source::Rustup) => rustup::find(),
        Some(Source::Debian) => debian::find(),
        None => rustup::find().or_else(|error| {
            eprintln!("rustup cannot provide {TARGET} ({error}); taking Debian's compiler");
            debian::find()
        }),
    }
}

impl Toolchain {
    fn new(source: Source, rustc: Option<PathBuf>, linker: Option<PathBuf>) -> Result<Self, Error> {
        let version = output(Command::new(rustc.as_deref().unwrap_or(Path::new("rustc"))).arg("-V"))?;
        Ok(Self { identity: format!("{}: {}", source.name(), version.trim()), source, rustc, linker })
    }

    /// The folder in the cache for what this toolchain builds of the project's own guests.
    ///
    /// # Errors
    /// There is no cache.
    pub fn folder(&self) -> Result<PathBuf, Error> {
        Ok(cache::folder()?.join("guests").join(self.source.name()))
    }

    /// Builds the crates of `workspace`, with these further arguments of cargo's, into `target`; gives the folder of the core
    /// modules.
    ///
    /// # Errors
    /// The compiler's; its words are on stderr.
    pub fn build(&self, workspace: &Path, target: &Path, words: &[&str]) -> Result<PathBuf, Error> {
        let mut cargo = cargo(workspace, self.rustc.as_deref());
        cargo.args(["build", "--release", "--quiet", "--target", TARGET]).args(words).arg("--target-dir").arg(target);
        cargo.env("RUSTFLAGS", remapped(workspace)?);
        if let Some(linker) = &self.linker {
            cargo.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker);
        }
        run(&mut cargo)?;
        Ok(target.join(TARGET).join("release"))
    }
}

/// Whether there is a cargo: every toolchain is driven by it.
pub(crate) fn check_cargo() -> Result<(), Error> {
    let missing = |error: Error| Error::Missing {
        tool: "cargo",
        what: format!("cannot be run ({error})"),
        todo: "install Rust 1.95 or newer from rustup.rs",
    };
    output(cargo(Path::new("."), None).arg("--version")).map(|_| ()).map_err(missing)
}

/// Downloads what the crates of `workspace` depend on: where their sources lie is part of how they are built.
///
/// # Errors
/// cargo's; its words are on stderr.
pub fn fetch(workspace: &Path, locked: bool) -> Result<(), Error> {
    let mut cargo = cargo(workspace, None);
    run(cargo.args(["fetch", "--quiet"]).args(locked.then_some("--locked")))
}

/// cargo in a guest's folder, free of the settings that belong to the host's build: a cargo that runs this program has set some,
/// and they would win over ours or name a processor that is not ours.
fn cargo(folder: &Path, rustc: Option<&Path>) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(folder);
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
fn remapped(workspace: &Path) -> Result<String, Error> {
    let sources = cargo_home()?.join("registry/src");
    let mut flags = format!("--remap-path-prefix={}=/guest", workspace.display());
    for entry in fs::read_dir(&sources).map_err(Error::file("list", &sources))? {
        let entry = entry.map_err(Error::file("list", &sources))?;
        flags += &format!(" --remap-path-prefix={}=/crates", entry.path().display());
    }
    Ok(flags)
}

fn cargo_home() -> Result<PathBuf, Error> {
    match (env::var_os("CARGO_HOME"), env::var_os("HOME")) {
        (Some(folder), _) => Ok(folder.into()),
        (None, Some(home)) => Ok(Path::new(&home).join(".cargo")),
        (None, None) => Err(Error::Missing {
            tool: "cargo's folder",
            what: "neither CARGO_HOME nor HOME is set".to_owned(),
            todo: "set one of them",
        }),
    }
}
