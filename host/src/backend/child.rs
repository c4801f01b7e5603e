//! Work on a model where it cannot hurt: in a child process with limits of its own, that is killed when its time is over. The
//! child is this program under a hidden subcommand; it reads a model from standard input and writes an answer.

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, Signal, nice, set_parent_process_death_signal, setrlimit};

use super::wasm::{after, clean};
use crate::types::Limits;

/// How much lower its priority is: what is prepared must not be felt by the lanes.
const NICE: i32 = 10;
/// Address space it takes before it does anything: its program, libraries and stack.
const BASE_BYTES: u64 = 256 << 20;
/// What is kept of its standard error.
const WORDS_BYTES: u64 = 64 << 10;
const REASON_BYTES: usize = 1024;

/// Where models are worked on before the host loads them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Compiler {
    /// In a child process under limits of memory and time. The program is `sandstream` itself.
    Child {
        /// Its path.
        program: PathBuf,
    },
    /// In this process and without limits: for tests only, as a component of 179 KB can take minutes and 700 MB.
    InProcess,
}

impl Compiler {
    /// The program that runs now, whatever happens to its file meanwhile. Right for `sandstream` itself only.
    #[must_use]
    pub fn this_program() -> Self {
        Self::Child { program: PathBuf::from("/proc/self/exe") }
    }
}

/// What `main` does when its first argument is a worker's name: limits itself, reads the model, answers.
pub(super) fn main(name: &str, work: impl FnOnce(Vec<u8>) -> Result<Vec<u8>, String>) -> ExitCode {
    match run(work) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{name}: {why}");
            ExitCode::FAILURE
        }
    }
}

fn run(work: impl FnOnce(Vec<u8>) -> Result<Vec<u8>, String>) -> Result<(), String> {
    limit(number(2)?, number(3)?).map_err(|e| format!("cannot limit itself: {e}"))?;
    let mut model = Vec::new();
    std::io::stdin().lock().read_to_end(&mut model).map_err(|e| format!("cannot read the model: {e}"))?;
    let answer = work(model)?;
    let mut out = std::io::stdout().lock();
    out.write_all(&answer).and_then(|()| out.flush()).map_err(|e| format!("cannot write: {e}"))
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
    // A host that is killed leaves no child behind.
    set_parent_process_death_signal(Some(Signal::KILL))?;
    nice(NICE)?;
    Ok(())
}

/// What a child is for, in words and numbers.
pub(super) struct Job<'a> {
    /// The hidden subcommand.
    pub(super) command: &'a str,
    /// What it is told beside its limits.
    pub(super) words: &'a [&'a OsStr],
    /// Who works: `the compiler`.
    pub(super) worker: &'a str,
    /// At what, `compiling it`, and what comes of it, `compiled`.
    pub(super) doing: (&'a str, &'a str),
    /// What it answers with: `its machine code`.
    pub(super) answer: &'a str,
    /// The most bytes it may answer with.
    pub(super) answer_max: u64,
}

/// Runs a worker to its end or to the end of its time; it is gone when this returns.
pub(super) fn work(program: &Path, job: &Job<'_>, model: &[u8], limits: &Limits) -> Result<Vec<u8>, String> {
    let until = after(limits.compile);
    let answer_max = job.answer_max;
    let mut child = spawn(program, job, limits).map_err(|e| format!("cannot start {} {}: {e}", job.worker, program.display()))?;
    let (Some(mut stdin), Some(stdout), Some(stderr)) = (child.stdin.take(), child.stdout.take(), child.stderr.take()) else {
        return Err(format!("{} has no pipes", job.worker));
    };
    thread::scope(|scope| {
        // A worker that dies early closes the pipe; its exit says why.
        scope.spawn(move || drop(stdin.write_all(model)));
        let words = scope.spawn(move || read_at_most(stderr, WORDS_BYTES));
        let (send, answer) = mpsc::sync_channel(1);
        scope.spawn(move || send.send(read_at_most(stdout, answer_max.saturating_add(1))));
        let answer = answer.recv_timeout(until.saturating_duration_since(Instant::now()));
        let status = end(&mut child, if answer.is_ok() { until } else { Instant::now() });
        let words = words.join().unwrap_or_default();
        match (answer, status) {
            (Ok(answer), _) if answer.len() as u64 > answer_max => {
                Err(format!("{} has more than {answer_max} bytes", job.answer))
            }
            (Ok(answer), Ok(status)) if status.success() => Ok(answer),
            (Ok(_), Ok(status)) => Err(why_ended(job, status, &words, limits)),
            (Ok(_), Err(e)) => Err(format!("the end of {} cannot be seen: {e}", job.worker)),
            (Err(_), _) => Err(format!("it was not {} within {:?}", job.doing.1, limits.compile)),
        }
    })
}

fn worker_bytes(limits: &Limits) -> u64 {
    limits.compile_bytes.saturating_add(BASE_BYTES)
}

fn spawn(program: &Path, job: &Job<'_>, limits: &Limits) -> std::io::Result<Child> {
    let bytes = worker_bytes(limits);
    let seconds = limits.compile.as_secs().saturating_add(1);
    Command::new(program)
        .args([job.command, &bytes.to_string(), &seconds.to_string()])
        .args(job.words)
        .env_clear()
        // ONNX Runtime's library would open files and connections without it.
        .env("ORT_DISABLE_TELEMETRY", "1")
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

fn why_ended(job: &Job<'_>, status: ExitStatus, words: &[u8], limits: &Limits) -> String {
    let words = String::from_utf8_lossy(words);
    if words.contains("memory allocation of") || words.contains("Cannot allocate memory") {
        return format!("{} takes more than {} bytes of memory", job.doing.0, limits.compile_bytes);
    }
    let how = match status.signal() {
        Some(signal) => format!("was ended by signal {signal}"),
        None => format!("ended with {status}"),
    };
    format!("{} {how}: {}", job.worker, clean(words.trim(), REASON_BYTES))
}
