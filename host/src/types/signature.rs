//! A model's typed inputs and outputs.

use std::fmt;

/// Element type of a tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dtype {
    /// 32-bit float; NaN is missing.
    Float32,
    /// 64-bit float; NaN is missing.
    Float64,
    /// 64-bit integer; has no missing value.
    Int64,
    /// UTF-8, checked.
    Text,
    /// Any bytes.
    Bytes,
}

impl fmt::Display for Dtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Float32 => "float32",
            Self::Float64 => "float64",
            Self::Int64 => "int64",
            Self::Text => "text",
            Self::Bytes => "bytes",
        })
    }
}

/// One input matrix `[rows, fields.len()]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// Name of the input in the model.
    pub name: String,
    /// Element type.
    pub dtype: Dtype,
    /// Record field of each column; `$value`, `$key`, `$timestamp` are the raw record's; an empty string is an unnamed column.
    pub fields: Vec<String>,
}

/// One output matrix `[rows, width]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Name of the output in the model and in results.
    pub name: String,
    /// Element type.
    pub dtype: Dtype,
    /// Values per row; 0 is a width that varies (host graphs only).
    pub width: u32,
}

/// What a model takes and gives.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Signature {
    /// In the order of `score`'s arguments.
    pub inputs: Vec<Input>,
    /// In the order of `score`'s results.
    pub outputs: Vec<Output>,
}
