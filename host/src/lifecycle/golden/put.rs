//! Golden cases put to a model: every case in one batch with the others, in the other order, and once more alone.

use std::sync::Arc;

use serde_json::Value;

use super::{Answer, Case, Mismatch};
use crate::backend::{Model, Session};
use crate::codec::Codec;
use crate::lifecycle::Rehearsal;
use crate::lifecycle::rehearsal;

/// How many cases that are answered otherwise are told of.
const TOLD: usize = 3;

/// What the model says to each case.
///
/// # Errors
/// The model does not fit the data type, or its session is lost and cannot be opened again.
pub fn answers(model: &dyn Model, codec: &Arc<dyn Codec>, cases: &[Case], at_once: bool) -> Result<Vec<Answer>, String> {
    let mut rehearsal = Rehearsal::new(model, codec.schema())?;
    put(&mut rehearsal, codec, &mut cases.iter(), at_once)
}

/// What the model says to each case, where it says the same once more and to each case alone: anything else is no answer to write down.
///
/// # Errors
/// See [`answers`]; also the first case that is answered otherwise the second time, or alone.
pub fn settled(model: &dyn Model, codec: &Arc<dyn Codec>, cases: &[Case]) -> Result<Vec<Answer>, String> {
    let first = answers(model, codec, cases, true)?;
    for (at_once, how) in [(true, "a second time"), (false, "alone")] {
        let again = answers(model, codec, cases, at_once)?;
        for (case, (first, again)) in cases.iter().zip(first.iter().zip(&again)) {
            let before = Case { expected: Some(first.clone()), ..case.clone() };
            if let Some(differs) = before.compare(again).first() {
                return Err(format!(
                    "{differs} {how}: the guest's answers depend on what it was asked before or beside, so nothing was written; a \
                     row's answer may depend on that row alone"
                ));
            }
        }
    }
    Ok(first)
}

/// What the model says otherwise, in a batch or alone.
///
/// # Errors
/// See [`answers`].
pub fn mismatches(model: &dyn Model, codec: &Arc<dyn Codec>, cases: &[Case]) -> Result<Vec<Mismatch>, String> {
    let mut rehearsal = Rehearsal::new(model, codec.schema())?;
    compared(&mut rehearsal, codec, cases)
}

/// Whether a session answers all cases as they say. It is given back where it can still be used.
///
/// # Errors
/// The first cases that are answered otherwise, with both values.
pub(in crate::lifecycle) fn agree(
    model: &dyn Model,
    session: Box<dyn Session>,
    codec: &Arc<dyn Codec>,
    cases: &[Case],
) -> Result<Option<Box<dyn Session>>, String> {
    let mut rehearsal = Rehearsal::with(model, codec.schema(), session)?;
    let wrong = compared(&mut rehearsal, codec, cases)?;
    if wrong.is_empty() {
        return Ok(rehearsal.into_session());
    }
    let told: Vec<String> = wrong.iter().take(TOLD).map(|wrong| wrong.to_string().replacen("line", "golden", 1)).collect();
    let more = wrong.len().saturating_sub(TOLD);
    let more = if more == 0 { String::new() } else { format!("; and {more} more") };
    Err(format!("{}{more}", told.join("; ")))
}

fn compared(rehearsal: &mut Rehearsal<'_>, codec: &Arc<dyn Codec>, cases: &[Case]) -> Result<Vec<Mismatch>, String> {
    let together = put(rehearsal, codec, &mut cases.iter(), true)?;
    let alone = put(rehearsal, codec, &mut cases.iter(), false)?;
    let mut reversed = put(rehearsal, codec, &mut cases.iter().rev(), true)?;
    reversed.reverse();
    let mut found = Vec::new();
    for (case, ((together, alone), reversed)) in cases.iter().zip(together.iter().zip(&alone).zip(&reversed)) {
        let wrong = case.compare(together);
        // What is wrong in every way is said once.
        if wrong.is_empty() {
            found.extend(said(case, alone, "scored alone"));
            found.extend(said(case, reversed, "scored in reverse order"));
        }
        found.extend(wrong);
    }
    Ok(found)
}

fn said(case: &Case, answer: &Answer, how: &str) -> impl Iterator<Item = Mismatch> {
    case.compare(answer).into_iter().map(move |mut wrong| {
        wrong.got = format!("{how}: {}", wrong.got);
        wrong
    })
}

fn put(
    rehearsal: &mut Rehearsal<'_>,
    codec: &Arc<dyn Codec>,
    cases: &mut dyn ExactSizeIterator<Item = &Case>,
    at_once: bool,
) -> Result<Vec<Answer>, String> {
    let mut decoder = codec.decoder(rehearsal.wanted());
    let mut answers = Vec::with_capacity(cases.len());
    for case in cases {
        rehearsal.add(&case.bytes(), |record, bytes, rows| decoder.decode(record, bytes, rows));
        if !at_once || rehearsal.is_full() {
            answers.extend(rehearsal.answers()?);
        }
    }
    answers.extend(rehearsal.answers()?);
    answers.into_iter().map(|answer| read(&answer)).collect()
}

fn read(answer: &rehearsal::Answer) -> Result<Answer, String> {
    Ok(match answer {
        Err(reason) => Answer::Rejected(reason.clone()),
        Ok(outputs) => match serde_json::from_slice(outputs) {
            Ok(Value::Object(outputs)) => Answer::Outputs(outputs),
            other => return Err(format!("expected the outputs as a JSON object, got {other:?}")),
        },
    })
}
