//! The rows of a bench: the golden file's records that are scored, again and again until there are enough. A golden record is
//! what the guest meets; where there is none, rows are made up of small numbers.

use std::fs;
use std::sync::Arc;

use crate::lifecycle::golden::{self, Answer};
use anyhow::{Context, Result, anyhow};

use super::super::guest::Guest;
use crate::backend::Model;
use crate::binding::{Binding, Inputs};
use crate::codec::Codec;
use crate::types::{Batch, RowFill, Rows};

/// Memory for the raw records.
const BYTES: usize = 64 << 20;

pub(super) fn inputs(guest: &Guest, model: &dyn Model, codec: &Arc<dyn Codec>, count: u32) -> Result<Inputs> {
    let binding = Binding::new(codec.schema(), model.signature())?;
    let mut decoder = codec.decoder(binding.wanted());
    let (mut rows, mut batch) = (Rows::new(codec.schema()), Batch::new(count as usize, BYTES));
    let records = records(guest, model, codec)?;
    if records.is_empty() {
        eprintln!("no record of the golden file is scored: taking made-up rows");
        let mut fill = RowFill::missing(codec.schema());
        fill.texts.fill(true);
        for row in 0..count {
            fill.integers.fill(Some(i64::from(row % 7)));
            fill.numbers.fill(f64::from(row % 100) * 0.25);
            rows.begin(row, &fill);
            batch.push(0, 0, i64::from(row), 0, Some(b"key"), Some(b"value"), std::iter::empty());
        }
    }
    for (row, record) in (0..count).zip(records.iter().cycle()) {
        batch.push(0, 0, i64::from(row), 0, None, Some(record), std::iter::empty());
        decoder.decode(row, record, &mut rows)?;
    }
    let all: Vec<u32> = (0..count).collect();
    let mut inputs = binding.inputs();
    binding.pack(&rows, &all, &batch, &mut inputs);
    Ok(inputs)
}

/// Golden records that the guest scores.
fn records(guest: &Guest, model: &dyn Model, codec: &Arc<dyn Codec>) -> Result<Vec<Vec<u8>>> {
    let path = &guest.manifest.golden;
    let Ok(text) = fs::read_to_string(path) else { return Ok(Vec::new()) };
    let cases = golden::parse(&text).with_context(|| path.display().to_string())?;
    let answers = golden::answers(model, codec, &cases, false).map_err(|reason| anyhow!(reason))?;
    let scored = cases.iter().zip(answers).filter(|(_, answer)| matches!(answer, Answer::Outputs(_)));
    Ok(scored.map(|(case, _)| case.bytes()).collect())
}
