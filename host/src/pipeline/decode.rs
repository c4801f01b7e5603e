//! decode and bind: the rows of one data type, and which of them can be inputs.

use super::hand::Hand;
use super::letter::{Letter, Why};
use crate::binding::Binding;
use crate::codec::Decoder;
use crate::telemetry::LetterStage;
use crate::types::{Rows, Schema};

/// The rows of one data type in a slice. Its memory is used again.
#[derive(Debug)]
pub(super) struct Decoded {
    /// Records of that data type.
    pub(super) members: Vec<u32>,
    /// Those that could be decoded.
    pub(super) rows: Rows,
    /// Rows that are to be scored: first those that share a call, then those that have one each.
    pub(super) selected: Vec<u32>,
    /// How many share a call.
    pub(super) together: usize,
}

impl Decoded {
    pub(super) fn new(schema: &Schema) -> Self {
        Self { members: Vec::new(), rows: Rows::new(schema), selected: Vec::new(), together: 0 }
    }

    /// The record that the `at`-th selected row came from.
    pub(super) fn record(&self, at: usize) -> usize {
        self.rows.records()[self.selected[at] as usize] as usize
    }

    /// Decodes the members, which are of this data type. What cannot be decoded or bound is a dead letter.
    pub(super) fn decode(&mut self, hand: &mut Hand, data_type: u16, decoder: &mut dyn Decoder, binding: &Binding) {
        let letter = |stage, why, message| Letter::new(stage, why, message).of_type(data_type);
        self.rows.clear();
        self.selected.clear();
        for &record in &self.members {
            let at = &hand.batch.records()[record as usize];
            let Some(value) = hand.batch.value(at) else {
                hand.kill(record as usize, letter(LetterStage::Decode, Why::Undecodable, "the record has no value".to_owned()));
                continue;
            };
            if let Err(error) = decoder.decode(record, value, &mut self.rows) {
                hand.kill(record as usize, letter(LetterStage::Decode, Why::Undecodable, error.to_string()));
                continue;
            }
            let row = self.rows.len() - 1;
            match binding.check(&self.rows, row, &hand.batch) {
                Ok(()) => self.selected.push(row as u32),
                Err(error) => hand.kill(record as usize, letter(LetterStage::Bind, Why::Unbindable, error.to_string())),
            }
        }
        self.together = self.selected.len();
    }
}
