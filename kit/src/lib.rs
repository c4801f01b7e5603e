//! The guest kit: from a guest's sources to a component, in five languages. It finds or fetches what a language needs, makes the
//! component. It does not know the host; `sandstream new`, `build`, `check`, `test` and `bench` do.
//!
//! A language is one file in `language/` and one line in its list.

mod cache;
pub mod component;
mod embedded;
mod error;
mod fetch;
pub mod language;
mod process;
pub mod project;
pub mod toolchain;
pub mod twin;
mod wasi;

pub use cache::folder as cache_folder;
pub use error::Error;
