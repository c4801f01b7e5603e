//! A data type's schema joined with a model's signature: which field goes into which column. Built by the lifecycle, run by the
//! pipeline.

mod pack;
mod resolve;

use std::sync::Arc;

use crate::types::{Batch, Input, Kind, Rows, Schema, Signature, Tensor, TensorRef};

/// A signature that a data type cannot serve, or a row that cannot be an input.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BindError(pub String);

/// How rows become inputs.
#[derive(Debug)]
pub struct Binding {
    wanted: Vec<u16>,
    matrices: Arc<[Matrix]>,
    checks: Vec<Check>,
}

/// One input.
#[derive(Debug)]
struct Matrix {
    columns: Vec<Source>,
    pack: pack::Pack,
}

/// Where a column's values come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    /// A slot of the decoded row.
    Number(u16),
    Integer(u16),
    Text(u16),
    /// The raw record.
    Value,
    Key,
    Timestamp,
}

impl Source {
    /// The field, as a record has it.
    fn name(self, schema: &Schema) -> String {
        let field = |slot: u16, kinds: &[Kind]| {
            let found = schema.fields().iter().find(|field| field.slot == slot && kinds.contains(&field.kind));
            found.map(|field| field.name.clone()).unwrap_or_default()
        };
        match self {
            Self::Number(slot) => field(slot, &[Kind::Number]),
            Self::Integer(slot) => field(slot, &[Kind::Integer]),
            Self::Text(slot) => field(slot, &[Kind::Text, Kind::Bytes]),
            Self::Value => "$value".to_owned(),
            Self::Key => "$key".to_owned(),
            Self::Timestamp => "$timestamp".to_owned(),
        }
    }
}

/// What an input is filled with, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bound {
    /// The input.
    pub input: String,
    /// The record's field of each column.
    pub fields: Vec<String>,
}

/// What a row must have, because the input cannot say that it is missing or wrong.
#[derive(Debug)]
struct Check {
    source: Source,
    /// Names of the field and of the input.
    field: String,
    input: String,
}

/// One lane's input matrices, filled once per batch; their memory is kept.
#[derive(Debug)]
pub struct Inputs {
    tensors: Vec<Tensor>,
}

impl Binding {
    /// Joins the two.
    ///
    /// # Errors
    /// A field the data type lacks (both names and the nearest one), or a type that does not convert.
    pub fn new(schema: &Schema, signature: &Signature) -> Result<Self, BindError> {
        resolve::binding(schema, signature)
    }

    /// Fields that have to be decoded, as indices into the schema, ascending.
    #[must_use]
    pub fn wanted(&self) -> &[u16] {
        &self.wanted
    }

    /// Which field of a record each column of the inputs takes.
    #[must_use]
    pub fn bound(&self, schema: &Schema, signature: &Signature) -> Vec<Bound> {
        let fields = |matrix: &Matrix| matrix.columns.iter().map(|source| source.name(schema)).collect();
        let bound = |(input, matrix): (&Input, &Matrix)| Bound { input: input.name.clone(), fields: fields(matrix) };
        signature.inputs.iter().zip(self.matrices.iter()).map(bound).collect()
    }

    /// Memory for one lane's inputs.
    #[must_use]
    pub fn inputs(&self) -> Inputs {
        Inputs { tensors: self.matrices.iter().map(|matrix| matrix.pack.empty()).collect() }
    }

    /// Whether a decoded row can be an input: an int64 has no missing value, and a raw key or value taken as text must be UTF-8.
    ///
    /// # Errors
    /// Which field is missing or no text, and for which input.
    #[inline]
    pub fn check(&self, rows: &Rows, row: usize, batch: &Batch) -> Result<(), BindError> {
        self.checks.iter().try_for_each(|check| check.run(rows, row, batch))
    }

    /// Packs rows `selected` (indices into `rows`, each of which passed `check`) into `into`, in that order.
    pub fn pack(&self, rows: &Rows, selected: &[u32], batch: &Batch, into: &mut Inputs) {
        for (matrix, tensor) in self.matrices.iter().zip(&mut into.tensors) {
            pack::pack(matrix, rows, selected, batch, tensor);
        }
    }
}

impl Check {
    #[cold]
    fn run(&self, rows: &Rows, row: usize, batch: &Batch) -> Result<(), BindError> {
        let record = || rows.records().get(row).and_then(|record| batch.records().get(*record as usize));
        let text = |bytes: Option<&[u8]>| bytes.is_none_or(|bytes| std::str::from_utf8(bytes).is_ok());
        let (passed, expected) = match self.source {
            Source::Integer(slot) => (rows.integer(row, slot).is_some(), "is missing, and an int64 cannot be"),
            Source::Timestamp => (record().is_some_and(|record| record.timestamp >= 0), "is missing, and an int64 cannot be"),
            Source::Value => (record().is_some_and(|record| text(batch.value(record))), "is not UTF-8"),
            Source::Key => (record().is_some_and(|record| text(batch.key(record))), "is not UTF-8"),
            Source::Number(_) | Source::Text(_) => (true, ""),
        };
        if passed {
            return Ok(());
        }
        Err(BindError(format!("field `{}` of the record {expected}; input `{}` takes it", self.field, self.input)))
    }
}

impl Inputs {
    /// One matrix per input of the signature.
    #[must_use]
    pub fn tensors(&self) -> Vec<TensorRef<'_>> {
        self.tensors.iter().map(Tensor::view).collect()
    }
}
