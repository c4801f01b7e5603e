//! Dimensions that a model leaves open and a signature gives.

use std::collections::BTreeMap;

/// Shapes of one row by the name of the input: `[1, 28, 28]` for an input `[rows, 1, 28, 28]`. Inputs that are not named have the
/// dimensions of the file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shapes(BTreeMap<String, Vec<usize>>);

impl Shapes {
    /// The shape of one row of an input.
    pub fn insert(&mut self, input: impl Into<String>, row: Vec<usize>) {
        self.0.insert(input.into(), row);
    }

    pub(super) fn get(&self, input: &str) -> Option<&[usize]> {
        self.0.get(input).map(Vec::as_slice)
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}
