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

/// A core module without its debug information, which can be many times as long as the rest; the names of its functions stay, so
/// that a trap's backtrace can be read. What is no core module comes back as it is.
#[must_use]
pub fn without_debug(core: &[u8]) -> Vec<u8> {
    const HEADER: usize = 8;
    let mut kept = core.get(..HEADER).unwrap_or(core).to_vec();
    let mut at = HEADER;
    while let Some(id) = core.get(at) {
        // A section is its number, its length, and as many bytes; a custom one begins with its name.
        let content = length(core, at + 1);
        let Some((start, bytes)) = content.filter(|(start, bytes)| start + bytes <= core.len()) else { return core.to_vec() };
        let debug = *id == 0
            && length(core, start).is_some_and(|(name, _)| core.get(name..).is_some_and(|rest| rest.starts_with(b".debug_")));
        if !debug {
            kept.extend_from_slice(&core[at..start + bytes]);
        }
        at = start + bytes;
    }
    kept
}

/// A number as WebAssembly writes lengths (LEB128), and where what follows begins.
fn length(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    let mut value = 0;
    for i in 0..5 {
        let byte = *bytes.get(at + i)?;
        value |= usize::from(byte & 0x7f) << (7 * i);
        if byte < 0x80 {
            return Some((at + i + 1, value));
        }
    }
    None
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
    let DecodedWasm::Component(resolve, world) = wit_component::decode(bytes).map_err(|error| wrong(format!("{error:#}")))?
    else {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_information_goes_and_nothing_else() {
        let header = b"\0asm\x01\0\0\0";
        let section = |name: &str, content: &[u8]| {
            let mut bytes = vec![0, (1 + name.len() + content.len()) as u8, name.len() as u8];
            bytes.extend_from_slice(name.as_bytes());
            bytes.extend_from_slice(content);
            bytes
        };
        let (names, debug) = (section("name", b"x"), section(".debug_info", &[0; 60]));
        let module = |parts: &[&[u8]]| [&header[..], &parts.concat()].concat();
        assert_eq!(without_debug(&module(&[&debug, &names, &debug])), module(&[&names]));
        for other in [&b""[..], b"\0asm", b"text that is longer than a header", &module(&[&debug[..20]])] {
            assert_eq!(without_debug(other), other, "what cannot be read is not touched");
        }
    }
}
