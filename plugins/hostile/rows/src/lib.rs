//! Gives one row more than it was asked for; at load, promises an output without a width, which no module may.

use sandstream_guest::{Dtype, Signature};
use sandstream_hostile::{Attack, Hostile};

struct Rows;

impl Attack for Rows {
    fn score(scores: &mut Vec<f32>) {
        scores.push(0.0);
    }

    fn load(signature: &mut Signature) {
        *signature = std::mem::take(signature).output("whatever", Dtype::Float32, 0);
    }
}

sandstream_guest::export!(Hostile<Rows>);
