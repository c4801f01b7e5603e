//! Grows a table until the host refuses, and then insists by a trap. No Rust expression grows a table, so that instruction comes
//! from `hostile_table.wat`.

use sandstream_hostile::{Attack, Hostile};

struct Table;

#[link(wasm_import_module = "hostile_table")]
#[allow(unsafe_code, reason = "a core import; the module behind it is in this folder")]
unsafe extern "C" {
    safe fn grow(elements: u32) -> i32;
}

impl Attack for Table {
    #[expect(clippy::panic, reason = "a refused table is an error to a guest that needs it")]
    fn score(_scores: &mut Vec<f32>) {
        let mut grown = 0_u64;
        loop {
            // 80 KB of host memory at a time, and more than any reasonable module ever holds within a few calls.
            if grow(10_000) < 0 {
                panic!("hostile guest: the table has {grown} elements and the host gives no more");
            }
            grown += 10_000;
        }
    }
}

sandstream_guest::export!(Hostile<Table>);
