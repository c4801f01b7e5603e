//! A copy of the checkout as a reader has it after `git clone`, with what was changed here and is not committed yet.

use std::ffi::OsStr;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::workspace;

/// Files of the checkout, relative to its root: tracked, or new and not ignored.
pub(super) fn files() -> Result<Vec<PathBuf>> {
    let mut git = Command::new("git");
    git.current_dir(workspace::root()).args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
    let listed = git.output().context("cannot start git")?;
    if !listed.status.success() {
        bail!("git does not list the files of {}: {}", workspace::root().display(), String::from_utf8_lossy(&listed.stderr));
    }
    let names = listed.stdout.split(|byte| *byte == 0).filter(|name| !name.is_empty());
    Ok(names.map(|name| PathBuf::from(OsStr::from_bytes(name))).collect())
}

/// Copies them to a folder that is made anew.
pub(super) fn copy(files: &[PathBuf], to: &Path) -> Result<()> {
    match fs::remove_dir_all(to) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("cannot delete {}", to.display()));
        }
        _ => {}
    }
    let root = workspace::root();
    for file in files.iter().filter(|file| root.join(file).is_file()) {
        let target = to.join(file);
        if let Some(parent) = target.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::copy(root.join(file), &target).with_context(|| format!("cannot copy {} to {}", file.display(), target.display()))?;
    }
    Ok(())
}
