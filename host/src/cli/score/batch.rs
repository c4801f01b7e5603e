//! Some hundred rows at a time through the model, and their answers in order.

use std::io::Write;

use anyhow::{Context, Result, anyhow};
use serde_json::json;

use super::input::Input;
use crate::lifecycle::{Answer, Rehearsal};

/// Scores everything there is; says how many rows were refused.
pub(super) fn all(rehearsal: &mut Rehearsal<'_>, input: &mut Input, out: &mut dyn Write) -> Result<u64> {
    let (mut first, mut refused, mut raw) = (0, 0, Vec::new());
    loop {
        while !rehearsal.is_full() && input.next(&mut raw)? {
            rehearsal.add(&raw, |record, raw, rows| input.row(record, raw, rows));
        }
        let answers = rehearsal.answers().map_err(|reason| anyhow!("the model: {reason}"))?;
        if answers.is_empty() {
            return Ok(refused);
        }
        for (row, answer) in (first..).zip(&answers) {
            refused += u64::from(answer.is_err());
            write(out, row, answer).context("cannot write the answer")?;
        }
        first += answers.len() as u64;
    }
}

fn write(out: &mut dyn Write, row: u64, answer: &Answer) -> std::io::Result<()> {
    match answer {
        Ok(outputs) => {
            write!(out, "{{\"row\":{row},\"outputs\":")?;
            out.write_all(outputs)?;
            out.write_all(b"}\n")
        }
        Err(error) => writeln!(out, "{{\"row\":{row},\"error\":{}}}", json!(error)),
    }
}
