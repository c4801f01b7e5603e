//! `plugins/prebuilt`: the committed components and their digests.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sandstream_kit::toolchain::Toolchain;

use super::component::Component;
use super::plugins;

/// The command that brings the committed components up to date.
pub(crate) const HOW: &str = "cargo xtask guests build --guest-toolchain debian --commit";

const SUMS: &str = "SHA256SUMS";
const BUILT_BY: &str = "# built by: ";

/// What `SHA256SUMS` says.
pub(crate) struct Sums {
    /// The compiler that built all of them.
    pub(crate) toolchain: String,
    /// By the guest's name.
    pub(crate) digests: BTreeMap<String, String>,
}

pub(crate) fn folder() -> PathBuf {
    plugins().join("prebuilt")
}

pub(crate) fn read(name: &str) -> Result<Vec<u8>> {
    let path = folder().join(format!("{name}.wasm"));
    fs::read(&path).with_context(|| format!("cannot read {}: run `{HOW}`", path.display()))
}

pub(crate) fn read_sums() -> Result<Sums> {
    let path = folder().join(SUMS);
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}: run `{HOW}`", path.display()))?;
    let mut sums = Sums { toolchain: String::new(), digests: BTreeMap::new() };
    for line in text.lines() {
        if let Some(toolchain) = line.strip_prefix(BUILT_BY) {
            sums.toolchain = toolchain.to_owned();
        } else if let Some((digest, file)) = line.split_once("  ") {
            sums.digests.insert(file.trim_end_matches(".wasm").to_owned(), digest.to_owned());
        }
    }
    Ok(sums)
}

/// Writes the components and `SHA256SUMS` into `folder`, which afterwards holds no other component.
pub(crate) fn write(folder: &Path, toolchain: &Toolchain, components: &[Component]) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "wasm") {
            fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
        }
    }
    let mut sums = format!("{BUILT_BY}{}\n", toolchain.identity);
    for component in components {
        let file = format!("{}.wasm", component.name);
        sums += &format!("{}  {file}\n", component.digest());
        fs::write(folder.join(&file), &component.bytes).with_context(|| format!("cannot write {file}"))?;
    }
    fs::write(folder.join(SUMS), sums).with_context(|| format!("cannot write {SUMS}"))
}
