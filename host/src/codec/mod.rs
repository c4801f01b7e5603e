//! The seam to record formats. A codec belongs to a data type; a decoder and an encoder belong to one lane and one version, so
//! they may keep guesses and scratch memory.
//!
//! One folder per format. A format with a schema of its own reads it when it is opened; per record it only walks bytes.

mod base64;
mod json;
mod protobuf;
mod raw;
mod result;
mod select;
mod spec;

use std::sync::Arc;

pub use result::check_include;
pub use select::Selector;
pub use spec::{Declared, Error, Format, Protobuf, ProtobufSchema, Spec};

use crate::types::{Digest, Field, Output, Record, Revision, Rows, Schema, Scores};

/// A record that cannot be decoded: its own fault, so it becomes a dead letter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} at byte {at}")]
pub struct DecodeError {
    /// What was expected and what came.
    pub message: String,
    /// Offset into the record's value.
    pub at: usize,
}

/// Opens a data type: the list of formats.
///
/// # Errors
/// The format is not built, its schema cannot be read, or its fields make no schema.
pub fn open(spec: &Spec) -> Result<Arc<dyn Codec>, Error> {
    match &spec.format {
        Format::Json => json::open(spec),
        Format::Protobuf(format) => protobuf::open(spec, format),
        Format::Raw => raw::open(spec),
        Format::Avro => Err(Error::NotBuilt { data_type: spec.data_type.clone(), format: "avro" }),
    }
}

/// A format that results are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResultFormat {
    /// A flat JSON object.
    Json,
    /// `ScoringResult` of `proto/sandstream.proto`.
    Protobuf,
}

/// The list of formats of results.
#[must_use]
pub fn encoding(format: ResultFormat) -> Arc<dyn Encoding> {
    match format {
        ResultFormat::Json => Arc::new(json::JsonEncoding),
        ResultFormat::Protobuf => Arc::new(protobuf::ProtobufEncoding),
    }
}

/// Appends the outputs of one row to `out` as a JSON result has them: `{"quality":5.1}`, a list where an output is wider than 1.
/// `row` is a row of `scores`, whose tensors are those of `outputs`.
pub fn outputs_as_json(outputs: &[Output], scores: &Scores, row: usize, out: &mut Vec<u8>) {
    json::outputs(outputs, scores, row, out);
}

/// Appends bytes as a JSON record has them, without the quotes around them.
pub fn bytes_as_json(bytes: &[u8], out: &mut Vec<u8>) {
    base64::encode(bytes, out);
}

/// A data type's format and schema.
pub trait Codec: Send + Sync {
    /// All fields of the data type.
    fn schema(&self) -> &Arc<Schema>;

    /// A decoder that fills these fields (indices into the schema) and skips the others.
    fn decoder(&self, wanted: &[u16]) -> Box<dyn Decoder>;
}

/// Walks a record's bytes into rows; compiled for the fields that are wanted.
pub trait Decoder: Send {
    /// Adds the row of record number `record` of a batch. On an error the rows are as before.
    ///
    /// # Errors
    /// The record is not of the data type.
    fn decode(&mut self, record: u32, value: &[u8], rows: &mut Rows) -> Result<(), DecodeError>;
}

/// What is the same for all results of a version.
#[derive(Debug, Clone)]
pub struct ResultMeta {
    /// Data type.
    pub data_type: String,
    /// Name of the model.
    pub model: String,
    /// Its version.
    pub version: String,
    /// Its digest.
    pub digest: Digest,
    /// Its evaluator, `name@version`; empty when it has none.
    pub evaluator: String,
    /// Offset of its announcement.
    pub revision: Revision,
    /// Why this version answered: `live`.
    pub role: String,
    /// The stream's input topics.
    pub topics: Vec<String>,
    /// The model's outputs.
    pub outputs: Vec<Output>,
    /// Fields of the record that the result repeats.
    pub include: Vec<Field>,
}

/// A row of results to be encoded.
#[derive(Debug, Clone, Copy)]
pub struct ResultRow<'a> {
    /// The record it answers.
    pub record: &'a Record,
    /// What the model said ..
    pub scores: &'a Scores,
    /// .. and which row of it is meant.
    pub row: usize,
    /// The decoded record, for `include` ..
    pub rows: &'a Rows,
    /// .. and its row.
    pub decoded: usize,
}

/// A format of results.
pub trait Encoding: Send + Sync {
    /// Prepares everything that is constant for a version: its stamp.
    fn stamp(&self, meta: ResultMeta) -> Arc<dyn Stamp>;
}

/// The constant part of a version's results.
pub trait Stamp: Send + Sync {
    /// An encoder for one lane.
    fn encoder(&self) -> Box<dyn Encoder>;
}

/// Writes results.
pub trait Encoder: Send {
    /// Appends the encoded result to `out`.
    fn encode(&mut self, row: ResultRow<'_>, out: &mut Vec<u8>);
}
