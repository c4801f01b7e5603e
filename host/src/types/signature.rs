//! A model's typed inputs and outputs.

use std::fmt;

use serde::Deserialize;

use super::proto;

/// Element type of a tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
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
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Name of the input in the model.
    pub name: String,
    /// Element type.
    pub dtype: Dtype,
    /// Record field of each column; `$value`, `$key`, `$timestamp` are the raw record's; an empty string is an unnamed column.
    pub fields: Vec<String>,
    /// Dimensions of one row in a graph that leaves them open; empty otherwise.
    #[serde(default)]
    pub dims: Vec<u32>,
}

/// One output matrix `[rows, width]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Output {
    /// Name of the output in the model and in results.
    pub name: String,
    /// Element type.
    pub dtype: Dtype,
    /// Values per row; 0 is a width that varies (host graphs only).
    pub width: u32,
}

/// What a model takes and gives.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signature {
    /// In the order of `score`'s arguments.
    #[serde(default)]
    pub inputs: Vec<Input>,
    /// In the order of `score`'s results.
    #[serde(default)]
    pub outputs: Vec<Output>,
}

impl Signature {
    /// Reads one that is written as JSON: what a publisher says of a graph.
    ///
    /// # Errors
    /// What was expected, and where it is otherwise.
    pub fn from_json(text: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(text).map_err(|error| {
            format!(
                "expected {{\"inputs\":[{{\"name\":..,\"dtype\":\"float32|float64|int64|text|bytes\",\"fields\":[..],\"dims\":[..]}}], \
                 \"outputs\":[{{\"name\":..,\"dtype\":..,\"width\":..}}]}}, where `dims` and `outputs` may be absent: {error}"
            )
        })
    }
}

impl TryFrom<&proto::Signature> for Signature {
    type Error = String;

    fn try_from(signature: &proto::Signature) -> Result<Self, String> {
        let input = |input: &proto::signature::Input| {
            let (name, fields, dims) = (input.name.clone(), input.fields.clone(), input.dims.clone());
            Ok(Input { name, dtype: dtype(input.dtype)?, fields, dims })
        };
        let output = |output: &proto::signature::Output| {
            Ok(Output { name: output.name.clone(), dtype: dtype(output.dtype)?, width: output.width })
        };
        Ok(Self {
            inputs: signature.inputs.iter().map(input).collect::<Result<_, String>>()?,
            outputs: signature.outputs.iter().map(output).collect::<Result<_, String>>()?,
        })
    }
}

fn dtype(number: i32) -> Result<Dtype, String> {
    match proto::Dtype::try_from(number) {
        Ok(proto::Dtype::Float32) => Ok(Dtype::Float32),
        Ok(proto::Dtype::Float64) => Ok(Dtype::Float64),
        Ok(proto::Dtype::Int64) => Ok(Dtype::Int64),
        Ok(proto::Dtype::Text) => Ok(Dtype::Text),
        Ok(proto::Dtype::Bytes) => Ok(Dtype::Bytes),
        Err(_) => Err(format!("the descriptor's signature has an element type {number} that this host does not know")),
    }
}

impl From<&Signature> for proto::Signature {
    fn from(signature: &Signature) -> Self {
        let dtype = |dtype| match dtype {
            Dtype::Float32 => proto::Dtype::Float32 as i32,
            Dtype::Float64 => proto::Dtype::Float64 as i32,
            Dtype::Int64 => proto::Dtype::Int64 as i32,
            Dtype::Text => proto::Dtype::Text as i32,
            Dtype::Bytes => proto::Dtype::Bytes as i32,
        };
        let input = |input: &Input| proto::signature::Input {
            name: input.name.clone(),
            dtype: dtype(input.dtype),
            fields: input.fields.clone(),
            dims: input.dims.clone(),
        };
        let output = |output: &Output| proto::signature::Output {
            name: output.name.clone(),
            dtype: dtype(output.dtype),
            width: output.width,
        };
        Self { inputs: signature.inputs.iter().map(input).collect(), outputs: signature.outputs.iter().map(output).collect() }
    }
}
