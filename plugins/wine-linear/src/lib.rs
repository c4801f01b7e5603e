//! Wine quality by linear regression: one matrix in, one number a row out.

use sandstream_guest::{Dtype, Error, Inputs, Model, Scores, Signature};
use sandstream_models::{Linear, wine};

struct WineLinear(Linear<11>);

impl Model for WineLinear {
    fn load(_config: &[u8]) -> Result<Self, Error> {
        Ok(Self(wine::linear()?))
    }

    fn signature(&self) -> Signature {
        Signature::new().input("x", Dtype::Float32, wine::FEATURES).output("quality", Dtype::Float32, 1)
    }

    fn score(&mut self, inputs: &Inputs<'_>) -> Result<Scores, Error> {
        let x = inputs.float32(0)?;
        Ok(Scores::new().float32(self.0.score(x.values())))
    }
}

sandstream_guest::export!(WineLinear);
