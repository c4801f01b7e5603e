//! What the example models do before and after their networks. Nothing here knows of sandstream, so the same code runs inside a
//! module, natively beside it, and in tests; the network itself is run by whoever calls.

pub mod filetype;
pub mod sentence;
mod written;

pub use written::Unreadable;
