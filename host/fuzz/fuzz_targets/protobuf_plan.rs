//! The Protobuf plan against its oracle: whatever it accepts, the oracle accepts with equal bits.
#![no_main]

#[path = "../../tests/oracle/mod.rs"]
mod oracle;

use std::cell::RefCell;

thread_local! {
    /// Kept from record to record, as a lane keeps it: its guesses must not change what comes out.
    static PLAN: RefCell<oracle::Plan> = RefCell::new(oracle::protobuf_plan());
}

libfuzzer_sys::fuzz_target!(|record: &[u8]| {
    PLAN.with_borrow_mut(|plan| oracle::protobuf(plan, record));
});
