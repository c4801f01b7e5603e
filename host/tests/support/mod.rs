//! Shared by the integration tests: the real broker, the built program, and a lane that copies.
#![allow(dead_code, reason = "every test file uses a part of it")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

pub mod copier;
pub mod kafka;
pub mod program;
