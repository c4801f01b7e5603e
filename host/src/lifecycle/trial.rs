//! Trial calls: a session scores made-up rows singly, batched, reversed and twice, and has to give the same bits each time. The
//! calls also touch every page of a session, so that a lane's first one is as fast as the next.

use std::ops::Range;
use std::time::{Duration, Instant};

use super::golden;
use crate::backend::{Fault, Model, Session};
use crate::binding::{Binding, Inputs};
use crate::types::{Batch, Limits, Packed, RowFill, Rows, Schema, Scores, Tensor};

/// How many rows are made up.
const ROWS: u32 = 8;

/// How often a call may be late before it counts: the machine is busy now and then, a model that is too slow is so always.
const LATE_MAX: u32 = 5;

/// Made-up rows, packed for a model, and what its first session said to them.
pub struct Trial {
    forward: Inputs,
    reversed: Inputs,
    limits: Limits,
    /// How far answers may lie apart; `None`: they have to have the same bits.
    tolerance: Option<f64>,
    /// What every call has to give, row by row; `None` before the first call.
    expected: Option<Vec<Answer>>,
}

/// What a model said to a row: floats that may differ a little, and the bits of everything else.
#[derive(Clone)]
enum Answer {
    Scored { bits: Vec<u8>, floats: Vec<f64> },
    Rejected,
}

impl Answer {
    fn is(&self, other: &Self, tolerance: f64) -> bool {
        let near = |(a, b): (&f64, &f64)| a == b || (a.is_nan() && b.is_nan()) || golden::near(*b, *a, tolerance);
        match (self, other) {
            (Self::Rejected, Self::Rejected) => true,
            (Self::Scored { bits, floats }, Self::Scored { bits: other_bits, floats: other_floats }) => {
                bits == other_bits && floats.len() == other_floats.len() && floats.iter().zip(other_floats).all(near)
            }
            _ => false,
        }
    }
}

impl Trial {
    /// Makes the rows up and packs them.
    ///
    /// # Errors
    /// A row that has everything cannot be bound.
    pub fn new(schema: &Schema, binding: &Binding, model: &dyn Model) -> Result<Self, String> {
        let (rows, batch) = made_up(schema);
        let mut order: Vec<u32> = (0..ROWS).collect();
        for row in 0..ROWS {
            binding
                .check(&rows, row as usize, &batch)
                .map_err(|error| format!("a row without missing values cannot be bound: {error}"))?;
        }
        let mut forward = binding.inputs();
        binding.pack(&rows, &order, &batch, &mut forward);
        order.reverse();
        let mut reversed = binding.inputs();
        binding.pack(&rows, &order, &batch, &mut reversed);
        Ok(Self { forward, reversed, limits: model.limits().clone(), tolerance: model.tolerance(), expected: None })
    }

    /// Tries a session; what one said, every other has to say too.
    ///
    /// # Errors
    /// A call failed, or one row was answered in two ways.
    pub fn run(&mut self, session: &mut dyn Session) -> Result<(), String> {
        // The first call may have to fault a large model's pages in; it gets the time that `load` has.
        let Some(first) = self.call(session, &self.forward, 0..ROWS, self.limits.load)? else { return Ok(()) };
        if self.limits.stateful {
            return Ok(());
        }
        let expected = self.expected.get_or_insert_with(|| first.clone()).clone();
        self.same("another session was given them", &expected, &first)?;
        let Some(twice) = self.timed(session, &self.forward, 0..ROWS)? else { return Ok(()) };
        self.same("they were scored a second time", &expected, &twice)?;
        let Some(mut reversed) = self.timed(session, &self.reversed, 0..ROWS)? else { return Ok(()) };
        reversed.reverse();
        self.same("they were scored in reverse order", &expected, &reversed)?;
        let mut singly = Vec::with_capacity(ROWS as usize);
        for row in 0..ROWS {
            let Some(answer) = self.timed(session, &self.forward, row..row + 1)? else { return Ok(()) };
            singly.extend(answer);
        }
        self.same("they were scored one by one", &expected, &singly)
    }

    /// A call within the time a lane would give it.
    fn timed(&self, session: &mut dyn Session, inputs: &Inputs, rows: Range<u32>) -> Result<Option<Vec<Answer>>, String> {
        self.call(session, inputs, rows.clone(), self.limits.call(rows.end - rows.start) * LATE_MAX)
    }

    /// `None`: the model refused the call as a whole, as it may with rows that are made up; there is nothing to compare.
    fn call(
        &self,
        session: &mut dyn Session,
        inputs: &Inputs,
        rows: Range<u32>,
        time: Duration,
    ) -> Result<Option<Vec<Answer>>, String> {
        let count = (rows.end - rows.start) as usize;
        let mut scores = Scores::default();
        match session.score(rows, &inputs.tensors(), Instant::now() + time, &mut scores) {
            Ok(()) => Ok(Some(answers(&scores, count, self.tolerance.is_some()))),
            Err(Fault::Refused(_)) => Ok(None),
            Err(fault) => Err(format!("a trial call with {count} made-up rows ({time:?} allowed) failed: {fault}")),
        }
    }

    fn same(&self, when: &str, expected: &[Answer], got: &[Answer]) -> Result<(), String> {
        let tolerance = self.tolerance.unwrap_or(0.0);
        match expected.iter().zip(got).position(|(a, b)| !b.is(a, tolerance)) {
            None => Ok(()),
            Some(row) => Err(format!(
                "row {row} of {} made-up rows was answered otherwise when {when}; a model whose answers depend on earlier or \
                 neighbouring rows needs the grant `stateful`",
                expected.len()
            )),
        }
    }
}

/// Rows of small numbers, all of them different, none of them missing.
fn made_up(schema: &Schema) -> (Rows, Batch) {
    let (numbers, integers, texts) = schema.slots();
    let mut rows = Rows::new(schema);
    let mut batch = Batch::new(ROWS as usize, usize::MAX);
    let mut fill = RowFill::missing(schema);
    fill.texts.fill(true);
    for row in 0..ROWS {
        fill.integers.fill(Some(i64::from(row % 2)));
        rows.begin(row, &fill);
        for slot in 0..numbers {
            rows.set_number(slot as u16, f64::from(row) * 0.25 + (slot % 4) as f64 * 0.5);
        }
        let text = &b"abcdefgh"[..row as usize];
        for slot in 0..texts {
            rows.set_text(slot as u16, Some(text));
        }
        batch.push(0, 0, i64::from(row), 0, Some(text), Some(text), std::iter::empty());
    }
    debug_assert_eq!(integers, fill.integers.len());
    (rows, batch)
}

/// A call's answers, row by row; `apart` keeps floats apart from the bits.
fn answers(scores: &Scores, rows: usize, apart: bool) -> Vec<Answer> {
    let mut answers = vec![Answer::Scored { bits: Vec::new(), floats: Vec::new() }; rows];
    for output in &scores.outputs {
        for (row, answer) in answers.iter_mut().enumerate() {
            if let Answer::Scored { bits, floats } = answer {
                append(output, row, rows, bits, apart.then_some(floats));
            }
        }
    }
    for rejection in &scores.rejected {
        if let Some(answer) = answers.get_mut(rejection.row as usize) {
            *answer = Answer::Rejected;
        }
    }
    answers
}

fn append(output: &Tensor, row: usize, rows: usize, bits: &mut Vec<u8>, floats: Option<&mut Vec<f64>>) {
    let width = output.view().len() / rows.max(1);
    let values = row * width..(row + 1) * width;
    match (output, floats) {
        (Tensor::Float32(all), Some(floats)) => floats.extend(all[values].iter().map(|value| f64::from(*value))),
        (Tensor::Float64(all), Some(floats)) => floats.extend(&all[values]),
        (Tensor::Float32(all), None) => bits.extend(all[values].iter().flat_map(|value| value.to_bits().to_le_bytes())),
        (Tensor::Float64(all), None) => bits.extend(all[values].iter().flat_map(|value| value.to_bits().to_le_bytes())),
        (Tensor::Int64(all), _) => bits.extend(all[values].iter().flat_map(|value| value.to_le_bytes())),
        (Tensor::Text(all) | Tensor::Bytes(all), _) => values.for_each(|at| append_packed(all, at, bits)),
    }
}

fn append_packed(all: &Packed, at: usize, bits: &mut Vec<u8>) {
    let value = all.view().get(at);
    // A length that no value has stands for one that is missing.
    bits.extend(value.map_or(u64::MAX, |value| value.len() as u64).to_le_bytes());
    bits.extend(value.unwrap_or_default());
}
