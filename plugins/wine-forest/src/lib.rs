//! Wine quality by 100 boosted trees of depth 6. The trees are data: code for each of them would be slower and larger.

use sandstream_guest::{Dtype, Error, Inputs, Model, Scores, Signature};
use sandstream_models::wine::{self, WineForest};

struct Forest(WineForest);

impl Model for Forest {
    fn load(_config: &[u8]) -> Result<Self, Error> {
        Ok(Self(wine::forest()?))
    }

    fn signature(&self) -> Signature {
        Signature::new().input("x", Dtype::Float32, wine::FEATURES).output("quality", Dtype::Float32, 1)
    }

    fn score(&mut self, inputs: &Inputs<'_>) -> Result<Scores, Error> {
        let x = inputs.float32(0)?;
        Ok(Scores::new().float32(self.0.score(x.values())))
    }
}

sandstream_guest::export!(Forest);
