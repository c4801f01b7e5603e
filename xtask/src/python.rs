//! Python from PyPI: environments in the cache, pinned by hash, and the tests of the package in `clients/python`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use sha2::{Digest as _, Sha256};

use crate::dev::Dev;
use crate::workspace;

/// An environment with what a file of requirements names, each with its hash, and nothing else. It is made once for each content of the file.
pub(crate) fn environment(requirements: &Path) -> Result<PathBuf> {
    let wanted = fs::read(requirements).with_context(|| format!("cannot read {}", requirements.display()))?;
    let folder = workspace::cache()?.join("python").join(digest(&wanted));
    let done = folder.join("complete");
    if !done.exists() {
        eprintln!("fetching what {} names from PyPI", requirements.display());
        workspace::run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder).stdout(Stdio::null()))?;
        let mut pip = Command::new(folder.join("bin/pip"));
        pip.args(["install", "--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes", "--requirement"]);
        workspace::run(pip.arg(requirements))?;
        fs::write(&done, "")?;
    }
    Ok(folder)
}

/// A short name for a content.
pub(crate) fn digest(content: &[u8]) -> String {
    Sha256::digest(content).iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

/// Lints and tests the package, on a broker for development.
pub(crate) fn test() -> Result<()> {
    let package = workspace::root().join("clients/python");
    let bin = environment(&package.join("requirements-dev.txt"))?.join("bin");
    let cache = workspace::cache()?.join("python");
    let tool = |name: &str, words: &[&str]| {
        let mut command = Command::new(bin.join(name));
        command.current_dir(&package).args(words).env("PYTHONPATH", package.join("src")).env("PYTHONDONTWRITEBYTECODE", "1");
        command.env("MYPY_CACHE_DIR", cache.join("mypy"));
        command
    };
    workspace::run(&mut tool("ruff", &["check", "--quiet", "--no-cache", "."]))?;
    workspace::run(&mut tool("ruff", &["format", "--quiet", "--no-cache", "--check", "."]))?;
    workspace::run(&mut tool("mypy", &["--no-error-summary"]))?;
    let broker = Dev::start(&[])?;
    let mut tests = tool("pytest", &["--quiet", "-p", "no:cacheprovider"]);
    tests.env("SANDSTREAM_TEST_KAFKA", broker.address()).env("SANDSTREAM_BIN", workspace::programs()?.join("sandstream"));
    workspace::run(&mut tests)
}
