//! From a guest's crate to a component.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};
use wit_component::{ComponentEncoder, DecodedWasm, LibraryInfo};

use super::plugins;
use super::toolchain::Toolchain;

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

/// SHA-256, in hex.
pub(crate) fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Builds every guest in `plugins`, in the order of their names.
pub(crate) fn build_all(toolchain: &Toolchain) -> Result<Vec<Component>> {
    let cores = toolchain.build()?;
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
    for parent in [plugins(), plugins().join("hostile")] {
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
    let mut encoder = ComponentEncoder::default().validate(true).module(&core)?;
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if let (Some("wat"), Some(module)) =
            (path.extension().and_then(|e| e.to_str()), path.file_stem().and_then(|s| s.to_str()))
        {
            let alone = LibraryInfo { instantiate_after_shims: false, arguments: Vec::new() };
            encoder = encoder.library(module, &wat::parse_file(&path)?, alone)?;
        }
    }
    encoder.encode()
}

/// What a component imports and exports, by name.
pub(crate) fn interface(bytes: &[u8]) -> Result<String> {
    let DecodedWasm::Component(resolve, world) = wit_component::decode(bytes)? else { bail!("not a component") };
    let world = resolve.worlds.get(world).context("the component has no world")?;
    let names = |items: Vec<_>| items.into_iter().map(|key| resolve.name_world_key(key)).collect::<Vec<_>>().join(", ");
    Ok(format!("imports {}; exports {}", names(world.imports.keys().collect()), names(world.exports.keys().collect())))
}
