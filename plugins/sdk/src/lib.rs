//! Write a scoring module for sandstream in Rust.
//!
//! There are two ways, and [`export!`] makes a module of either:
//!
//! - [`RowModel`] scores one row at a time, over structs that derive [`Features`] and [`Outputs`]. The signature, the packing and
//!   the rejection of rows with missing fields follow from the structs: see [`row`].
//! - [`Model`] scores a batch at a time, as matrices of the types that its [`Signature`] asks for.
//!
//! In both, `load` is called once, with the bytes that were announced as the model's `config`. [`transform`] has what is done to
//! features before a model sees them.
//!
//! ```
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
//! A module has no clock, no randomness, no files and no network. What it may call is in [`artifacts`],
//! [`inference`] and [`log`]. A panic ends
//! the module's instance, and its message is logged by the host; prefer to return an [`Error`], which fails one call, or
//! [`Scores::reject`] or a [`Reject`], which fails one row.

pub mod artifacts;
mod error;
pub mod inference;
mod inputs;
pub mod log;
mod model;
mod reject;
pub mod row;
mod scores;
mod signature;
pub mod transform;

pub use error::Error;
pub use inputs::{Inputs, Matrix, PackedMatrix};
pub use model::Model;
pub use reject::Reject;
pub use row::{Features, Outputs, RowModel};
/// The derives; each is called as the trait it implements.
pub use sandstream_guest_derive::{Features, Outputs};
pub use scores::{Packed, Scores};
pub use signature::{Dtype, Signature};

/// What `export!` and the derives expand to. Not for use by hand.
#[doc(hidden)]
pub mod rt {
    pub use crate::bindings::{self, exports::sandstream::model::scoring};
    pub use crate::model::Slot;
    pub use crate::row::features::{Strings, known, needed, present, row, whole, whole_where};
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
