//! From a core module to a component: the contract is written into it, what it takes from elsewhere is put beside it.

use sha2::{Digest, Sha256};
use wit_component::{ComponentEncoder, DecodedWasm, LibraryInfo, StringEncoding};
use wit_parser::Resolve;

use crate::{Error, embedded};

/// The world that every guest is of.
const WORLD: &str = "model";
const CONTRACT: &str = "wit/model.wit";

/// What goes into a component besides the guest's own module.
#[derive(Debug, Clone, Copy)]
pub enum Beside<'a> {
    /// Provides the core functions that the guest imports from `module`: a way to instructions that its language cannot express.
    Library {
        /// Name of the module in the guest's imports.
        module: &'a str,
        /// A core module.
        bytes: &'a [u8],
    },
    /// Answers the calls of `wasi_snapshot_preview1` that a language's runtime makes, without asking the host.
    Adapter {
        /// A core module.
        bytes: &'a [u8],
    },
}

/// Wraps a core module that says itself which world it is of.
///
/// # Errors
/// It does not keep to the contract, or imports what nobody provides; the reason names it.
pub fn wrap(core: &[u8], beside: &[Beside<'_>]) -> Result<Vec<u8>, Error> {
    let alone = || LibraryInfo { instantiate_after_shims: false, arguments: Vec::new() };
    let encode = || {
        let mut encoder = ComponentEncoder::default().validate(true).module(core)?;
        for one in beside {
            encoder = match one {
                Beside::Library { module, bytes } => encoder.library(module, bytes, alone())?,
                Beside::Adapter { bytes } => encoder.adapter("wasi_snapshot_preview1", bytes)?,
            };
        }
        encoder.encode()
    };
    encode().map_err(|error| Error::Component(format!("{error:#}")))
}

/// Writes the contract into a core module of a language whose compiler cannot.
///
/// # Errors
/// It is no core module.
pub fn with_contract(mut core: Vec<u8>) -> Result<Vec<u8>, Error> {
    let mut embed = || {
        let mut resolve = Resolve::default();
        let package = resolve.push_str(CONTRACT, embedded::text(CONTRACT))?;
        let world = resolve.select_world(&[package], Some(WORLD))?;
        wit_component::embed_component_metadata(&mut core, &resolve, world, StringEncoding::UTF8)
    };
    embed().map_err(|error| Error::Component(format!("{error:#}")))?;
    Ok(core)
}

/// What a component imports and exports, by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// Names with versions.
    pub imports: Vec<String>,
    /// Names with versions.
    pub exports: Vec<String>,
}

/// Reads it from a component.
///
/// # Errors
/// It is no component.
pub fn interface(bytes: &[u8]) -> Result<Interface, Error> {
    let wrong = |reason: String| Error::Component(reason);
    let DecodedWasm::Component(resolve, world) = wit_component::decode(bytes).map_err(|error| wrong(format!("{error:#}")))? else {
        return Err(wrong("it is a package of interfaces".to_owned()));
    };
    let Some(world) = resolve.worlds.get(world) else { return Err(wrong("it has no world".to_owned())) };
    let names = |keys: Vec<_>| keys.into_iter().map(|key| resolve.name_world_key(key)).collect();
    Ok(Interface { imports: names(world.imports.keys().collect()), exports: names(world.exports.keys().collect()) })
}

/// SHA-256, in hex.
#[must_use]
pub fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
