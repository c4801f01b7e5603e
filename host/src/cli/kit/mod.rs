//! The guest kit: `sandstream new`, `build`, `check`, `test` and `bench`. Languages and toolchains are `sandstream_kit`'s; what is
//! here tries a guest in this very host.

pub(super) mod bench;
pub(super) mod build;
mod check;
mod guest;
pub(super) mod new;
pub(super) mod test;

pub(super) use check::check;
