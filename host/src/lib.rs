//! sandstream streams Kafka records through sandboxed WebAssembly scoring modules. Models are data: they arrive on a control
//! log and are loaded, swapped and retired while the stream runs.
//!
//! The modules stand on floors and import strictly downwards; `tests/tidy.rs` holds that. See ARCHITECTURE.md.

pub mod telemetry;
pub mod types;

pub mod backend;
pub mod binding;
pub mod codec;
pub mod stream;

pub mod registry;

pub mod admin;
pub mod lifecycle;
pub mod pipeline;

pub mod config;

pub mod app;
pub mod cli;
