//! An engine's error in the words of whoever wrote the guest.

use std::fmt::Write;

use wasmtime::{Trap, WasmBacktrace};

use super::guest::Guest;
use super::log::clean;
use crate::backend::Fault;

const FRAMES_MAX: usize = 5;
/// The machinery of panics is on top of every panic and says nothing.
const MACHINERY: [&str; 9] =
    ["core::panicking", "std::panicking", "std::process::abort", "std::sys", "std::alloc", "__rust", "rust_", "abort", "ss_fail"];
const WORDS_BYTES_MAX: usize = 1024;

/// Why a call ended without a result. The guest is beyond use after it.
pub(super) fn fault(error: &wasmtime::Error, guest: &Guest) -> Fault {
    if matches!(error.downcast_ref::<Trap>(), Some(Trap::Interrupt)) {
        return Fault::Late;
    }
    let mut words = String::new();
    // Writing to a String does not fail.
    if let Some(said) = guest.log.last_error() {
        let _ = write!(words, "{said}; ");
    }
    let _ = write!(words, "{}", clean(&cause(error), WORDS_BYTES_MAX));
    if let Some(refused) = guest.limiter.refused() {
        let _ = write!(words, "; {refused}");
    }
    if let Some(backtrace) = error.downcast_ref::<WasmBacktrace>() {
        frames(backtrace, &mut words);
    }
    Fault::Trap(words)
}

/// The innermost cause: the trap's own words, or what the engine could not read of a result.
fn cause(error: &wasmtime::Error) -> String {
    match error.downcast_ref::<Trap>() {
        Some(trap) => trap.to_string(),
        None => {
            let chain: Vec<_> = error.chain().map(ToString::to_string).filter(|link| !link.starts_with("error while")).collect();
            chain.join(": ")
        }
    }
}

fn frames(backtrace: &WasmBacktrace, words: &mut String) {
    let names: Vec<_> = backtrace
        .frames()
        .iter()
        .filter_map(|frame| frame.symbols().first().and_then(|symbol| symbol.name()).or_else(|| frame.func_name()))
        // Without the hash that tells apart what has the same name; other languages' names stay as they are.
        .map(|name| format!("{:#}", rustc_demangle::demangle(name)))
        .filter(|name| !MACHINERY.iter().any(|part| name.starts_with(part)))
        .take(FRAMES_MAX)
        .map(|name| clean(&name, 200))
        .collect();
    if !names.is_empty() {
        let _ = write!(words, "; in {}", names.join(" < "));
    }
}
