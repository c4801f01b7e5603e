//! A scorer whose behaviour is written in its payload.

use std::thread;
use std::time::Duration;

use super::Scorer;
use crate::backend::Fault;
use crate::types::{Dtype, Input, Output, Rejection, Scores, Signature, Tensor, TensorRef};

/// A scorer described by words separated by spaces, for tests and the simulation. The first word is `fake:<k>`; it takes the
/// float64 matrix `x` (by default of the one field `x`) and gives the float64 column `y` = k + the sum of the row.
///
/// | further word | what it does |
/// |---|---|
/// | `fields=a,b` | names the fields of `x` |
/// | `trap-on:<v>`, `late-on:<v>`, `refuse-on:<v>`, `shape-on:<v>` | a call with a row whose first value is v ends in that fault |
/// | `reject-on:<v>` | such a row is rejected, the others are scored |
/// | `stateful` | adds the number of earlier calls to every `y` |
/// | `slow-load:<ms>` | `load` takes so long |
/// | `reject-load` | `load` refuses the payload |
/// | `trap-session` | a session cannot be made |
#[derive(Debug, Clone, Default)]
pub struct Fake {
    k: f64,
    fields: Vec<String>,
    triggers: Vec<(f64, Trigger)>,
    stateful: bool,
    slow_load: Duration,
    reject_load: bool,
    trap_session: bool,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Trigger {
    Trap,
    Late,
    Refuse,
    Shape,
    Reject,
}

impl Fake {
    /// Reads a description; `None` when the text is of something else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Result<Self, String>> {
        let mut words = text.split_whitespace();
        let k = words.next()?.strip_prefix("fake:")?;
        Some(Self::with(k, words))
    }

    fn with<'a>(k: &str, words: impl Iterator<Item = &'a str>) -> Result<Self, String> {
        let mut fake = Self { k: number(k)?, fields: vec!["x".to_owned()], ..Self::default() };
        for word in words {
            fake.word(word)?;
        }
        Ok(fake)
    }

    fn word(&mut self, word: &str) -> Result<(), String> {
        let (name, value) = word.split_once([':', '=']).unwrap_or((word, ""));
        let trigger = match name {
            "fields" => {
                self.fields = value.split(',').map(str::to_owned).collect();
                return Ok(());
            }
            "stateful" => return set(&mut self.stateful),
            "reject-load" => return set(&mut self.reject_load),
            "trap-session" => return set(&mut self.trap_session),
            "slow-load" => {
                self.slow_load = Duration::from_millis(number(value)? as u64);
                return Ok(());
            }
            "trap-on" => Trigger::Trap,
            "late-on" => Trigger::Late,
            "refuse-on" => Trigger::Refuse,
            "shape-on" => Trigger::Shape,
            "reject-on" => Trigger::Reject,
            _ => return Err(format!("a fake scorer does not know the word `{word}`")),
        };
        self.triggers.push((number(value)?, trigger));
        Ok(())
    }

    /// What it takes and gives.
    #[must_use]
    pub fn signature(&self) -> Signature {
        Signature {
            inputs: vec![Input { name: "x".to_owned(), dtype: Dtype::Float64, fields: self.fields.clone(), dims: Vec::new() }],
            outputs: vec![Output { name: "y".to_owned(), dtype: Dtype::Float64, width: 1 }],
        }
    }

    #[expect(clippy::disallowed_methods, reason = "taking its time is what it was told to do")]
    pub(super) fn load(&self) -> Result<(), String> {
        thread::sleep(self.slow_load);
        if self.reject_load { Err("the fake scorer was told to reject its load".to_owned()) } else { Ok(()) }
    }

    pub(super) fn session(&self) -> Result<FakeSession, Fault> {
        if self.trap_session {
            return Err(Fault::Trap("the fake scorer was told to trap in its session".to_owned()));
        }
        Ok(FakeSession { fake: self.clone(), calls: 0.0 })
    }

    fn trigger(&self, value: f64) -> Option<Trigger> {
        self.triggers.iter().find(|(v, _)| *v == value).map(|(_, trigger)| *trigger)
    }
}

pub(super) struct FakeSession {
    fake: Fake,
    calls: f64,
}

impl Scorer for FakeSession {
    fn score(&mut self, _rows: u32, x: &[TensorRef<'_>], y: &mut Scores) -> Result<(), Fault> {
        let [TensorRef::Float64(x)] = x else {
            return Err(Fault::Refused("a fake scorer takes one float64 matrix".to_owned()));
        };
        let base = self.fake.k + if self.fake.stateful { self.calls } else { 0.0 };
        let mut sums = Vec::with_capacity(x.len() / self.fake.fields.len());
        let mut short = false;
        for (row, values) in x.chunks_exact(self.fake.fields.len()).enumerate() {
            match self.fake.trigger(values[0]) {
                Some(Trigger::Trap) => return Err(Fault::Trap(format!("row {row} holds the trap value {}", values[0]))),
                Some(Trigger::Late) => return Err(Fault::Late),
                Some(Trigger::Refuse) => return Err(Fault::Refused(format!("row {row} holds the refused value {}", values[0]))),
                Some(Trigger::Shape) => short = true,
                Some(Trigger::Reject) => {
                    y.rejected.push(Rejection { row: row as u32, reason: format!("{} is rejected", values[0]) });
                }
                None => {}
            }
            sums.push(base + values.iter().sum::<f64>());
        }
        if short {
            sums.pop();
        }
        self.calls += 1.0;
        y.outputs.push(Tensor::Float64(sums));
        Ok(())
    }
}

fn number(text: &str) -> Result<f64, String> {
    text.parse().map_err(|_| format!("a fake scorer expected a number, got `{text}`"))
}

fn set(flag: &mut bool) -> Result<(), String> {
    *flag = true;
    Ok(())
}
