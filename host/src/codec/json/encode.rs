//! Results as flat JSON objects. What is constant per version, topic and partition comes first and is copied as a whole; what
//! varies follows: offset, timestamp, the record's own fields, outputs.

use std::sync::Arc;

use crate::codec::result::{Cells, Prefixes, Strings, cells, topic};
use crate::codec::{Encoder, Encoding, ResultMeta, ResultRow, Stamp, base64};
use crate::types::{Kind, Output, Record, Rows, Scores};

/// The format `json` of results.
pub(in crate::codec) struct JsonEncoding;

impl Encoding for JsonEncoding {
    fn stamp(&self, meta: ResultMeta) -> Arc<dyn Stamp> {
        Arc::new(JsonStamp(Arc::new(Parts::new(meta))))
    }
}

struct JsonStamp(Arc<Parts>);

impl Stamp for JsonStamp {
    fn encoder(&self) -> Box<dyn Encoder> {
        Box::new(JsonEncoder { parts: Arc::clone(&self.0), prefixes: Prefixes::default() })
    }
}

/// What is known with the version.
struct Parts {
    meta: ResultMeta,
    included: Vec<Included>,
    outputs: Vec<Labelled>,
    end: &'static [u8],
}

/// A field of the record, with what is written before its value.
struct Included {
    label: Vec<u8>,
    kind: Kind,
    slot: u16,
}

/// An output, with what is written before its value.
struct Labelled {
    label: Vec<u8>,
    width: usize,
}

impl Parts {
    fn new(meta: ResultMeta) -> Self {
        let included = meta.include.iter().map(|field| {
            let mut label = Vec::new();
            member(&field.name, &mut label);
            Included { label, kind: field.kind, slot: field.slot }
        });
        let included = included.collect();
        let outputs = meta.outputs.iter().enumerate().map(|(i, output)| labelled(i, output)).collect();
        let end = if meta.outputs.is_empty() { b",\"outputs\":{}}".as_slice() } else { b"}}" };
        Self { included, outputs, end, meta }
    }

    /// Everything up to the offset.
    fn prefix(&self, record: &Record) -> Vec<u8> {
        let meta = &self.meta;
        let mut out = b"{\"data_type\":".to_vec();
        text(meta.data_type.as_bytes(), &mut out);
        let digest = meta.digest.to_string();
        let named = [("model", &meta.model), ("version", &meta.version), ("digest", &digest), ("evaluator", &meta.evaluator)];
        for (name, value) in named {
            if name != "evaluator" || !value.is_empty() {
                member(name, &mut out);
                text(value.as_bytes(), &mut out);
            }
        }
        member("revision", &mut out);
        out.extend_from_slice(itoa::Buffer::new().format(meta.revision).as_bytes());
        member("role", &mut out);
        text(meta.role.as_bytes(), &mut out);
        member("topic", &mut out);
        text(topic(meta, record.topic).as_bytes(), &mut out);
        member("partition", &mut out);
        integer(i64::from(record.partition), &mut out);
        member("offset", &mut out);
        out
    }
}

fn labelled(i: usize, output: &Output) -> Labelled {
    let mut label = Vec::new();
    if i == 0 {
        label.extend_from_slice(b",\"outputs\":{");
        text(output.name.as_bytes(), &mut label);
        label.push(b':');
    } else {
        member(&output.name, &mut label);
    }
    Labelled { label, width: output.width as usize }
}

struct JsonEncoder {
    parts: Arc<Parts>,
    prefixes: Prefixes,
}

impl Encoder for JsonEncoder {
    fn encode(&mut self, row: ResultRow<'_>, out: &mut Vec<u8>) {
        let (parts, record) = (&*self.parts, row.record);
        out.extend_from_slice(self.prefixes.get(record.topic, record.partition, || parts.prefix(record)));
        integer(record.offset, out);
        out.extend_from_slice(b",\"timestamp\":");
        integer(record.timestamp, out);
        for field in &parts.included {
            out.extend_from_slice(&field.label);
            included(field, row.rows, row.decoded, out);
        }
        for (output, tensor) in parts.outputs.iter().zip(&row.scores.outputs) {
            out.extend_from_slice(&output.label);
            value(&cells(tensor, row.row, output.width), output.width == 1, out);
        }
        out.extend_from_slice(parts.end);
    }
}

/// Appends the outputs of one row as a result has them: `{"quality":5.1,"probabilities":[0.2,0.8]}`.
pub(in crate::codec) fn outputs(outputs: &[Output], scores: &Scores, row: usize, out: &mut Vec<u8>) {
    out.push(b'{');
    for (i, (output, tensor)) in outputs.iter().zip(&scores.outputs).enumerate() {
        if i > 0 {
            out.push(b',');
        }
        text(output.name.as_bytes(), out);
        out.push(b':');
        let width = output.width as usize;
        value(&cells(tensor, row, width), width == 1, out);
    }
    out.push(b'}');
}

fn included(field: &Included, rows: &Rows, row: usize, out: &mut Vec<u8>) {
    match field.kind {
        Kind::Number => number(rows.number(row, field.slot), out),
        Kind::Integer => match rows.integer(row, field.slot) {
            Some(value) => integer(value, out),
            None => null(out),
        },
        Kind::Text => optional(rows.text(row, field.slot), text, out),
        Kind::Bytes => optional(rows.text(row, field.slot), bytes, out),
    }
}

#[inline(always)]
fn value(cells: &Cells<'_>, single: bool, out: &mut Vec<u8>) {
    match cells {
        Cells::Float32(values) => list(values.iter().copied(), single, number, out),
        Cells::Float64(values) => list(values.iter().copied(), single, number, out),
        Cells::Int64(values) => list(values.iter().copied(), single, integer, out),
        Cells::Text(values) => strings(values, single, text, out),
        Cells::Bytes(values) => strings(values, single, bytes, out),
    }
}

fn strings(values: &Strings<'_>, single: bool, write: fn(&[u8], &mut Vec<u8>), out: &mut Vec<u8>) {
    list(values.iter(), single, |value, out| optional(value, write, out), out);
}

/// The value alone where an output is one value wide, a list otherwise.
#[inline(always)]
fn list<T>(values: impl Iterator<Item = T>, single: bool, write: impl Fn(T, &mut Vec<u8>), out: &mut Vec<u8>) {
    if !single {
        out.push(b'[');
    }
    for (i, value) in values.enumerate() {
        if i > 0 {
            out.push(b',');
        }
        write(value, out);
    }
    if !single {
        out.push(b']');
    }
}

fn null(out: &mut Vec<u8>) {
    out.extend_from_slice(b"null");
}

fn optional(value: Option<&[u8]>, write: fn(&[u8], &mut Vec<u8>), out: &mut Vec<u8>) {
    match value {
        Some(value) => write(value, out),
        None => null(out),
    }
}

#[inline(always)]
fn integer(value: i64, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// The shortest text that reads back as the same float of its own width: an f32 is not widened first.
#[inline(always)]
fn number<F: zmij::Float + Into<f64> + Copy>(value: F, out: &mut Vec<u8>) {
    let wide: f64 = value.into();
    if wide.is_finite() {
        out.extend_from_slice(zmij::Buffer::new().format_finite(value).as_bytes());
    } else {
        not_finite(wide, out);
    }
}

#[cold]
fn not_finite(value: f64, out: &mut Vec<u8>) {
    let text = if value.is_nan() {
        "null"
    } else if value > 0.0 {
        "\"Infinity\""
    } else {
        "\"-Infinity\""
    };
    out.extend_from_slice(text.as_bytes());
}

/// `,"name":`
fn member(name: &str, out: &mut Vec<u8>) {
    out.push(b',');
    text(name.as_bytes(), out);
    out.push(b':');
}

/// A text in quotes, escaped where JSON asks for it.
fn text(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    let mut rest = text;
    while let Some(at) = rest.iter().position(|byte| matches!(byte, 0..0x20 | b'"' | b'\\')) {
        out.extend_from_slice(&rest[..at]);
        escape(rest[at], out);
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

#[cold]
fn escape(byte: u8, out: &mut Vec<u8>) {
    let short = match byte {
        8 => b'b',
        12 => b'f',
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        b'"' | b'\\' => byte,
        _ => {
            let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0') as u8;
            out.extend_from_slice(&[b'\\', b'u', b'0', b'0', digit(byte >> 4), digit(byte & 15)]);
            return;
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}

fn bytes(bytes: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    base64::encode(bytes, out);
    out.push(b'"');
}
