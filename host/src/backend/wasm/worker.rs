//! The compile worker: `sandstream compile-worker <bytes of memory> <seconds of processor time>`. It reads a component, and writes
//! its engine's fingerprint, one byte (1 = compiled) and the machine code, or the reason there is none.

use std::process::ExitCode;

use super::super::child;
use super::engine;

/// The hidden subcommand under which the program is a compile worker.
pub(super) const COMMAND: &str = "compile-worker";

/// What `main` does when its first argument is `compile-worker`.
#[must_use]
pub fn compile_worker_main() -> ExitCode {
    child::main("compile worker", |component| {
        let engine = engine::compiler().map_err(|e| format!("no engine: {e:#}"))?;
        let (done, answer) = match engine::precompile(&engine, &component) {
            Ok(code) => (1, code),
            Err(why) => (0, why.into_bytes()),
        };
        Ok([&engine::fingerprint(&engine).0[..], &[done], &answer].concat())
    })
}
