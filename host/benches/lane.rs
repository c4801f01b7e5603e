//! What the lane itself costs: steps over a link that has records at once and forgets what it is sent. Cases run interleaved, a
//! step of 1,024 records each; printed are the medians over all rounds in nanoseconds per record, with the least and the greatest
//! beside them.
//!
//! `cargo bench --bench lane [-- ROUNDS]`
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, reason = "a bench fails by panicking")]

#[path = "../tests/fakes/mod.rs"]
mod fakes;

use std::hint::black_box;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use sandstream::backend::native::{Native, Scorer};
use sandstream::backend::{Backend as _, Fault, Payload};
use sandstream::binding::Binding;
use sandstream::codec::{
    Codec, Declared, DecodeError, Decoder, Encoder, Format, ResultFormat, ResultMeta, ResultRow, Spec, encoding, open,
};
use sandstream::pipeline::{Config, DataType, Input, Lane, Step, TypeOf};
use sandstream::registry::{Registry, Route, Seat, Usage, Version};
use sandstream::stream::{Event, Link, LinkError, Offsets, Outgoing, Partition, Sink};
use sandstream::types::proto::model_descriptor::ModelType;
use sandstream::types::{
    Batch, Digest, Dtype, Input as Matrix, Kind, Limits, ModelId, Output, RowFill, Rows, Schema, Scores, Signature, Tensor,
    TensorRef,
};

const ROWS: usize = 1024;
const PARTITIONS: i32 = 8;
const FIELDS: [&str; 11] = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"];

/// Has `ROWS` records whenever it is asked, in runs of one partition, and forgets what it is sent.
struct Null {
    values: Vec<Vec<u8>>,
    types: Option<[&'static str; 2]>,
    offset: i64,
    assigned: bool,
    sent: u64,
}

impl Null {
    fn records(&mut self, batch: &mut Batch) {
        let run = ROWS / PARTITIONS as usize;
        for (i, value) in self.values.iter().enumerate() {
            let (partition, offset) = ((i / run) as i32, self.offset + (i % run) as i64);
            let header = self.types.map(|types| (&b"type"[..], Some(types[i % 2].as_bytes())));
            batch.push(0, partition, offset, 1, Some(b"key"), Some(value), header.into_iter());
        }
        self.offset += run as i64;
    }
}

impl Link for Null {
    fn fill(&mut self, batch: &mut Batch, _until: Instant) -> Result<Event, LinkError> {
        if !std::mem::replace(&mut self.assigned, true) {
            return Ok(Event::Assigned((0..PARTITIONS).map(|number| Partition { topic: 0, number }).collect()));
        }
        self.records(batch);
        Ok(Event::Filled)
    }
    fn events(&mut self) -> Result<Option<Event>, LinkError> {
        Ok(None)
    }
    fn send(&mut self, out: Outgoing<'_>) -> Result<(), LinkError> {
        self.sent += black_box(&out).value.map_or(0, <[u8]>::len) as u64;
        Ok(())
    }
    fn commit(&mut self, next: &Offsets) -> Result<(), LinkError> {
        black_box(next);
        Ok(())
    }
    fn abort(&mut self) -> Result<(), LinkError> {
        Ok(())
    }
    fn reopen(&mut self) -> Result<(), LinkError> {
        Ok(())
    }
    fn release(&mut self) -> Result<(), LinkError> {
        Ok(())
    }
    fn hold(&mut self, _from: &Offsets) -> Result<(), LinkError> {
        Ok(())
    }
    fn resume(&mut self) -> Result<(), LinkError> {
        Ok(())
    }
    fn partitions(&self, _sink: Sink) -> i32 {
        PARTITIONS
    }
}

/// A format without work: every row has the same number.
struct Free(Arc<Schema>);

impl Codec for Free {
    fn schema(&self) -> &Arc<Schema> {
        &self.0
    }
    fn decoder(&self, _wanted: &[u16]) -> Box<dyn Decoder> {
        Box::new(FreeDecoder(RowFill::missing(&self.0)))
    }
}

struct FreeDecoder(RowFill);

impl Decoder for FreeDecoder {
    fn decode(&mut self, record: u32, _value: &[u8], rows: &mut Rows) -> Result<(), DecodeError> {
        rows.begin(record, &self.0).number(0, 1.0);
        Ok(())
    }
}

struct FreeEncoder;

impl Encoder for FreeEncoder {
    fn encode(&mut self, _row: ResultRow<'_>, out: &mut Vec<u8>) {
        out.extend_from_slice(b"0123456789abcdef0123456789abcdef");
    }
}

fn signature(fields: &[&str]) -> Signature {
    let fields = fields.iter().map(|name| (*name).to_owned()).collect();
    Signature {
        inputs: vec![Matrix { name: "x".to_owned(), dtype: Dtype::Float32, fields, dims: Vec::new() }],
        outputs: vec![Output { name: "y".to_owned(), dtype: Dtype::Float32, width: 1 }],
    }
}

/// Sums with weights: what wine-linear does.
fn linear(width: usize) -> impl Scorer {
    let weights: Vec<f32> = (0..width).map(|i| 0.5 + i as f32).collect();
    move |_rows: u32, x: &[TensorRef<'_>], y: &mut Scores| {
        let [TensorRef::Float32(x)] = x else { return Err(Fault::Refused("one matrix".to_owned())) };
        let dot = |row: &[f32]| row.iter().zip(&weights).map(|(a, b)| a * b).sum::<f32>();
        y.outputs.push(Tensor::Float32(x.chunks_exact(weights.len()).map(dot).collect()));
        Ok(())
    }
}

fn version(data_type: &str, codec: &dyn Codec, fields: &[&str], real: bool) -> Arc<Version> {
    let width = fields.len();
    let native = Native::new().register("linear", signature(fields), move |_| Ok(linear(width)));
    let id = ModelId { data_type: data_type.to_owned(), name: "m".to_owned(), version: "1".to_owned() };
    let payload = Payload {
        kind: ModelType::Wasm,
        digest: Digest::of(b"linear"),
        data: b"linear"[..].into(),
        config: [].into(),
        artifacts: [].into(),
        signature: None,
        label: "m".into(),
    };
    let model = native.load(&payload, &Limits::default()).unwrap();
    let binding = Binding::new(codec.schema(), model.signature()).unwrap();
    let stamp = encoding(ResultFormat::Json).stamp(ResultMeta {
        data_type: data_type.to_owned(),
        model: "m".to_owned(),
        version: "1".to_owned(),
        digest: payload.digest,
        evaluator: String::new(),
        revision: 1,
        role: "live".to_owned(),
        topics: vec!["in".to_owned()],
        outputs: model.signature().outputs.clone(),
        include: Vec::new(),
    });
    let seat = Seat {
        session: Some(model.session(Instant::now() + Duration::from_secs(1)).unwrap()),
        decoder: codec.decoder(binding.wanted()),
        encoder: if real { stamp.encoder() } else { Box::new(FreeEncoder) },
        inputs: binding.inputs(),
        scores: Scores::default(),
    };
    Arc::new(Version {
        id,
        digest: payload.digest,
        revision: 1,
        evaluator: String::new(),
        model,
        binding,
        limits: Limits::default(),
        seats: [Mutex::new(seat)].into(),
        spare: Mutex::new(None),
        quarantined: AtomicBool::new(false),
        usage: [Usage::default()].into(),
    })
}

fn lane(codec: &Arc<dyn Codec>, types: &[&'static str], fields: &[&str], values: Vec<Vec<u8>>, real: bool) -> Lane<Null> {
    let data_type = |name: &&str| DataType { name: (*name).to_owned(), codec: Arc::clone(codec) };
    let declared = types.iter().map(data_type).collect();
    let constant = types.len() == 1;
    let type_of = if constant { TypeOf::Constant(0) } else { TypeOf::Header("type".to_owned()) };
    let config = Config::new("s", "g", vec![Input { topic: "in".to_owned(), partitions: PARTITIONS }], declared, type_of);
    let registry = Arc::new(Registry::new(types.len()));
    let routes: Vec<_> = types.iter().map(|name| Route::Live(version(name, codec.as_ref(), fields, real))).collect();
    fakes::put(&registry, 1, &routes);
    let named = (!constant).then(|| [types[0], types[1]]);
    let link = Null { values, types: named, offset: 0, assigned: false, sent: 0 };
    let mut lane = Lane::new(link, config, registry, Arc::default());
    lane.step(Instant::now()).unwrap();
    lane
}

fn stepping(mut lane: Lane<Null>) -> Box<dyn FnMut()> {
    Box::new(move || assert_eq!(lane.step(Instant::now()).unwrap(), Step::Worked(ROWS)))
}

fn filling(values: Vec<Vec<u8>>) -> Box<dyn FnMut()> {
    let mut link = Null { values, types: None, offset: 0, assigned: true, sent: 0 };
    let mut batch = Batch::new(ROWS, 1 << 24);
    Box::new(move || {
        batch.clear();
        link.records(&mut batch);
        black_box(&batch);
    })
}

type Case = (&'static str, Box<dyn FnMut()>);

fn cases() -> Vec<Case> {
    let schema = Schema::new("wine", vec![("a".to_owned(), Kind::Number)], &[]).unwrap();
    let free: Arc<dyn Codec> = Arc::new(Free(Arc::new(schema)));
    let fields = FIELDS.iter().map(|name| Declared { name: (*name).to_owned(), kind: Some(Kind::Number) }).collect();
    let json = open(&Spec { data_type: "wine".to_owned(), format: Format::Json, fields, features: Vec::new() }).unwrap();
    let mut random = fastrand::Rng::with_seed(3);
    let mut record = |_| {
        let members: Vec<_> =
            FIELDS.iter().map(|name| format!("\"{name}\":{}", f64::from(random.u32(1..2000)) / 100.0)).collect();
        format!("{{{}}}", members.join(",")).into_bytes()
    };
    let records: Vec<_> = (0..ROWS).map(&mut record).collect();
    let small = vec![b"1".to_vec(); ROWS];
    vec![
        ("link alone: 1 byte records into the batch", filling(small.clone())),
        ("lane: free codec, linear of 1, one data type", stepping(lane(&free, &["wine"], &["a"], small.clone(), false))),
        ("lane: the same, two data types by header, alternating", stepping(lane(&free, &["wine", "beer"], &["a"], small, false))),
        ("link alone: JSON records into the batch", filling(records.clone())),
        ("lane: JSON in and out, linear of 11", stepping(lane(&json, &["wine"], &FIELDS, records, true))),
    ]
}

fn main() {
    let rounds = std::env::args().filter_map(|argument| argument.parse().ok()).next().unwrap_or(201);
    let mut cases = cases();
    let mut times = vec![Vec::with_capacity(rounds); cases.len()];
    for round in 0..rounds + 3 {
        for (case, times) in cases.iter_mut().zip(&mut times) {
            let start = Instant::now();
            (case.1)();
            if round >= 3 {
                times.push(start.elapsed().as_nanos() as f64 / ROWS as f64);
            }
        }
    }
    println!("{:<58} {:>8} {:>8} {:>8}", "ns per record, 1,024 records a step", "median", "min", "max");
    for ((name, _), times) in cases.iter().zip(&mut times) {
        times.sort_by(f64::total_cmp);
        println!("{name:<58} {:>8.1} {:>8.1} {:>8.1}", times[times.len() / 2], times[0], times[times.len() - 1]);
    }
}
