//! Wine quality by linear regression, from a module that takes its time for every row: what a model that is too heavy for its
//! stream looks like to the host. A module has no clock, so it works off a number of rounds a row: as many as `config` says in
//! decimal digits, some 3 ns each.

use sandstream_guest::{Dtype, Error, Inputs, Model, Scores, Signature};
use sandstream_models::{Linear, wine};

struct SlowScore {
    model: Linear<11>,
    rounds: u64,
}

impl Model for SlowScore {
    fn load(config: &[u8]) -> Result<Self, Error> {
        let rounds = std::str::from_utf8(config)?.trim().parse().map_err(|error| {
            Error::new(format_args!("config: a number of rounds a row in decimal digits was expected: {error}"))
        })?;
        Ok(Self { model: wine::linear()?, rounds })
    }

    fn signature(&self) -> Signature {
        Signature::new().input("x", Dtype::Float32, wine::FEATURES).output("quality", Dtype::Float32, 1)
    }

    fn score(&mut self, inputs: &Inputs<'_>) -> Result<Scores, Error> {
        let x = inputs.float32(0)?;
        let scores = self.model.score(x.values());
        work(self.rounds * scores.len() as u64);
        Ok(Scores::new().float32(scores))
    }
}

/// Each round waits for the one before it (xorshift64, Marsaglia 2003), and the last one's result is used, so that no compiler can
/// leave any out.
fn work(rounds: u64) {
    let mut state = 1_u64;
    for _ in 0..rounds {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
    }
    std::hint::black_box(state);
}

sandstream_guest::export!(SlowScore);
