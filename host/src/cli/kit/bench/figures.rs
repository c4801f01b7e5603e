//! Times calls of a guest and of its twin in turns.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::backend::{Fault, Model, Session};
use crate::binding::Inputs;
use crate::types::Scores;

/// Rounds that count; each times both.
const ROUNDS: usize = 7;
/// One sample is as many calls as fit, one at least: the clock is finer than that by far.
const SAMPLE: Duration = Duration::from_millis(20);
const WARM_UP: Duration = Duration::from_millis(100);
const CALLS_MAX: u32 = 100_000;

/// All figures of a bench.
pub(super) struct Figures {
    pub(super) batches: Vec<BatchFigures>,
    pub(super) memory_bytes: Option<u64>,
}

/// Calls with so many rows.
pub(super) struct BatchFigures {
    pub(super) rows: u32,
    pub(super) guest: Spread,
    pub(super) twin: Spread,
    /// How long a lane would let such a call run.
    pub(super) limit: Duration,
}

/// Nanoseconds a row.
pub(super) struct Spread {
    pub(super) median: f64,
    pub(super) min: f64,
    pub(super) max: f64,
}

impl Spread {
    fn of(mut samples: Vec<f64>) -> Self {
        samples.sort_by(f64::total_cmp);
        let at = |i: usize| samples.get(i).copied().unwrap_or_default();
        Self { median: at(samples.len() / 2), min: at(0), max: at(samples.len().saturating_sub(1)) }
    }

    pub(super) fn json(&self) -> Value {
        json!({ "median": self.median, "min": self.min, "max": self.max })
    }
}

impl BatchFigures {
    /// The part of a call that crossing the border takes.
    pub(super) fn share(&self) -> f64 {
        (self.twin.median / self.guest.median).min(1.0)
    }
}

impl Figures {
    /// Nanoseconds a row in the largest batch.
    pub(super) fn per_row(&self) -> f64 {
        self.batches.last().map_or(f64::NAN, |batch| batch.guest.median)
    }
}

/// A session that is timed.
struct Timed<'a> {
    session: Box<dyn Session>,
    inputs: &'a Inputs,
    limit: Duration,
    scores: Scores,
}

impl<'a> Timed<'a> {
    fn open(model: &dyn Model, inputs: &'a Inputs) -> Result<Self, String> {
        let limit = model.limits().load;
        let session = model.session(Instant::now() + limit).map_err(|fault| format!("`load`: {fault}"))?;
        Ok(Self { session, inputs, limit, scores: Scores::default() })
    }

    /// Time of one call. It may take as long as `load` may: a bench says how slow a guest is, it does not refuse it.
    fn call(&mut self, rows: u32) -> Result<Duration, Fault> {
        let tensors = self.inputs.tensors();
        let began = Instant::now();
        self.session.score(0..rows, &tensors, began + self.limit, &mut self.scores)?;
        Ok(began.elapsed())
    }

    /// Nanoseconds a row, over as many calls as fit into `time`.
    fn sample(&mut self, rows: u32, time: Duration) -> Result<f64, Fault> {
        let (mut total, mut calls) = (Duration::ZERO, 0);
        while total < time && calls < CALLS_MAX {
            total += self.call(rows)?;
            calls += 1;
        }
        Ok(total.as_secs_f64() * 1e9 / f64::from(calls) / f64::from(rows))
    }
}

/// Times guest and twin with each number of rows.
pub(super) fn measure(guest: &dyn Model, twin: &dyn Model, inputs: &Inputs, batches: &[u32]) -> Result<Figures, String> {
    let (mut of_guest, mut of_twin) = (Timed::open(guest, inputs)?, Timed::open(twin, inputs)?);
    let mut all = Vec::with_capacity(batches.len());
    for rows in batches.iter().copied() {
        let failed = |what: &str, fault: &Fault| format!("{what}, a call with {rows} rows: {fault}");
        let (mut guests, mut twins) = (Vec::with_capacity(ROUNDS), Vec::with_capacity(ROUNDS));
        for round in 0..=ROUNDS {
            let time = if round == 0 { WARM_UP } else { SAMPLE };
            let guest = of_guest.sample(rows, time).map_err(|fault| failed("the guest", &fault))?;
            let twin = of_twin.sample(rows, time).map_err(|fault| failed("its twin", &fault))?;
            if round > 0 {
                guests.push(guest);
                twins.push(twin);
            }
        }
        let limit = guest.limits().call(rows);
        all.push(BatchFigures { rows, guest: Spread::of(guests), twin: Spread::of(twins), limit });
    }
    Ok(Figures { batches: all, memory_bytes: of_guest.session.memory_bytes() })
}
