//! Small stand-ins for what a lane is given: a format, results that say what they are, and versions of native fake models. Used by
//! the lane's tests and by the simulation (trials/src/sim).
#![allow(dead_code, unreachable_pub, reason = "each program that includes this uses a part of it")]

use std::io::Write as _;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use sandstream::backend::native::Native;
use sandstream::backend::{Backend as _, Payload};
use sandstream::binding::Binding;
use sandstream::codec::{Codec, DecodeError, Decoder, Encoder, ResultRow};
use sandstream::registry::{Registry, Route, Seat, Snapshot, Usage, Version};
use sandstream::types::proto::model_descriptor::ModelType;
use sandstream::types::{Digest, Kind, Limits, ModelId, RowFill, Rows, Schema, Scores, Tensor};

/// Records that are a number in words, "1.5", of a data type with the one field `x`.
pub struct Plain(Arc<Schema>);

impl Plain {
    pub fn of(data_type: &str) -> Result<Arc<dyn Codec>, String> {
        let fields = vec![("x".to_owned(), Kind::Number), ("n".to_owned(), Kind::Integer)];
        let schema = Schema::new(data_type, fields, &[]).map_err(|error| error.to_string())?;
        Ok(Arc::new(Self(Arc::new(schema))))
    }
}

impl Codec for Plain {
    fn schema(&self) -> &Arc<Schema> {
        &self.0
    }

    fn decoder(&self, _wanted: &[u16]) -> Box<dyn Decoder> {
        Box::new(PlainDecoder(RowFill::missing(&self.0)))
    }
}

struct PlainDecoder(RowFill);

impl Decoder for PlainDecoder {
    fn decode(&mut self, record: u32, value: &[u8], rows: &mut Rows) -> Result<(), DecodeError> {
        let text = std::str::from_utf8(value).unwrap_or_default();
        let number = text.parse().map_err(|_| DecodeError { message: format!("expected a number, got `{text}`"), at: 0 })?;
        rows.begin(record, &self.0).number(0, number);
        Ok(())
    }
}

/// Results as words: `<name>@<version> <revision> <partition>/<offset> <y>`.
pub struct PlainEncoder(String);

impl Encoder for PlainEncoder {
    fn encode(&mut self, row: ResultRow<'_>, out: &mut Vec<u8>) {
        let y = match row.scores.outputs.first() {
            Some(Tensor::Float64(values)) => values[row.row],
            _ => f64::NAN,
        };
        let _ = write!(out, "{} {}/{} {y}", self.0, row.record.partition, row.record.offset);
    }
}

/// A version of a fake model with warm seats for so many lanes and a spare.
pub fn version(data_type: &str, name: &str, revision: u64, words: &str, lanes: usize) -> Result<Arc<Version>, String> {
    version_with(data_type, name, revision, words, lanes, Limits::default())
}

/// The same with limits of its own.
pub fn version_with(
    data_type: &str,
    name: &str,
    revision: u64,
    words: &str,
    lanes: usize,
    limits: Limits,
) -> Result<Arc<Version>, String> {
    let id = ModelId { data_type: data_type.to_owned(), name: name.to_owned(), version: revision.to_string() };
    let digest = Digest::of(words.as_bytes());
    let payload = Payload {
        kind: ModelType::Wasm,
        digest,
        data: words.as_bytes().into(),
        config: [].into(),
        artifacts: [].into(),
        signature: None,
        label: id.to_string().into(),
    };
    let model = Native::new().load(&payload, &limits).map_err(|error| error.to_string())?;
    let codec = Plain::of(data_type)?;
    let binding = Binding::new(codec.schema(), model.signature()).map_err(|error| error.to_string())?;
    let until = Instant::now() + Duration::from_secs(10);
    let session = || model.session(until).map_err(|error| error.to_string());
    let seat = || {
        Ok::<_, String>(Mutex::new(Seat {
            session: Some(session()?),
            decoder: codec.decoder(binding.wanted()),
            encoder: Box::new(PlainEncoder(format!("{name}@{revision} {revision}"))),
            inputs: binding.inputs(),
            scores: Scores::default(),
        }))
    };
    let seats = (0..lanes).map(|_| seat()).collect::<Result<Vec<_>, _>>()?.into();
    let spare = Mutex::new(Some(session()?));
    let usage = (0..lanes).map(|_| Usage::default()).collect();
    let evaluator = String::new();
    let quarantined = AtomicBool::new(false);
    Ok(Arc::new(Version { id, digest, revision, evaluator, model, binding, limits, seats, spare, quarantined, usage }))
}

/// A new spare in place of one that was taken.
pub fn new_spare(version: &Version) -> Result<(), String> {
    let session = version.model.session(Instant::now() + Duration::from_secs(10)).map_err(|error| error.to_string())?;
    version.put_spare(session);
    Ok(())
}

/// Puts these routes in force.
pub fn put(registry: &Registry, revision: u64, routes: &[Route]) {
    put_with(registry, revision, routes, &[]);
}

/// Puts these routes in force, and what answered before.
pub fn put_with(registry: &Registry, revision: u64, routes: &[Route], previous: &[Option<Arc<Version>>]) {
    registry.swap(Snapshot { revision, routes: routes.to_vec().into(), previous: previous.to_vec().into() });
}
