//! Records through a model without a stream: bound, scored in one call, and each with its answer. What commands and golden files
//! ask a model.

use std::time::Instant;

use super::warm::open;
use crate::backend::{Fault, Model, Session};
use crate::binding::{BindError, Binding, Inputs};
use crate::codec::outputs_as_json;
use crate::types::{Batch, Rows, Schema, Scores};

/// Records that are answered in one call at most.
const ROWS: usize = 256;
const BYTES: usize = 16 << 20;

/// What a model says to a record: its outputs as a JSON object, or why it has none.
pub type Answer = Result<Vec<u8>, String>;

/// A model with a session, and a batch that is filled and answered again and again.
pub struct Rehearsal<'a> {
    model: &'a dyn Model,
    session: Option<Box<dyn Session>>,
    binding: Binding,
    inputs: Inputs,
    batch: Batch,
    rows: Rows,
    good: Vec<u32>,
    scores: Scores,
    answers: Vec<Answer>,
}

impl<'a> Rehearsal<'a> {
    /// Joins a model with a data type and opens a session.
    ///
    /// # Errors
    /// The two do not fit, or `load` fails.
    pub fn new(model: &'a dyn Model, schema: &Schema) -> Result<Self, String> {
        Self::with(model, schema, open(model)?)
    }

    /// Joins a model with a data type, for a session that is there.
    pub(super) fn with(model: &'a dyn Model, schema: &Schema, session: Box<dyn Session>) -> Result<Self, String> {
        let binding = Binding::new(schema, model.signature()).map_err(|BindError(reason)| reason)?;
        Ok(Self {
            model,
            session: Some(session),
            inputs: binding.inputs(),
            binding,
            batch: Batch::new(ROWS, BYTES),
            rows: Rows::new(schema),
            good: Vec::with_capacity(ROWS),
            scores: Scores::default(),
            answers: Vec::with_capacity(ROWS),
        })
    }

    /// The session, where it was not lost.
    pub(super) fn into_session(self) -> Option<Box<dyn Session>> {
        self.session
    }

    /// Fields that have to be decoded, as indices into the schema.
    #[must_use]
    pub fn wanted(&self) -> &[u16] {
        self.binding.wanted()
    }

    /// Whether what was added has to be answered before more can be.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.batch.is_full()
    }

    /// Adds a record; `decode` makes a row of it, whose number in the batch it is given.
    pub fn add<E: ToString>(&mut self, record: &[u8], decode: impl FnOnce(u32, &[u8], &mut Rows) -> Result<(), E>) {
        let at = self.batch.len() as u32;
        self.batch.push(0, 0, i64::from(at), -1, None, Some(record), std::iter::empty());
        let decoded = decode(at, record, &mut self.rows).map_err(|error| error.to_string());
        let checked = decoded.and_then(|()| {
            let row = self.rows.len() - 1;
            self.binding.check(&self.rows, row, &self.batch).map_err(|BindError(reason)| reason)?;
            self.good.push(row as u32);
            Ok(())
        });
        self.answers.push(checked.map(|()| Vec::new()));
    }

    /// Scores what was added, in one call; gives an answer for each record, and is empty afterwards.
    ///
    /// # Errors
    /// A session that is lost to a trap cannot be opened again.
    pub fn answers(&mut self) -> Result<Vec<Answer>, String> {
        let good = std::mem::take(&mut self.good);
        self.score(&good)?;
        self.batch.clear();
        self.rows.clear();
        Ok(std::mem::take(&mut self.answers))
    }

    /// Fills in the answers of the rows that can be scored.
    fn score(&mut self, good: &[u32]) -> Result<(), String> {
        if good.is_empty() {
            return Ok(());
        }
        match self.call(good)? {
            Ok(()) => Ok(()),
            // One row can spoil a call for all of its rows: singly, only the one that is to blame is refused.
            Err(_) if good.len() > 1 => good.iter().try_for_each(|row| self.score(&[*row])),
            Err(fault) => {
                self.answers[self.rows.records()[good[0] as usize] as usize] = Err(fault.to_string());
                Ok(())
            }
        }
    }

    fn call(&mut self, good: &[u32]) -> Result<Result<(), Fault>, String> {
        self.binding.pack(&self.rows, good, &self.batch, &mut self.inputs);
        let count = good.len() as u32;
        let session = match &mut self.session {
            Some(session) => session,
            lost => lost.insert(open(self.model)?),
        };
        let until = Instant::now() + self.model.limits().call(count);
        if let Err(fault) = session.score(0..count, &self.inputs.tensors(), until, &mut self.scores) {
            if matches!(fault, Fault::Trap(_) | Fault::Late) {
                self.session = None;
            }
            return Ok(Err(fault));
        }
        for (scored, row) in good.iter().enumerate() {
            let answer = &mut self.answers[self.rows.records()[*row as usize] as usize];
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
