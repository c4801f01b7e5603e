//! The compile worker: `sandstream compile-worker <bytes of memory> <seconds of processor time>`. It limits itself before it
//! reads anything, reads a component from standard input, and writes its engine's fingerprint, one byte (1 = compiled) and the
//! machine code, or the reason there is none.

use std::io::{Read, Write};
use std::process::ExitCode;

use rustix::process::{Resource, Rlimit, Signal, nice, set_parent_process_death_signal, setrlimit};

use super::engine;

/// The hidden subcommand under which the program is a compile worker.
pub(super) const COMMAND: &str = "compile-worker";

/// How much lower the worker's priority is: compiling must not be felt by the lanes.
const NICE: i32 = 10;

/// What `main` does when its first argument is `compile-worker`.
#[must_use]
pub fn compile_worker_main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("compile worker: {why}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), String> {
    limit(number(2)?, number(3)?).map_err(|e| format!("cannot limit itself: {e}"))?;
    let engine = engine::compiler().map_err(|e| format!("no engine: {e:#}"))?;
    let mut component = Vec::new();
    std::io::stdin().lock().read_to_end(&mut component).map_err(|e| format!("cannot read the component: {e}"))?;
    let (done, answer) = match engine::precompile(&engine, &component) {
        Ok(code) => (1, code),
        Err(why) => (0, why.into_bytes()),
    };
    let mut out = std::io::stdout().lock();
    let written = out.write_all(&engine::fingerprint(&engine).0).and_then(|()| out.write_all(&[done]));
    written.and_then(|()| out.write_all(&answer)).and_then(|()| out.flush()).map_err(|e| format!("cannot write: {e}"))
}

fn number(at: usize) -> Result<u64, String> {
    let argument = std::env::args().nth(at).ok_or("expected <bytes of memory> <seconds of processor time>")?;
    argument.parse().map_err(|_| format!("expected a number, got `{argument}`"))
}

fn limit(bytes: u64, seconds: u64) -> rustix::io::Result<()> {
    let to = |limit| Rlimit { current: Some(limit), maximum: Some(limit) };
    setrlimit(Resource::As, to(bytes))?;
    setrlimit(Resource::Cpu, to(seconds))?;
    setrlimit(Resource::Core, to(0))?;
    setrlimit(Resource::Fsize, to(0))?;
    // A host that is killed leaves no compiler behind.
    set_parent_process_death_signal(Some(Signal::KILL))?;
    nice(NICE)?;
    Ok(())
}
