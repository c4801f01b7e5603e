//! The smallest useful model: a factor times the sum of two fields. `load` reads the factor, `signature` says what comes in and
//! goes out, `score` answers a batch of rows.

use sandstream_guest::{Dtype, Error, Inputs, Model, Scores, Signature};

/// What `load` keeps for `score`: weights, tables, thresholds.
struct Template {
    factor: f32,
}

impl Model for Template {
    fn load(config: &[u8]) -> Result<Self, Error> {
        // `config` is whatever was announced with the model; here a number as text, or nothing.
        let factor = if config.is_empty() { 1.0 } else { std::str::from_utf8(config)?.trim().parse()? };
        Ok(Self { factor })
    }

    fn signature(&self) -> Signature {
        // One matrix of the named record fields in, one number a row out.
        Signature::new().input("x", Dtype::Float32, ["alcohol", "pH"]).output("score", Dtype::Float32, 1)
    }

    fn score(&mut self, inputs: &Inputs<'_>) -> Result<Scores, Error> {
        let mut values = Vec::with_capacity(inputs.rows());
        let mut missing = Vec::new();
        for (row, columns) in inputs.float32(0)?.rows().enumerate() {
            let value = self.factor * columns.iter().sum::<f32>();
            if value.is_nan() {
                missing.push(row);
            }
            values.push(value);
        }
        let mut scores = Scores::new().float32(values);
        for row in missing {
            scores.reject(row, "alcohol or pH is missing");
        }
        Ok(scores)
    }
}

sandstream_guest::export!(Template);
