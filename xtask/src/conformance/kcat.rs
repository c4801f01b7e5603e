//! kcat as it is installed, or Debian's, unpacked into the cache with the libraries it wants.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::workspace;

const PACKAGES: [&str; 8] = ["kcat", "librdkafka1", "libyajl2", "liblz4-1", "libsasl2-2", "libssl3", "libzstd1", "zlib1g"];

/// Tells a command where kcat is.
pub(super) fn environment(command: &mut Command) -> Result<&mut Command> {
    let installed = Command::new("kcat").arg("-V").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if installed.is_ok_and(|status| status.success()) {
        return Ok(command);
    }
    let folder = workspace::cache()?.join("tools/kcat");
    if !folder.join("usr/bin/kcat").exists() {
        unpack(&folder).context("kcat is neither installed nor to be had as a package of Debian's")?;
    }
    let libraries = ["usr/lib", "lib"].map(|base| folder.join(base).join(format!("{}-linux-gnu", std::env::consts::ARCH)));
    let libraries = std::env::join_paths(&libraries)?;
    // A name of its own: the libraries are for kcat alone.
    let program = folder.join("kcat");
    let script = format!(
        "#!/bin/sh\nLD_LIBRARY_PATH={:?} exec {:?} \"$@\"\n",
        libraries.to_string_lossy(),
        folder.join("usr/bin/kcat").display().to_string()
    );
    fs::write(&program, script)?;
    workspace::run(Command::new("chmod").arg("+x").arg(&program))?;
    Ok(command.env("KCAT", program))
}

fn unpack(folder: &Path) -> Result<()> {
    if !Path::new("/usr/bin/apt-get").exists() {
        bail!("this is no Debian: install kcat");
    }
    let new = folder.with_extension(format!("new-{}", std::process::id()));
    fs::create_dir_all(&new)?;
    let download = || {
        let mut apt = Command::new("apt-get");
        apt.args(["download", "--quiet"]).args(PACKAGES).current_dir(&new).stdout(Stdio::null());
        apt
    };
    // Lists that are missing or old are fetched, which may need to be root.
    if !download().stderr(Stdio::null()).status()?.success() {
        let _ = Command::new("apt-get").args(["update", "--quiet"]).stdout(Stdio::null()).status();
        workspace::run(&mut download())?;
    }
    for entry in fs::read_dir(&new)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "deb") {
            workspace::run(Command::new("dpkg").arg("-x").arg(&path).arg(&new))?;
            fs::remove_file(&path)?;
        }
    }
    let _ = fs::remove_dir_all(folder);
    Ok(fs::rename(&new, folder)?)
}
