//! Python: CPython inside of the component, by `componentize-py` of PyPI. It brings the interpreter; nothing is compiled.

use std::fs;
use std::process::Command;

use super::{Cost, Language, write_contract};
use crate::Error;
use crate::fetch::{Wheel, wheel};
use crate::process::output;
use crate::project::Project;

const COMPONENTIZE: Wheel = Wheel {
    name: "componentize-py",
    version: "0.25.1",
    sha256: &[
        "8623cd8cab8453cb0cd8bf03f3c7103420d06f2f3d360186a280a70a1ca5e89f", // x86_64
        "7b6a87c520358166843af0daa86d2312d7af4cbcbbf1e598951085cf7f2991ca", // aarch64
    ],
    size: "34 MB, 46 MB unpacked",
};

pub(super) struct Python;

impl Language for Python {
    fn name(&self) -> &'static str {
        "python"
    }

    fn source(&self) -> &'static str {
        "model.py"
    }

    fn tools(&self) -> &'static str {
        "python3 with venv, to fetch componentize-py 0.25.1 from PyPI (34 MB, 46 MB unpacked); nothing is installed"
    }

    fn cost(&self) -> Cost {
        Cost { component: "18 MiB", row: "1,400 ns", memory: "13 MiB", compile: "13 s", build: "10 s" }
    }

    fn without_wasi(&self) -> &'static str {
        "`sandstream build` runs `componentize-py componentize --stub-wasi`, which leaves none"
    }

    fn build(&self, project: &Project) -> Result<Vec<u8>, Error> {
        let tool = wheel(&COMPONENTIZE)?;
        let (contract, made) = (write_contract(project)?, project.build().join("made.wasm"));
        let mut python = Command::new(tool.python);
        // Wheels of the caller's own environment would end up in the component; hashes of texts would differ from build to build.
        python.env_remove("VIRTUAL_ENV").env("PYTHONPATH", &tool.modules).env("PYTHONHASHSEED", "0");
        python
            .args(["-c", "import sys; from componentize_py import script; sys.argv[0] = 'componentize-py'; sys.exit(script())"]);
        python.arg("--wit-path").arg(contract).args(["--world", "guest", "componentize", "--stub-wasi"]);
        python.arg("--python-path").arg(&project.folder).arg("--output").arg(&made).arg("sandstream.main");
        output(&mut python)?;
        fs::read(&made).map_err(Error::file("read", &made))
    }
}
