//! C: zig's clang from PyPI, which brings its own libc for wasm32. One path for everyone: a clang that happens to be installed
//! seldom has a libc for wasm32 beside it.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::Command;

use super::{Cost, Language};
use crate::component::{Beside, with_contract, without_debug, wrap};
use crate::fetch::{Wheel, wheel};
use crate::process::run;
use crate::project::Project;
use crate::{Error, wasi};

const ZIG: Wheel = Wheel {
    name: "ziglang",
    version: "0.17.1",
    sha256: &[
        "ea6cc5d87b033cf0aedfbc8f9549a908cae6c50ac31f1698188fa48a74524b54", // x86_64
        "b7c5f02fccd40f89b999ee16a1f5ddced56e6182370f8affe494bcf8a28cf07e", // aarch64
    ],
    size: "90 MB, 411 MB unpacked",
};

/// Fast, and with function names, so that a trap's backtrace can be read; a module that is called, not a program that runs.
const FLAGS: [&str; 9] = [
    "-target",
    "wasm32-wasi",
    "-mexec-model=reactor",
    "-std=gnu17",
    "-O3",
    "-Wall",
    "-Wextra",
    // Zig would take 16 MiB of every session's memory for it.
    "-Wl,-z,stack-size=524288",
    "-fno-sanitize=all",
];

pub(super) struct C;

impl Language for C {
    fn name(&self) -> &'static str {
        "c"
    }

    fn source(&self) -> &'static str {
        "model.c"
    }

    fn tools(&self) -> &'static str {
        "python3 with venv, to fetch zig's C compiler 0.17.1 from PyPI (90 MB, 411 MB unpacked); nothing is installed"
    }

    fn cost(&self) -> Cost {
        Cost { component: "27 KiB", row: "4 ns", memory: "1 MiB", compile: "0.1 s", build: "0.3 s, the first time in 30 s" }
    }

    fn without_wasi(&self) -> &'static str {
        "`sandstream build` answers what libc asks for inside of the component"
    }

    fn build(&self, project: &Project) -> Result<Vec<u8>, Error> {
        let zig = wheel(&ZIG)?.modules.join("ziglang/zig");
        let (build, core) = (project.build(), project.build().join("core.wasm"));
        fs::create_dir_all(&build).map_err(Error::file("make", &build))?;
        let mut cc = Command::new(zig);
        cc.arg("cc").args(FLAGS).arg("-I").arg(&project.folder).arg("-o").arg(&core);
        for folder in [project.folder.clone(), project.folder.join("sandstream")] {
            cc.args(sources(&folder)?);
        }
        // What zig builds of its libc once serves every project.
        let cache = crate::cache::folder()?.join("kit/zig-cache");
        run(cc.env("ZIG_GLOBAL_CACHE_DIR", &cache).env("ZIG_LOCAL_CACHE_DIR", &cache))?;
        let core = fs::read(&core).map_err(Error::file("read", &core))?;
        // Zig's linker would drop the names with it.
        wrap(&with_contract(without_debug(&core))?, &[Beside::Adapter { bytes: &wasi::stub()? }])
    }
}

/// The C files in a folder, in the order of their names, so that the same sources make the same component.
fn sources(folder: &Path) -> Result<Vec<OsString>, Error> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(Error::file("list", folder))? {
        let path = entry.map_err(Error::file("list", folder))?.path();
        if path.extension().is_some_and(|ending| ending == "c") {
            found.push(path.into_os_string());
        }
    }
    found.sort();
    Ok(found)
}
