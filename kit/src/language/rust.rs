//! Rust: cargo, with rustup's wasm32 target or Debian's compiler. The SDK is not on crates.io, so it comes with the project.

use std::fs;

use super::{Cost, Language, template};
use crate::component::wrap;
use crate::project::{File, Project};
use crate::{Error, embedded, toolchain};

/// Where the SDK lies in a project. Its crates keep their own small workspace, laid out as in the checkout, so that what they say
/// about each other holds.
const SDK: &str = "sandstream-guest";

/// The project's own manifest. The template's is a member of the guests' workspace, which a project is not.
const MANIFEST: &str = include_str!("../../tools/rust/Cargo.toml");

pub(super) struct Rust;

impl Language for Rust {
    fn name(&self) -> &'static str {
        "rust"
    }

    fn source(&self) -> &'static str {
        "src/lib.rs"
    }

    fn tools(&self) -> &'static str {
        "cargo 1.95 or newer; the standard library for wasm32 comes from rustup (20 MB), or from Debian's rustc-web (140 MB, 1 GB \
         unpacked) where rustup cannot fetch it"
    }

    fn cost(&self) -> Cost {
        Cost { component: "78 KiB", row: "7 ns", memory: "1 MiB", compile: "0.1 s", build: "2 s, the first time in 30 s" }
    }

    fn without_wasi(&self) -> &'static str {
        "`sandstream build` compiles for wasm32-unknown-unknown, which has none; a crate that needs a clock, files or randomness \
         cannot be used"
    }

    fn files(&self) -> Vec<File> {
        let mut files = template(self.name());
        files.retain(|file| file.path != "Cargo.toml");
        files.push(file("Cargo.toml", MANIFEST.as_bytes()));
        // What the SDK was tested with; cargo adds the project to it and drops what it does not need.
        files.push(file("Cargo.lock", embedded::text("plugins/Cargo.lock").as_bytes()));
        for folder in ["plugins/sdk", "wit"] {
            files.extend(embedded::under(folder).map(|(path, content)| file(&format!("{SDK}/{folder}/{path}"), content)));
        }
        files.push(file(&format!("{SDK}/plugins/Cargo.toml"), workspace().as_bytes()));
        files
    }

    fn build(&self, project: &Project) -> Result<Vec<u8>, Error> {
        toolchain::check_cargo()?;
        let toolchain = toolchain::find(None)?;
        eprintln!("compiling with {}", toolchain.identity);
        // Where a compiler of another version builds the same crates, cargo builds them again by itself.
        let folder = project.folder.canonicalize().map_err(Error::file("find", &project.folder))?;
        toolchain::fetch(&folder, false)?;
        let cores = toolchain.build(&folder, &folder.join("build/cargo"), &[])?;
        let core = cores.join(format!("{}.wasm", project.name.replace('-', "_")));
        wrap(&fs::read(&core).map_err(Error::file("read", &core))?, &[])
    }
}

fn file(path: &str, content: &[u8]) -> File {
    File { path: path.to_owned(), content: content.to_vec() }
}

/// The guests' workspace with no member but the SDK.
fn workspace() -> String {
    let mut text = String::new();
    let mut in_members = false;
    for line in embedded::text("plugins/Cargo.toml").lines() {
        in_members |= line.starts_with("members = [");
        if !in_members {
            text += line;
            text.push('\n');
        } else if line.ends_with(']') {
            in_members = false;
            text += "members = [\"sdk\"]\n";
        }
    }
    text
}
