//! A golden file put to a model: every case in one batch with the others, and once more alone.

use std::sync::Arc;

use anyhow::{Context, Result, anyhow, bail};
use sandstream_kit::golden::{Answer, Case, Mismatch};
use serde_json::Value;

use crate::backend::Model;
use crate::codec::Codec;
use crate::lifecycle::{self, Rehearsal};

/// What the model says to each case.
pub(super) fn answers(model: &dyn Model, codec: &Arc<dyn Codec>, cases: &[Case], at_once: bool) -> Result<Vec<Answer>> {
    let mut rehearsal = Rehearsal::new(model, codec.schema()).map_err(|reason| anyhow!(reason))?;
    let mut decoder = codec.decoder(rehearsal.wanted());
    let mut answers = Vec::with_capacity(cases.len());
    for case in cases {
        rehearsal.add(&case.bytes(), |record, bytes, rows| decoder.decode(record, bytes, rows));
        if !at_once || rehearsal.is_full() {
            answers.extend(rehearsal.answers().map_err(|reason| anyhow!(reason))?);
        }
    }
    answers.extend(rehearsal.answers().map_err(|reason| anyhow!(reason))?);
    answers.into_iter().map(|answer| read(&answer)).collect()
}

fn read(answer: &lifecycle::Answer) -> Result<Answer> {
    Ok(match answer {
        Err(reason) => Answer::Rejected(reason.clone()),
        Ok(outputs) => match serde_json::from_slice(outputs).context("the outputs as JSON")? {
            Value::Object(outputs) => Answer::Outputs(outputs),
            other => return Err(anyhow!("the outputs are no object: {other}")),
        },
    })
}

/// What the model says to each case, where it says the same once more and to each case alone: anything else is no answer to write down.
pub(super) fn settled(model: &dyn Model, codec: &Arc<dyn Codec>, cases: &[Case]) -> Result<Vec<Answer>> {
    let first = answers(model, codec, cases, true)?;
    for (at_once, how) in [(true, "a second time"), (false, "alone")] {
        let again = answers(model, codec, cases, at_once)?;
        for (case, (first, again)) in cases.iter().zip(first.iter().zip(&again)) {
            let before = Case { expected: Some(first.clone()), ..case.clone() };
            if let Some(differs) = before.compare(again).first() {
                bail!(
                    "{differs} {how}: the guest's answers depend on what it was asked before or beside, so nothing was written; a \
                     row's answer may depend on that row alone"
                );
            }
        }
    }
    Ok(first)
}

/// What the model says otherwise, in a batch or alone.
pub(super) fn mismatches(model: &dyn Model, codec: &Arc<dyn Codec>, cases: &[Case]) -> Result<Vec<Mismatch>> {
    let mut found = Vec::new();
    let (together, alone) = (answers(model, codec, cases, true)?, answers(model, codec, cases, false)?);
    for (case, (together, alone)) in cases.iter().zip(together.iter().zip(&alone)) {
        let wrong = case.compare(together);
        // What is wrong in both ways is said once.
        if wrong.is_empty() {
            found.extend(case.compare(alone).into_iter().map(|mut wrong| {
                wrong.got = format!("scored alone: {}", wrong.got);
                wrong
            }));
        }
        found.extend(wrong);
    }
    Ok(found)
}
