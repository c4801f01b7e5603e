//! Where things are, and how other programs are started.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};

/// The checkout that cargo runs this xtask for; it may have been compiled in another one that shares the target folder.
pub(crate) fn root() -> PathBuf {
    let folder = env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
    folder.parent().map(Path::to_path_buf).unwrap_or_default()
}

/// The folder for everything that is fetched or built and outlives a checkout.
pub(crate) fn cache() -> Result<PathBuf> {
    Ok(sandstream_kit::cache_folder()?)
}

/// cargo, in the checkout, with the target folder in the cache unless the caller has chosen one.
pub(crate) fn cargo() -> Result<Command> {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root()).env("CARGO_TARGET_DIR", target()?);
    Ok(command)
}

/// Where cargo builds.
pub(crate) fn target() -> Result<PathBuf> {
    match env::var_os("CARGO_TARGET_DIR") {
        Some(folder) => Ok(root().join(folder)),
        None => Ok(cache()?.join("target")),
    }
}

/// Runs a command to its end and fails if it does.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot start {:?}", command.get_program()))?;
    if !status.success() {
        bail!("{command:?} ended with {status}");
    }
    Ok(())
}

/// A program of this workspace, built. The whole workspace is, as tests build it: a part of it would ask for other features of the
/// heavy crates and compile them again.
pub(crate) fn program(name: &str) -> Result<PathBuf> {
    run(cargo()?.args(["build", "--quiet", "--release", "--workspace", "--bins"]))?;
    Ok(target()?.join("release").join(name))
}

/// Builds the programs; the folder they lie in.
pub(crate) fn programs() -> Result<PathBuf> {
    // The whole workspace, as tests build it: a part of it would ask for other features of the heavy crates and compile them again.
    run(cargo()?.args(["build", "--quiet", "--release", "--workspace", "--bins"]))?;
    Ok(target()?.join("release"))
}

/// Runs a program of `trials` with these words; its exit code becomes ours.
pub(crate) fn trial(words: &[String]) -> Result<ExitCode> {
    let built = programs()?;
    let program = built.join("sandstream-trials");
    let mut trial = Command::new(&program);
    // It asks xtask for a Kafka of its own; the program that runs here may just have been built anew and lie nowhere any more.
    trial.args(words).env("SANDSTREAM_XTASK", built.join("xtask")).env("SANDSTREAM_ROOT", root());
    let status = trial.status().with_context(|| format!("cannot start {}", program.display()))?;
    Ok(ExitCode::from(u8::try_from(status.code().unwrap_or(1)).unwrap_or(1)))
}
