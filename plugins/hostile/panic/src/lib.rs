//! Panics. The message must reach the host's log.

use sandstream_hostile::{Attack, Hostile};

struct Panic;

impl Attack for Panic {
    #[expect(clippy::panic, reason = "it is what this guest is for")]
    fn score(_scores: &mut Vec<f32>) {
        panic!("hostile guest: this panic is on purpose");
    }
}

sandstream_guest::export!(Hostile<Panic>);
