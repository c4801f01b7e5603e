//! The `sandstream` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    // Before anything else runs: a worker has nothing to do with the host's arguments, settings or threads.
    match std::env::args_os().nth(1).and_then(|word| word.into_string().ok()).as_deref() {
        Some("compile-worker") => sandstream::backend::wasm::compile_worker_main(),
        #[cfg(any(feature = "onnx", feature = "tensorflow"))]
        Some("graph-worker") => sandstream::backend::graph::graph_worker_main(),
        _ => sandstream::cli::main(),
    }
}
