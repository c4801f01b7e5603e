//! Debian's compiler for browsers' builds, `rustc-web`: current, and to be had wherever Debian's packages are. It comes without a
//! standard library for wasm32, so that is built once, from Debian's sources, and laid where the compiler looks for it.
//!
//! Packages are unpacked into the cache and never installed.

use std::fs::{self, File, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Source, TARGET, Toolchain, cargo, cargo_home};
use crate::process::{output, run};
use crate::{Error, cache};

/// The toolchain in the cache, made if it is not there.
pub(super) fn find() -> Result<Toolchain, Error> {
    let parent = cache::folder()?.join("guest-toolchain");
    fs::create_dir_all(&parent).map_err(Error::file("make", &parent))?;
    let root = match finished(&parent)? {
        Some(root) => root,
        None => {
            // Two at a time would be in each other's way in apt's own lock, and one would work for nothing.
            let _alone = alone(&parent)?;
            match finished(&parent)? {
                Some(root) => root,
                None => make(&parent)?,
            }
        }
    };
    Toolchain::new(Source::Debian, Some(root.join("rustc")), Some(root.join("wasm-ld")))
}

/// A lock on the folder, for as long as what is given is kept. Whoever holds it works for a minute or two, and its end, however it
/// comes, frees it.
fn alone(parent: &Path) -> Result<File, Error> {
    let path = parent.join("lock");
    let file = File::options().write(true).create(true).truncate(false).open(&path).map_err(Error::file("open", &path))?;
    match file.try_lock() {
        Ok(()) => return Ok(file),
        Err(TryLockError::WouldBlock) => eprintln!("another build is making Debian's compiler ready: waiting for it"),
        Err(TryLockError::Error(reason)) => return Err(Error::file("lock", &path)(reason)),
    }
    file.lock().map_err(Error::file("lock", &path))?;
    Ok(file)
}

/// The newest finished toolchain: the folder gets its name only when it is complete.
fn finished(parent: &Path) -> Result<Option<PathBuf>, Error> {
    let mut found = Vec::new();
    for entry in fs::read_dir(parent).map_err(Error::file("list", parent))? {
        let path = entry.map_err(Error::file("list", parent))?.path();
        let named = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("debian-"));
        if named && path.join("rustc").exists() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found.pop())
}

fn make(parent: &Path) -> Result<PathBuf, Error> {
    if !Path::new("/usr/bin/apt-get").exists() {
        return Err(Error::Missing {
            tool: "a Rust compiler with a standard library for wasm32-unknown-unknown",
            what: "rustup has none, and this is no Debian whose own could be taken".to_owned(),
            todo: "run `rustup target add wasm32-unknown-unknown`",
        });
    }
    eprintln!("fetching Debian's rustc-web and building its wasm32 standard library: 140 MB, 1 GB unpacked, a minute or two");
    let new = parent.join(format!("new-{}", std::process::id()));
    fs::create_dir_all(&new).map_err(Error::file("make", &new))?;
    let made = unpack(&new).and_then(|llvm| wrap(&new, &llvm)).and_then(|()| build_std(&new));
    if let Err(error) = made {
        // What is half made is of no use to the next attempt.
        let _ = fs::remove_dir_all(&new);
        return Err(error);
    }
    let version = output(Command::new(new.join("rustc")).arg("-V"))?;
    let root = parent.join(format!("debian-{}", version.split(' ').nth(1).unwrap_or("unknown")));
    fs::rename(&new, &root).map_err(Error::file("rename", &new))?;
    Ok(root)
}

/// Downloads and unpacks the packages; gives LLVM's major version. The names carry versions that move with Debian's security
/// updates, so they are read from the dependencies of those that do not.
fn unpack(new: &Path) -> Result<String, Error> {
    if let Err(error) = output(Command::new("apt-get").args(["update", "-q"])) {
        eprintln!("apt-get update failed, going on with the package lists there are: {error:#}");
    }
    let std = dependency("libstd-rust-web-dev", "libstd-rust-web-")?;
    let llvm = dependency(&std, "libllvm")?;
    let version = llvm.trim_start_matches("libllvm").to_owned();
    let packages = ["rustc-web", "libstd-rust-web-dev", &std, "rust-web-src", &llvm, &format!("lld-{version}")];
    let folder = new.join("deb");
    fs::create_dir_all(&folder).map_err(Error::file("make", &folder))?;
    output(Command::new("apt-get").args(["download", "-q"]).args(packages).current_dir(&folder))?;
    for entry in fs::read_dir(&folder).map_err(Error::file("list", &folder))? {
        let package = entry.map_err(Error::file("list", &folder))?.path();
        output(Command::new("dpkg").arg("-x").arg(package).arg(new))?;
    }
    fs::remove_dir_all(&folder).map_err(Error::file("remove", &folder))?;
    Ok(version)
}

/// The package that `package` depends on whose name is `prefix` and a version.
fn dependency(package: &str, prefix: &str) -> Result<String, Error> {
    let known = output(Command::new("apt-cache").args(["depends", package]))?;
    let versioned = |name: &&str| name.strip_prefix(prefix).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    let found = known.lines().filter_map(|line| line.split_once("Depends: ")).map(|(_, name)| name.trim()).find(versioned);
    found.map(str::to_owned).ok_or_else(|| Error::Missing {
        tool: "Debian's rustc-web",
        what: format!("its package {package} depends on no {prefix}*"),
        todo: "run `apt-get update` as root, or `rustup target add wasm32-unknown-unknown`",
    })
}

/// The folder of shared libraries below `usr/lib`, which Debian calls after the processor: `x86_64-linux-gnu`, `aarch64-linux-gnu`. It
/// is the one with the compiler's own.
fn libraries(new: &Path) -> Result<String, Error> {
    let lib = new.join("usr/lib");
    for entry in fs::read_dir(&lib).map_err(Error::file("list", &lib))? {
        let folder = entry.map_err(Error::file("list", &lib))?.path();
        // What cannot be listed is a file, and not the folder.
        let mut files = fs::read_dir(&folder).into_iter().flatten().flatten();
        if files.any(|file| file.file_name().to_string_lossy().starts_with("librustc_driver"))
            && let Some(name) = folder.file_name()
        {
            return Ok(name.to_string_lossy().into_owned());
        }
    }
    Err(Error::Missing {
        tool: "Debian's rustc-web",
        what: format!("{}/*/ has no librustc_driver for {}", lib.display(), std::env::consts::ARCH),
        todo: "run `rustup target add wasm32-unknown-unknown`",
    })
}

/// Writes `rustc` and `wasm-ld`, which find their libraries wherever the folder lies.
fn wrap(new: &Path, llvm: &str) -> Result<(), Error> {
    let libraries = libraries(new)?;
    for (name, program) in [("rustc", "usr/bin/rustc"), ("wasm-ld", &format!("usr/lib/llvm-{llvm}/bin/wasm-ld"))] {
        let script = format!(
            "#!/bin/sh\n\
             here=$(CDPATH= cd -- \"$(dirname -- \"$0\")\" && pwd)\n\
             LD_LIBRARY_PATH=\"$here/usr/lib/{libraries}:$here/usr/lib/llvm-{llvm}/lib\" exec \"$here/{program}\" \"$@\"\n"
        );
        let path = new.join(name);
        fs::write(&path, script).map_err(Error::file("write", &path))?;
        fs::set_permissions(&path, Permissions::from_mode(0o755)).map_err(Error::file("make a program of", &path))?;
    }
    Ok(())
}

/// Builds the standard library through an empty crate. `embed-bitcode` is what makes it fit for link-time optimisation.
fn build_std(new: &Path) -> Result<(), Error> {
    let seed = new.join("seed");
    seed_crate(&seed).map_err(Error::file("write", &seed))?;
    let flags = format!(
        "-C embed-bitcode=yes -C codegen-units=1 --remap-path-prefix={}=/rust --remap-path-prefix={}=/crates",
        new.join("usr/lib/rustlib/src/rust").display(),
        cargo_home()?.join("registry/src").display()
    );
    let target = new.join("target");
    run(cargo(&seed, Some(&new.join("rustc")))
        .env("RUSTC_BOOTSTRAP", "1")
        .env("RUSTFLAGS", flags)
        .args(["build", "--quiet", "--release", "--target", TARGET, "-Z", "build-std=std,panic_abort", "--target-dir"])
        .arg(&target))?;
    let library = new.join("usr/lib/rustlib").join(TARGET).join("lib");
    let built = target.join(TARGET).join("release/deps");
    lay_down(&built, &library).map_err(Error::file("copy the standard library to", &library))?;
    fs::remove_dir_all(&seed).map_err(Error::file("remove", &seed))?;
    fs::remove_dir_all(&target).map_err(Error::file("remove", &target))
}

fn seed_crate(seed: &Path) -> io::Result<()> {
    fs::create_dir_all(seed.join("src"))?;
    fs::write(seed.join("src/lib.rs"), "#![no_std]\n")?;
    let manifest = "[package]\nname = \"seed\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\
                    [workspace]\n[profile.release]\npanic = \"abort\"\n";
    fs::write(seed.join("Cargo.toml"), manifest)
}

/// Copies what was built, but for the empty crate, to where the compiler looks for it.
fn lay_down(built: &Path, library: &Path) -> io::Result<()> {
    fs::create_dir_all(library)?;
    for entry in fs::read_dir(built)? {
        let path = entry?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let of_std = name.starts_with("lib") && !name.starts_with("libseed");
        if of_std && (name.ends_with(".rlib") || name.ends_with(".rmeta")) {
            fs::copy(&path, library.join(&name))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn the_wrapper_names_the_libraries_of_the_processor_that_was_unpacked() {
        for processor in ["x86_64-linux-gnu", "aarch64-linux-gnu"] {
            let new = tempfile::tempdir().unwrap();
            let lib = new.path().join("usr/lib");
            fs::create_dir_all(lib.join("llvm-19/bin")).unwrap();
            assert!(wrap(new.path(), "19").unwrap_err().to_string().contains("has no librustc_driver"));
            fs::create_dir_all(lib.join(processor)).unwrap();
            fs::write(lib.join(processor).join("librustc_driver-0123.so"), "").unwrap();
            wrap(new.path(), "19").unwrap();
            let script = fs::read_to_string(new.path().join("rustc")).unwrap();
            assert!(script.contains(&format!("$here/usr/lib/{processor}:$here/usr/lib/llvm-19/lib")), "{script}");
        }
    }

    #[test]
    fn a_second_build_waits_for_the_first() {
        let parent = tempfile::tempdir().unwrap();
        let first = alone(parent.path()).unwrap();
        let (path, waiting) = (parent.path().to_path_buf(), std::sync::Barrier::new(2));
        std::thread::scope(|scope| {
            let second = scope.spawn(|| {
                waiting.wait();
                alone(&path).map(|_| finished(&path).unwrap().is_some()).unwrap()
            });
            waiting.wait();
            let root = path.join("debian-1.0");
            fs::create_dir_all(&root).unwrap();
            fs::write(root.join("rustc"), "").unwrap();
            drop(first);
            assert!(second.join().unwrap(), "it finds what the first one made");
        });
    }
}
