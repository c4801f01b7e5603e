//! The control plane on a control log in memory: what is published, and what comes of it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::type_complexity, reason = "tables of cases")]

mod agree;
mod broken;
mod chunks;
mod faults;
mod history;
mod host;
mod orders;
#[cfg(feature = "stores")]
mod stores;
mod threads;
#[cfg(feature = "stores")]
mod tls;
mod verify;
mod web;
