//! From a guest's crate to a component.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
pub(crate) use sandstream_kit::component::digest;
use sandstream_kit::component::{Beside, interface as read, wrap};
use sandstream_kit::toolchain::{self, Toolchain};

use super::plugins;

/// A guest, built.
pub(crate) struct Component {
    /// Its crate's name.
    pub(crate) name: String,
    /// What a model's descriptor carries.
    pub(crate) bytes: Vec<u8>,
}

impl Component {
    pub(crate) fn digest(&self) -> String {
        digest(&self.bytes)
    }
}

/// Builds every guest in `plugins`, in the order of their names.
pub(crate) fn build_all(toolchain: &Toolchain) -> Result<Vec<Component>> {
    toolchain::fetch(&plugins(), true)?;
    let cores = toolchain.build(&plugins(), &toolchain.folder()?.join("target"), &["--locked", "--workspace"])?;
    let mut components = Vec::new();
    for folder in folders()? {
        let Some(name) = guest_name(&folder)? else { continue };
        let bytes = componentize(&cores, &name, &folder).with_context(|| format!("cannot make a component of {name}"))?;
        components.push(Component { name, bytes });
    }
    components.sort_by(|a, b| a.name.cmp(&b.name));
    if components.is_empty() {
        bail!("there is no guest in {}", plugins().display());
    }
    Ok(components)
}

/// The folders in which a guest may lie.
fn folders() -> Result<Vec<PathBuf>> {
    let mut folders = Vec::new();
    for parent in [plugins(), plugins().join("hostile"), plugins().join("template")] {
        let entries = fs::read_dir(&parent).with_context(|| format!("cannot list {}", parent.display()))?;
        for entry in entries {
            folders.push(entry?.path());
        }
    }
    Ok(folders)
}

/// The name of the guest whose crate this folder is. A crate that builds no `cdylib` is not a guest.
fn guest_name(folder: &Path) -> Result<Option<String>> {
    let manifest = folder.join("Cargo.toml");
    if !manifest.exists() {
        return Ok(None);
    }
    let text = fs::read_to_string(&manifest).with_context(|| format!("cannot read {}", manifest.display()))?;
    if !text.contains("cdylib") {
        return Ok(None);
    }
    let name = text.lines().find_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'));
    Ok(Some(name.with_context(|| format!("{} has no line `name = \"..\"`", manifest.display()))?.to_owned()))
}

/// Wraps a core module. Each `<module>.wat` in the guest's folder provides the core functions that the guest imports from
/// `<module>`: a way to instructions that Rust cannot express.
fn componentize(cores: &Path, name: &str, folder: &Path) -> Result<Vec<u8>> {
    let core = cores.join(format!("{}.wasm", name.replace('-', "_")));
    let core = fs::read(&core).with_context(|| format!("cannot read {}", core.display()))?;
    let mut libraries = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if let (Some("wat"), Some(module)) =
            (path.extension().and_then(|e| e.to_str()), path.file_stem().and_then(|s| s.to_str()))
        {
            libraries.push((module.to_owned(), wat::parse_file(&path)?));
        }
    }
    let beside: Vec<_> = libraries.iter().map(|(module, bytes)| Beside::Library { module, bytes }).collect();
    Ok(wrap(&core, &beside)?)
}

/// What a component imports and exports, by name.
pub(crate) fn interface(bytes: &[u8]) -> Result<String> {
    let interface = read(bytes)?;
    Ok(format!("imports {}; exports {}", interface.imports.join(", "), interface.exports.join(", ")))
}
