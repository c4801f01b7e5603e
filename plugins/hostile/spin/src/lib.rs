//! Never returns.

use sandstream_hostile::{Attack, Hostile};

struct Spin;

impl Attack for Spin {
    fn score(_scores: &mut Vec<f32>) {
        let mut turns = 0_u64;
        loop {
            turns = std::hint::black_box(turns.wrapping_add(1));
        }
    }
}

sandstream_guest::export!(Hostile<Spin>);
