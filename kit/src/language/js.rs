//! JavaScript: QuickJS inside of the component, by `componentize-qjs` of npm. It brings the engine; nothing is compiled.

use std::fs;
use std::process::Command;

use super::{Cost, Language, write_contract};
use crate::Error;
use crate::fetch::{Package, package};
use crate::process::output;
use crate::project::Project;

const QJS: Package = Package {
    name: "componentize-qjs",
    version: "0.4.5",
    manifest: include_str!("../../tools/js/package.json"),
    lock: include_str!("../../tools/js/package-lock.json"),
    size: "15 MB, 38 MB unpacked",
};

pub(super) struct JavaScript;

impl Language for JavaScript {
    fn name(&self) -> &'static str {
        "js"
    }

    fn source(&self) -> &'static str {
        "model.js"
    }

    fn tools(&self) -> &'static str {
        "node 18 or newer and npm, to fetch componentize-qjs 0.4.5 (15 MB, 38 MB unpacked); nothing is installed"
    }

    fn cost(&self) -> Cost {
        Cost { component: "1.6 MiB", row: "590 ns", memory: "2 MiB", compile: "2 s", build: "2 s" }
    }

    fn without_wasi(&self) -> &'static str {
        "`sandstream build` runs `componentize-qjs --stub-wasi --sync`, which leaves none; of componentize-js, `-d random -d stdio \
         -d clocks -d http -d fetch-event` does"
    }

    fn build(&self, project: &Project) -> Result<Vec<u8>, Error> {
        let missing = |error: Error| Error::Missing {
            tool: "node 18 or newer",
            what: format!("cannot be run ({error})"),
            todo: "install Node.js with npm (Debian: apt-get install nodejs npm)",
        };
        output(Command::new("node").arg("--version")).map_err(missing)?;
        let tool = package(&QJS)?.join("node_modules/componentize-qjs/bin/componentize-qjs");
        let (contract, made) = (write_contract(project)?, project.build().join("made.wasm"));
        let mut node = Command::new("node");
        node.arg(tool).arg("--wit").arg(contract).arg("--js").arg(project.folder.join("sandstream/main.js"));
        node.arg("--module-root").arg(&project.folder).args(["--stub-wasi", "--sync", "--output"]).arg(&made);
        output(&mut node)?;
        fs::read(&made).map_err(Error::file("read", &made))
    }
}
