//! The `sandstream` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    // Before anything else runs: a compile worker has nothing to do with the host's arguments, settings or threads.
    if std::env::args_os().nth(1).is_some_and(|word| word == "compile-worker") {
        return sandstream::backend::wasm::compile_worker_main();
    }
    sandstream::cli::main()
}
