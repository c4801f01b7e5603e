//! Results as `ScoringResult` of `proto/sandstream.proto`, byte for byte as prost writes that message with its map entries in the
//! order of the signature. Everything before the offset is constant per version, topic and partition, and copied as a whole.

use std::sync::Arc;

use prost::Message;

use super::wire::{FIXED64, LENGTH, VARINT, put_varint, varint_size};
use crate::codec::result::{Cells, Prefixes, cells, topic};
use crate::codec::{Encoder, Encoding, ResultMeta, ResultRow, Stamp};
use crate::types::proto::ScoringResult;
use crate::types::{Kind, Output, Record, Rows};

// The tags of `ScoringResult` and of what is in it.
const OFFSET: u8 = 10 << 3 | VARINT;
const TIMESTAMP: u8 = 11 << 3 | VARINT;
const OUTPUTS: u8 = 12 << 3 | LENGTH;
const INCLUDED: u8 = 13 << 3 | LENGTH;
const ENTRY_KEY: u8 = 1 << 3 | LENGTH;
const ENTRY_VALUE: u8 = 2 << 3 | LENGTH;
const NUMBERS: u8 = 1 << 3 | LENGTH;
const INTEGERS: u8 = 2 << 3 | LENGTH;
const TEXTS: u8 = 3 << 3 | LENGTH;
const BLOBS: u8 = 4 << 3 | LENGTH;
const NUMBER: u8 = 1 << 3 | FIXED64;
const INTEGER: u8 = 2 << 3 | VARINT;
const TEXT: u8 = 3 << 3 | LENGTH;
const BLOB: u8 = 4 << 3 | LENGTH;

/// The format `protobuf` of results.
pub(in crate::codec) struct ProtobufEncoding;

impl Encoding for ProtobufEncoding {
    fn stamp(&self, meta: ResultMeta) -> Arc<dyn Stamp> {
        Arc::new(ProtobufStamp(Arc::new(Parts::new(meta))))
    }
}

struct ProtobufStamp(Arc<Parts>);

impl Stamp for ProtobufStamp {
    fn encoder(&self) -> Box<dyn Encoder> {
        Box::new(ProtobufEncoder { parts: Arc::clone(&self.0), prefixes: Prefixes::default(), scratch: Vec::new() })
    }
}

/// What is known with the version.
struct Parts {
    meta: ResultMeta,
    included: Vec<Included>,
    outputs: Vec<Named>,
}

/// A field of the record: its key as in a map entry, and where its value is.
struct Included {
    key: Vec<u8>,
    kind: Kind,
    slot: u16,
}

/// An output: its key as in a map entry, and, for floats, the whole entry up to the values.
struct Named {
    key: Vec<u8>,
    floats: Vec<u8>,
    width: usize,
}

impl Parts {
    fn new(meta: ResultMeta) -> Self {
        let included =
            meta.include.iter().map(|field| Included { key: key(&field.name), kind: field.kind, slot: field.slot }).collect();
        let outputs = meta.outputs.iter().map(Named::new).collect();
        Self { included, outputs, meta }
    }

    /// Fields 1 to 9.
    fn prefix(&self, record: &Record) -> Vec<u8> {
        let meta = self.meta.clone();
        let result = ScoringResult {
            topic: topic(&meta, record.topic).to_owned(),
            data_type: meta.data_type,
            model: meta.model,
            version: meta.version,
            digest: meta.digest.to_string(),
            evaluator: meta.evaluator,
            revision: meta.revision,
            role: meta.role,
            partition: record.partition,
            ..ScoringResult::default()
        };
        result.encode_to_vec()
    }
}

impl Named {
    fn new(output: &Output) -> Self {
        let (key, width) = (key(&output.name), output.width as usize);
        let mut head = Vec::new();
        if width > 0 {
            head.push(NUMBERS);
            put_varint(8 * width as u64, &mut head);
        }
        let mut floats = Vec::new();
        entry(OUTPUTS, &key, head.len() + 8 * width, &mut floats);
        floats.extend_from_slice(&head);
        Self { key, floats, width }
    }
}

/// The key of a map entry; an empty one is left out.
fn key(name: &str) -> Vec<u8> {
    let mut out = Vec::new();
    if !name.is_empty() {
        bytes(ENTRY_KEY, name.as_bytes(), &mut out);
    }
    out
}

/// A map entry up to its value of `length` bytes; an empty value is left out.
fn entry(tag: u8, key: &[u8], length: usize, out: &mut Vec<u8>) {
    let head = if length > 0 { 1 + varint_size(length as u64) } else { 0 };
    out.push(tag);
    put_varint((key.len() + head + length) as u64, out);
    out.extend_from_slice(key);
    if length > 0 {
        out.push(ENTRY_VALUE);
        put_varint(length as u64, out);
    }
}

struct ProtobufEncoder {
    parts: Arc<Parts>,
    prefixes: Prefixes,
    /// A value whose length has to be known before it is written.
    scratch: Vec<u8>,
}

impl Encoder for ProtobufEncoder {
    fn encode(&mut self, row: ResultRow<'_>, out: &mut Vec<u8>) {
        let (parts, record) = (&*self.parts, row.record);
        out.extend_from_slice(self.prefixes.get(record.topic, record.partition, || parts.prefix(record)));
        integer(OFFSET, record.offset, out);
        integer(TIMESTAMP, record.timestamp, out);
        for (output, tensor) in parts.outputs.iter().zip(&row.scores.outputs) {
            values(output, &cells(tensor, row.row, output.width), &mut self.scratch, out);
        }
        for field in &parts.included {
            self.scratch.clear();
            included(field, row.rows, row.decoded, &mut self.scratch);
            entry(INCLUDED, &field.key, self.scratch.len(), out);
            out.extend_from_slice(&self.scratch);
        }
    }
}

#[inline(always)]
fn values(output: &Named, cells: &Cells<'_>, scratch: &mut Vec<u8>, out: &mut Vec<u8>) {
    match cells {
        Cells::Float32(values) => floats(output, values.iter().map(|value| f64::from(*value)), out),
        Cells::Float64(values) => floats(output, values.iter().copied(), out),
        other => {
            scratch.clear();
            varying(other, scratch);
            entry(OUTPUTS, &output.key, scratch.len(), out);
            out.extend_from_slice(scratch);
        }
    }
}

#[inline(always)]
fn floats(output: &Named, values: impl Iterator<Item = f64>, out: &mut Vec<u8>) {
    out.extend_from_slice(&output.floats);
    values.for_each(|value| out.extend_from_slice(&value.to_le_bytes()));
}

/// Values whose size depends on them. A missing text or blob is an empty one: the message has no word for it.
fn varying(cells: &Cells<'_>, out: &mut Vec<u8>) {
    match cells {
        Cells::Int64(values) if !values.is_empty() => {
            out.push(INTEGERS);
            put_varint(values.iter().map(|value| varint_size(*value as u64) as u64).sum(), out);
            values.iter().for_each(|value| put_varint(*value as u64, out));
        }
        Cells::Text(values) => values.iter().for_each(|value| bytes(TEXTS, value.unwrap_or_default(), out)),
        Cells::Bytes(values) => values.iter().for_each(|value| bytes(BLOBS, value.unwrap_or_default(), out)),
        _ => {}
    }
}

/// The `Value` of a field; of a missing one, nothing.
fn included(field: &Included, rows: &Rows, row: usize, out: &mut Vec<u8>) {
    match field.kind {
        Kind::Number => {
            let value = rows.number(row, field.slot);
            if !value.is_nan() {
                out.push(NUMBER);
                out.extend_from_slice(&value.to_le_bytes());
            }
        }
        Kind::Integer => {
            if let Some(value) = rows.integer(row, field.slot) {
                out.push(INTEGER);
                put_varint(value as u64, out);
            }
        }
        Kind::Text | Kind::Bytes => {
            if let Some(value) = rows.text(row, field.slot) {
                bytes(if field.kind == Kind::Text { TEXT } else { BLOB }, value, out);
            }
        }
    }
}

/// A field whose zero is left out.
#[inline(always)]
fn integer(tag: u8, value: i64, out: &mut Vec<u8>) {
    if value != 0 {
        out.push(tag);
        put_varint(value as u64, out);
    }
}

fn bytes(tag: u8, value: &[u8], out: &mut Vec<u8>) {
    out.push(tag);
    put_varint(value.len() as u64, out);
    out.extend_from_slice(value);
}
