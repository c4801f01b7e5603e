//! What a module takes and gives.

use crate::bindings::sandstream::model::types as wit;

/// Element type of a matrix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dtype {
    /// 32-bit floats; NaN is a missing value. The usual choice for numbers.
    Float32,
    /// 64-bit floats; NaN is a missing value.
    Float64,
    /// 64-bit integers; there is no missing value, so a record without the field is not scored.
    Int64,
    /// UTF-8 text.
    Text,
    /// Any bytes; with the field `$value`, the raw record.
    Bytes,
}

/// What a module takes and gives, in the order of `score`'s inputs and outputs.
#[derive(Debug, Clone)]
pub struct Signature(pub(crate) wit::Signature);

impl Signature {
    /// Takes nothing and gives nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self(wit::Signature { inputs: Vec::new(), outputs: Vec::new() })
    }

    /// Takes one more matrix, with one column for each of these record fields. `$value`, `$key` and `$timestamp` are the raw
    /// record's; an empty name takes the data type's own feature at that place.
    #[must_use]
    pub fn input<F: Into<String>>(mut self, name: &str, dtype: Dtype, fields: impl IntoIterator<Item = F>) -> Self {
        let fields = fields.into_iter().map(Into::into).collect();
        self.0.inputs.push(wit::Input { name: name.to_owned(), dtype: dtype.into(), fields });
        self
    }

    /// Gives one more matrix, with `width` values a row; `name` is what it is called in results.
    #[must_use]
    pub fn output(mut self, name: &str, dtype: Dtype, width: u32) -> Self {
        self.0.outputs.push(wit::Output { name: name.to_owned(), dtype: dtype.into(), width });
        self
    }
}

impl Default for Signature {
    fn default() -> Self {
        Self::new()
    }
}

impl From<Dtype> for wit::Dtype {
    fn from(dtype: Dtype) -> Self {
        match dtype {
            Dtype::Float32 => Self::Float32,
            Dtype::Float64 => Self::Float64,
            Dtype::Int64 => Self::Int64,
            Dtype::Text => Self::Text,
            Dtype::Bytes => Self::Bytes,
        }
    }
}
