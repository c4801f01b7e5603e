//! Wine quality by linear regression, from a module that takes about two seconds to load: what a model with large tables to build
//! looks like to the host. A module has no clock, so it works off a number of rounds: 650 million, or as many as `config` says in
//! decimal digits.

use sandstream_guest::{Dtype, Error, Inputs, Model, Scores, Signature};
use sandstream_models::{Linear, wine};

/// Some 3 ns each on the machines this was written on.
const ROUNDS: u64 = 650_000_000;

struct SlowLoad(Linear<11>);

impl Model for SlowLoad {
    fn load(config: &[u8]) -> Result<Self, Error> {
        let rounds = match config {
            [] => ROUNDS,
            digits => std::str::from_utf8(digits)?.trim().parse().map_err(|error| {
                Error::new(format_args!("config: a number of rounds in decimal digits was expected: {error}"))
            })?,
        };
        work(rounds);
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

sandstream_guest::export!(SlowLoad);
