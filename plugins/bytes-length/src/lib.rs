//! The length of each raw record, in bytes: a module that needs to know nothing about the records' format.

use sandstream_guest::{Dtype, Error, Inputs, Model, Scores, Signature};

struct BytesLength;

impl Model for BytesLength {
    fn load(_config: &[u8]) -> Result<Self, Error> {
        Ok(Self)
    }

    fn signature(&self) -> Signature {
        Signature::new().input("record", Dtype::Bytes, ["$value"]).output("length", Dtype::Int64, 1)
    }

    fn score(&mut self, inputs: &Inputs<'_>) -> Result<Scores, Error> {
        let mut lengths = Vec::with_capacity(inputs.rows());
        let mut absent = Vec::new();
        for (row, value) in inputs.bytes(0)?.iter().enumerate() {
            if value.is_none() {
                absent.push(row);
            }
            lengths.push(value.map_or(0, |value| value.len() as i64));
        }
        let mut scores = Scores::new().int64(lengths);
        for row in absent {
            scores.reject(row, "the record has no value, so it has no length");
        }
        Ok(scores)
    }
}

sandstream_guest::export!(BytesLength);
