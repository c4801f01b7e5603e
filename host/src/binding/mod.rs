//! A data type's schema joined with a model's signature: which field goes into which column. Built by the lifecycle, run by the
//! pipeline.

use crate::types::{Batch, Rows, Schema, Signature, TensorRef};

/// A signature that a data type cannot serve.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BindError(pub String);

/// How rows become inputs.
#[derive(Debug)]
pub struct Binding {}

/// One lane's input matrices, filled once per batch; their memory is kept.
#[derive(Debug)]
pub struct Inputs {}

impl Binding {
    /// Joins the two.
    ///
    /// # Errors
    /// A field the data type lacks (both names and the nearest one), or a type that does not convert.
    pub fn new(_schema: &Schema, _signature: &Signature) -> Result<Self, BindError> {
        Err(BindError("binding is not built yet".to_owned()))
    }

    /// Fields that have to be decoded, as indices into the schema, ascending.
    #[must_use]
    pub fn wanted(&self) -> &[u16] {
        &[]
    }

    /// Memory for one lane's inputs.
    #[must_use]
    pub fn inputs(&self) -> Inputs {
        Inputs {}
    }

    /// Whether a decoded row can be an input: an int64 has no missing value, and a raw key or value taken as text must be UTF-8.
    ///
    /// # Errors
    /// Which field is missing or no text, and for which input.
    pub fn check(&self, _rows: &Rows, _row: usize, _batch: &Batch) -> Result<(), BindError> {
        Ok(())
    }

    /// Packs rows `selected` (indices into `rows`, each of which passed `check`) into `into`, in that order.
    pub fn pack(&self, _rows: &Rows, _selected: &[u32], _batch: &Batch, _into: &mut Inputs) {}
}

impl Inputs {
    /// One matrix per input of the signature.
    #[must_use]
    pub fn tensors(&self) -> Vec<TensorRef<'_>> {
        Vec::new()
    }
}
