//! Compiling a component where it cannot hurt: in a child process with limits of its own, that is killed when its time is over.

use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use super::code::MachineCode;
use super::deadline::after;
use super::log::clean;
use super::{Compiler, Host, engine, worker};
use crate::types::Limits;

/// Address space the worker takes before it compiles anything: its program, libraries and stack.
const BASE_BYTES: u64 = 256 << 20;
/// Machine code is 3 times as long as its component; 50 times where that is all empty functions.
const CODE_FACTOR: u64 = 200;
const CODE_BYTES_BASE: u64 = 16 << 20;
/// What is kept of its standard error.
const WORDS_BYTES: u64 = 64 << 10;
const REASON_BYTES: usize = 1024;

/// Machine code for a component, or why there is none.
pub(super) fn compile(host: &Host, component: &[u8], limits: &Limits) -> Result<MachineCode, String> {
    match &host.config.compiler {
        Compiler::InProcess => {
            let code = engine::precompile(&host.engine, component).map_err(|why| invalid(&why))?;
            Ok(MachineCode::from_compiler(code))
        }
        Compiler::Child { program } => {
            let answer = in_child(program, component, limits)?;
            read_answer(answer, &engine::fingerprint(&host.engine).0)
        }
    }
}

fn invalid(why: &str) -> String {
    format!("it does not compile: {}", clean(why, REASON_BYTES))
}

/// Fingerprint, one byte, and the code or the reason: see the worker.
fn read_answer(mut answer: Vec<u8>, fingerprint: &[u8; 32]) -> Result<MachineCode, String> {
    let start = fingerprint.len() + 1;
    if answer.len() < start {
        return Err(format!("the compile worker answered with {} bytes; expected at least {start}", answer.len()));
    }
    if answer[..32] != fingerprint[..] {
        return Err("the compile worker is of another build than this host; start the host again".to_owned());
    }
    let done = answer[32] == 1;
    answer.drain(..start);
    if done { Ok(MachineCode::from_compiler(answer)) } else { Err(invalid(&String::from_utf8_lossy(&answer))) }
}

/// Runs the worker to its end or to the end of its time; it is gone when this returns.
fn in_child(program: &Path, component: &[u8], limits: &Limits) -> Result<Vec<u8>, String> {
    let until = after(limits.compile);
    let code_bytes_max = CODE_BYTES_BASE.saturating_add((component.len() as u64).saturating_mul(CODE_FACTOR));
    let mut child = spawn(program, limits).map_err(|e| format!("cannot start the compiler {}: {e}", program.display()))?;
    let (Some(mut stdin), Some(stdout), Some(stderr)) = (child.stdin.take(), child.stdout.take(), child.stderr.take()) else {
        return Err("the compiler has no pipes".to_owned());
    };
    thread::scope(|scope| {
        // A worker that dies early closes the pipe; its exit says why.
        scope.spawn(move || drop(stdin.write_all(component)));
        let words = scope.spawn(move || read_at_most(stderr, WORDS_BYTES));
        let (send, answer) = mpsc::sync_channel(1);
        scope.spawn(move || send.send(read_at_most(stdout, code_bytes_max.saturating_add(1))));
        let answer = answer.recv_timeout(until.saturating_duration_since(Instant::now()));
        let status = end(&mut child, if answer.is_ok() { until } else { Instant::now() });
        let words = words.join().unwrap_or_default();
        match (answer, status) {
            (Ok(answer), _) if answer.len() as u64 > code_bytes_max => {
                Err(format!("its machine code has more than {code_bytes_max} bytes"))
            }
            (Ok(answer), Ok(status)) if status.success() => Ok(answer),
            (Ok(_), Ok(status)) => Err(why_ended(status, &words, limits)),
            (Ok(_), Err(e)) => Err(format!("the compiler's end cannot be seen: {e}")),
            (Err(_), _) => Err(format!("it was not compiled within {:?}", limits.compile)),
        }
    })
}

fn worker_bytes(limits: &Limits) -> u64 {
    limits.compile_bytes.saturating_add(BASE_BYTES)
}

fn spawn(program: &Path, limits: &Limits) -> std::io::Result<Child> {
    let bytes = worker_bytes(limits);
    let seconds = limits.compile.as_secs().saturating_add(1);
    Command::new(program)
        .args([worker::COMMAND, &bytes.to_string(), &seconds.to_string()])
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
}

/// Waits for the child until then, kills it, and reaps it.
#[expect(
    clippy::disallowed_methods,
    reason = "a child that has closed its output is about to end, and std has no wait with a timeout"
)]
fn end(child: &mut Child, until: Instant) -> std::io::Result<ExitStatus> {
    while Instant::now() < until {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        thread::sleep(Duration::from_millis(1));
    }
    child.kill()?;
    child.wait()
}

/// Everything up to `bytes`; what comes after is read and forgotten, so that the writer does not stand still.
fn read_at_most(mut from: impl Read, bytes: u64) -> Vec<u8> {
    let mut kept = Vec::new();
    // What was read before an error is all there is.
    let _ = from.by_ref().take(bytes).read_to_end(&mut kept);
    let _ = std::io::copy(&mut from, &mut std::io::sink());
    kept
}

fn why_ended(status: ExitStatus, words: &[u8], limits: &Limits) -> String {
    let words = String::from_utf8_lossy(words);
    if words.contains("memory allocation of") || words.contains("Cannot allocate memory") {
        return format!("compiling it takes more than {} bytes of memory", limits.compile_bytes);
    }
    let how = match status.signal() {
        Some(signal) => format!("was ended by signal {signal}"),
        None => format!("ended with {status}"),
    };
    format!("the compiler {how}: {}", clean(words.trim(), REASON_BYTES))
}
