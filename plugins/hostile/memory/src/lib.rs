//! Takes memory, and writes to it, until there is none.

use sandstream_hostile::{Attack, Hostile};

struct Memory;

impl Attack for Memory {
    fn score(_scores: &mut Vec<f32>) {
        let mut hoard = Vec::new();
        loop {
            hoard.push(std::hint::black_box(vec![1_u8; 1 << 20]));
        }
    }
}

sandstream_guest::export!(Hostile<Memory>);
