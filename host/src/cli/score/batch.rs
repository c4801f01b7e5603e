//! Some hundred rows at a time through binding and session, and their answers in order.

use std::io::Write;
use std::time::Instant;

use anyhow::{Context, Result};
use serde_json::json;

use super::input::Input;
use crate::backend::{Fault, Model, Session};
use crate::binding::{Binding, Inputs};
use crate::codec::outputs_as_json;
use crate::types::{Batch, Rows, Schema, Scores};

const ROWS: usize = 256;
const BYTES: usize = 16 << 20;

pub(super) struct Scorer<'a> {
    model: &'a dyn Model,
    session: Option<Box<dyn Session>>,
    binding: Binding,
    inputs: Inputs,
    batch: Batch,
    rows: Rows,
    scores: Scores,
}

impl<'a> Scorer<'a> {
    pub(super) fn new(model: &'a dyn Model, binding: Binding, schema: &Schema) -> Result<Self> {
        let session = Some(session(model)?);
        let (inputs, rows) = (binding.inputs(), Rows::new(schema));
        Ok(Self { model, session, binding, inputs, batch: Batch::new(ROWS, BYTES), rows, scores: Scores::default() })
    }

    /// Scores everything there is; says how many rows were refused.
    pub(super) fn all(&mut self, input: &mut Input, out: &mut dyn Write) -> Result<u64> {
        let (mut first, mut refused, mut raw) = (0, 0, Vec::new());
        loop {
            self.batch.clear();
            self.rows.clear();
            let mut answers: Vec<Result<Vec<u8>, String>> = Vec::with_capacity(ROWS);
            let mut good = Vec::with_capacity(ROWS);
            while !self.batch.is_full() && input.next(&mut raw)? {
                let record = self.batch.len() as u32;
                self.batch.push(0, 0, i64::from(record), -1, None, Some(&raw), std::iter::empty());
                let decoded = input.row(record, &raw, &mut self.rows);
                let checked = decoded.and_then(|()| {
                    let row = self.rows.len() - 1;
                    good.push(row as u32);
                    self.binding.check(&self.rows, row, &self.batch).map_err(|error| {
                        good.pop();
                        error.to_string()
                    })
                });
                answers.push(checked.map(|()| Vec::new()));
            }
            if answers.is_empty() {
                return Ok(refused);
            }
            self.score(&good, &mut answers)?;
            for (row, answer) in (first..).zip(&answers) {
                refused += u64::from(answer.is_err());
                write(out, row, answer).context("cannot write the answer")?;
            }
            first += answers.len() as u64;
        }
    }

    /// Fills in the answers of the rows that can be scored.
    fn score(&mut self, good: &[u32], answers: &mut [Result<Vec<u8>, String>]) -> Result<()> {
        if good.is_empty() {
            return Ok(());
        }
        match self.call(good, answers)? {
            Ok(()) => Ok(()),
            // One row can spoil a call for all of its rows: singly, only the one that is to blame is refused.
            Err(_) if good.len() > 1 => good.iter().try_for_each(|row| self.score(&[*row], answers)),
            Err(fault) => {
                answers[self.rows.records()[good[0] as usize] as usize] = Err(fault.to_string());
                Ok(())
            }
        }
    }

    fn call(&mut self, good: &[u32], answers: &mut [Result<Vec<u8>, String>]) -> Result<Result<(), Fault>> {
        self.binding.pack(&self.rows, good, &self.batch, &mut self.inputs);
        let count = good.len() as u32;
        let until = Instant::now() + self.model.limits().call(count);
        let session = match &mut self.session {
            Some(session) => session,
            lost => lost.insert(session(self.model)?),
        };
        if let Err(fault) = session.score(0..count, &self.inputs.tensors(), until, &mut self.scores) {
            if matches!(fault, Fault::Trap(_) | Fault::Late) {
                self.session = None;
            }
            return Ok(Err(fault));
        }
        for (scored, row) in good.iter().enumerate() {
            let answer = &mut answers[self.rows.records()[*row as usize] as usize];
            let rejected = self.scores.rejected.binary_search_by_key(&(scored as u32), |rejection| rejection.row);
            match rejected {
                Ok(at) => *answer = Err(self.scores.rejected[at].reason.clone()),
                Err(_) => {
                    let mut text = Vec::new();
                    outputs_as_json(&self.model.signature().outputs, &self.scores, scored, &mut text);
                    *answer = Ok(text);
                }
            }
        }
        Ok(Ok(()))
    }
}

fn session(model: &dyn Model) -> Result<Box<dyn Session>> {
    let until = Instant::now() + model.limits().load;
    model.session(until).map_err(|fault| anyhow::anyhow!("the model's `load`: {fault}"))
}

fn write(out: &mut dyn Write, row: u64, answer: &Result<Vec<u8>, String>) -> std::io::Result<()> {
    match answer {
        Ok(outputs) => {
            write!(out, "{{\"row\":{row},\"outputs\":")?;
            out.write_all(outputs)?;
            out.write_all(b"}\n")
        }
        Err(error) => writeln!(out, "{}", json!({ "row": row, "error": error })),
    }
}
