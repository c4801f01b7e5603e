//! What the configuration says of a data type.

use std::path::PathBuf;

use super::ResultFormat;
use crate::types::{Dtype, Kind, SchemaError, Signature, normalise};

/// A data type: its format, its fields, its ordered feature list.
#[derive(Debug, Clone)]
pub struct Spec {
    /// Name of the data type.
    pub data_type: String,
    /// Format of its records.
    pub format: Format,
    /// Its fields. A format with a schema of its own (Protobuf) has all of the schema's where this is empty, these alone otherwise.
    pub fields: Vec<Declared>,
    /// Ordered feature list; empty for all fields.
    pub features: Vec<String>,
}

impl Spec {
    /// JSON records with the fields that a model asks for by name, each of the kind that it takes: for a model that no data type is
    /// declared for.
    #[must_use]
    pub fn asked_by(signature: &Signature) -> Self {
        let mut fields: Vec<Declared> = Vec::new();
        for input in &signature.inputs {
            let kind = match input.dtype {
                Dtype::Float32 | Dtype::Float64 => Kind::Number,
                Dtype::Int64 => Kind::Integer,
                Dtype::Text => Kind::Text,
                Dtype::Bytes => Kind::Bytes,
            };
            for name in input.fields.iter().filter(|name| !name.is_empty() && !name.starts_with('$')) {
                if !fields.iter().any(|known| normalise(&known.name) == normalise(name)) {
                    fields.push(Declared { name: name.clone(), kind: Some(kind) });
                }
            }
        }
        Self { data_type: "input".to_owned(), format: Format::Json, fields, features: Vec::new() }
    }
}

/// A field as it is declared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declared {
    /// Its name. `a.b` is field `b` of the object or message `a`; in JSON also a member called `a.b`, which comes first.
    pub name: String,
    /// What it holds; `None` is the schema's own kind, or a number where there is no schema.
    pub kind: Option<Kind>,
}

/// A format of records, and what it needs to be read.
#[derive(Debug, Clone)]
pub enum Format {
    /// One JSON object per record.
    Json,
    /// One Protobuf message per record.
    Protobuf(Protobuf),
    /// Any bytes: no fields, only `$value`, `$key` and `$timestamp`.
    Raw,
    /// Not built yet: `open` says so.
    Avro,
}

impl Format {
    /// The formats' names in a configuration.
    pub const NAMES: [&'static str; 4] = ["json", "protobuf", "raw", "avro"];

    /// The format of results where none is configured: that of the records, if it is one.
    #[must_use]
    pub fn results(&self) -> ResultFormat {
        match self {
            Self::Protobuf(_) => ResultFormat::Protobuf,
            Self::Json | Self::Raw | Self::Avro => ResultFormat::Json,
        }
    }
}

/// Where a Protobuf data type's schema is.
#[derive(Debug, Clone)]
pub struct Protobuf {
    /// The schema.
    pub schema: ProtobufSchema,
    /// Name of the record's message, with or without its package; may be left out where the schema file has a single one.
    pub message: Option<String>,
    /// Folders in which imports are looked up; the schema file's own folder comes last by itself.
    pub includes: Vec<PathBuf>,
}

/// A Protobuf schema.
#[derive(Debug, Clone)]
pub enum ProtobufSchema {
    /// A `.proto` file, or a compiled `FileDescriptorSet` under any other name.
    File(PathBuf),
    /// The text of a `.proto` file.
    Text(String),
    /// A compiled `FileDescriptorSet`; the last file in it holds the message.
    Descriptors(Vec<u8>),
}

/// A data type that cannot be opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A format of the contract that does not exist yet.
    #[error("data type `{data_type}`: format `{format}` is not built yet; use json, protobuf or raw")]
    NotBuilt {
        /// Data type.
        data_type: String,
        /// The format.
        format: &'static str,
    },
    /// Fields or features that make no schema.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// The Protobuf schema cannot be read or has no such message.
    #[error("data type `{data_type}`: {reason}")]
    Protobuf {
        /// Data type.
        data_type: String,
        /// What was expected, what came, and what to do.
        reason: String,
    },
    /// A field that the format cannot serve as it is declared.
    #[error("data type `{data_type}`: field `{field}`: {reason}")]
    Field {
        /// Data type.
        data_type: String,
        /// The field.
        field: String,
        /// What is in the way.
        reason: String,
    },
    /// A field asked for by `include` whose name means something else in a result.
    #[error("data type `{data_type}`: a result cannot include field `{field}`: {reason}")]
    Include {
        /// Data type.
        data_type: String,
        /// The field.
        field: String,
        /// What is in the way.
        reason: String,
    },
    /// Data types that no one field can tell apart.
    #[error("a data type cannot be chosen by field `{field}`: {reason}")]
    Selector {
        /// The field.
        field: String,
        /// What is in the way.
        reason: String,
    },
}
