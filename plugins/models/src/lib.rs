//! The arithmetic of the example models, and the weights that `sandstream-wine` trained. Nothing here knows of sandstream, so the
//! same code runs inside a module, natively beside it, and in tests.

mod forest;
mod linear;
pub mod wine;

pub use forest::{COLUMNS_MAX, Forest, NotAForest, Tree};
pub use linear::{Linear, WrongSize};
