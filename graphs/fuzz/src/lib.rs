//! What all targets share: tight bounds, whose panic counts, and a model that is run once it was accepted.
//!
//! The engine asserts much, and `sandstream_graphs` turns its panics into refusals. So a panic of the engine is no finding here; one of
//! our own code or of the libraries that read files is, and so is whatever gets through: an abort, a stack that overflows, memory or
//! time without bound.

mod choices;
mod folder;
mod run;
#[path = "../../tests/build/wire.rs"]
pub mod wire;

pub use choices::Choices;
pub use folder::{Memory, OneFile, mlp};
pub use run::run;

use sandstream_graphs::Bounds;

/// Crates that read what comes from outside, before the engine sees any of it.
const READERS: &[&str] = &["/crc32c-", "/flate2-", "/miniz_oxide-", "/prost-", "/snap-", "/tar-", "/zip-", "/zlib-rs-"];

/// Bounds that a small file can reach.
#[must_use]
pub fn bounds() -> Bounds {
    Bounds { nodes: 1_000, depth: 4, elements: 1 << 16, weights: 1 << 20 }
}

/// Lets panics of the engine pass, which its border catches; all others end the process. libFuzzer's own hook, which stands behind this
/// one, would end it for both. `PANICS=1` shows all of them: the words of one that could not be caught are lost otherwise.
pub fn watch_panics() {
    let shown = std::env::var_os("PANICS").is_some();
    let ends = std::panic::take_hook();
    let own = concat!(env!("CARGO_MANIFEST_DIR"), "/../src");
    let own = std::fs::canonicalize(own).map(|path| path.display().to_string()).unwrap_or_else(|_| own.to_owned());
    std::panic::set_hook(Box::new(move |panic| {
        let file = panic.location().map(|place| place.file()).unwrap_or_default();
        let path = std::fs::canonicalize(file).map(|path| path.display().to_string()).unwrap_or_else(|_| file.to_owned());
        if path.starts_with(&own) || READERS.iter().any(|reader| path.contains(reader)) {
            ends(panic);
        }
        if shown {
            eprintln!("{panic}\n{}", std::backtrace::Backtrace::capture());
        }
    }));
}
