//! The `sandstream` program.

fn main() {}
