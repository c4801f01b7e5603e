//! Calls itself without end.

use std::hint::black_box;

use sandstream_hostile::{Attack, Hostile};

struct Recursion;

impl Attack for Recursion {
    fn score(_scores: &mut Vec<f32>) {
        black_box(deeper(black_box(1)));
    }
}

/// What comes back is used after the call, so that it cannot become a loop.
#[inline(never)]
#[expect(unconditional_recursion, reason = "it is what this guest is for")]
fn deeper(depth: u64) -> u64 {
    black_box(deeper(black_box(depth + 1))) + depth
}

sandstream_guest::export!(Hostile<Recursion>);
