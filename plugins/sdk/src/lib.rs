//! Write a scoring module for sandstream in Rust.
//!
//! A module is a type that implements [`Model`], handed to [`export!`]. `load` is called once, with the bytes that were announced
//! as the model's `config`; `score` is called with a batch of rows, as matrices of the types that the module's [`Signature`]
//! asked for, and gives matrices back.
//!
//! ```ignore
//! use sandstream_guest::{Dtype, Error, Inputs, Model, Scores, Signature};
//!
//! /// Twice the alcohol.
//! struct Double;
//!
//! impl Model for Double {
//!     fn load(_config: &[u8]) -> Result<Self, Error> {
//!         Ok(Double)
//!     }
//!
//!     fn signature(&self) -> Signature {
//!         Signature::new().input("x", Dtype::Float32, ["alcohol"]).output("doubled", Dtype::Float32, 1)
//!     }
//!
//!     fn score(&mut self, inputs: &Inputs) -> Result<Scores, Error> {
//!         let x = inputs.float32(0)?;
//!         Ok(Scores::new().float32(x.rows().map(|row| row[0] * 2.0).collect()))
//!     }
//! }
//!
//! sandstream_guest::export!(Double);
//! ```
//!
//! A module has no clock, no randomness, no files and no network. What it may call is in [`artifacts`] and [`log`]. A panic ends
//! the module's instance, and its message is logged by the host; prefer to return an [`Error`], which fails one call, or
//! [`Scores::reject`], which fails one row.

pub mod artifacts;
mod error;
mod inputs;
pub mod log;
mod model;
mod scores;
mod signature;

pub use error::Error;
pub use inputs::{Inputs, Matrix, PackedMatrix};
pub use model::Model;
pub use scores::{Packed, Scores};
pub use signature::{Dtype, Signature};

/// What `export!` expands to. Not for use by hand.
#[doc(hidden)]
pub mod rt {
    pub use crate::bindings::{self, exports::sandstream::model::scoring};
    pub use crate::model::Slot;
}

/// Generated from `wit/model.wit`.
#[doc(hidden)]
#[allow(unsafe_code, missing_docs, unreachable_pub, clippy::all, clippy::pedantic, reason = "generated code")]
pub mod bindings {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "model",
        pub_export_macro: true,
        export_macro_name: "export_world",
        default_bindings_module: "sandstream_guest::bindings",
    });
}
