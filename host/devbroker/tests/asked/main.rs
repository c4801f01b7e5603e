//! The broker, asked as a client asks it, request by request: what clients' libraries hide, or never send. What they observe is in
//! `cargo xtask conformance`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod client;
mod ending;
mod fetching;
mod folders;
mod groups;
mod requests;
mod transactions;
