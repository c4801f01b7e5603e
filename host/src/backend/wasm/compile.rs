//! Compiling a component in a child process.

use super::super::child::{self, Compiler, Job};
use super::code::MachineCode;
use super::log::clean;
use super::{Host, engine, worker};
use crate::types::Limits;

/// Machine code is 3 times as long as its component; 50 times where that is all empty functions.
const CODE_FACTOR: u64 = 200;
const CODE_BYTES_BASE: u64 = 16 << 20;
const REASON_BYTES: usize = 1024;

/// Machine code for a component, or why there is none.
pub(super) fn compile(host: &Host, component: &[u8], limits: &Limits) -> Result<MachineCode, String> {
    match &host.config.compiler {
        Compiler::InProcess => {
            let code = engine::precompile(&host.engine, component).map_err(|why| invalid(&why))?;
            Ok(MachineCode::from_compiler(code))
        }
        Compiler::Child { program } => {
            let answer_max = CODE_BYTES_BASE.saturating_add((component.len() as u64).saturating_mul(CODE_FACTOR));
            let job = Job {
                command: worker::COMMAND,
                words: &[],
                worker: "the compiler",
                doing: ("compiling it", "compiled"),
                answer: "its machine code",
                answer_max,
            };
            let answer = child::work(program, &job, component, limits)?;
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
