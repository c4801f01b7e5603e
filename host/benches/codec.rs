//! What a record costs: decode, pack, encode. Cases run interleaved, in batches of 1,024 records; printed are the medians over all
//! rounds in nanoseconds per record, with the least and the greatest beside them.
//!
//! `cargo bench --bench codec [-- ROUNDS]`
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, reason = "a bench fails by panicking")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use sandstream::binding::Binding;
use sandstream::codec::{self, Codec, Declared, Format, Protobuf, ProtobufSchema, ResultFormat, ResultMeta, ResultRow, Spec};
use sandstream::types::{Batch, Digest, Dtype, Input, Kind, Output, Rows, Scores, Signature, Tensor};
use sandstream_wine::FEATURES;

const ROWS: usize = 1024;

type Case = (&'static str, Box<dyn FnMut()>);

fn main() {
    let rounds = std::env::args().filter_map(|argument| argument.parse().ok()).next().unwrap_or(41);
    let mut cases = cases();
    let mut times = vec![Vec::with_capacity(rounds); cases.len()];
    for round in 0..rounds + 3 {
        for (case, times) in cases.iter_mut().zip(&mut times) {
            let start = Instant::now();
            (case.1)();
            let nanos = start.elapsed().as_nanos() as f64 / ROWS as f64;
            if round >= 3 {
                times.push(nanos);
            }
        }
    }
    println!("{:<58} {:>8} {:>8} {:>8}", "ns per record, 1,024 records a batch", "median", "min", "max");
    for ((name, _), times) in cases.iter().zip(&mut times) {
        times.sort_by(f64::total_cmp);
        println!("{name:<58} {:>8.1} {:>8.1} {:>8.1}", times[times.len() / 2], times[0], times[times.len() - 1]);
    }
}

fn cases() -> Vec<Case> {
    let mut random = fastrand::Rng::with_seed(5);
    let wine: Vec<[f64; 11]> = (0..ROWS).map(|_| record(&mut random)).collect();
    let long: Vec<[f64; 11]> = wine.iter().map(|row| row.map(|value| value * 1.000_000_123)).collect();
    let flat = |rows: &[[f64; 11]]| rows.iter().enumerate().map(|(i, row)| json(i, row, None)).collect::<Vec<_>>();
    let shuffled = wine.iter().enumerate().map(|(i, row)| json(i, row, Some(&mut random))).collect();
    let wire = wine.iter().map(protobuf).collect();
    let mut cases = vec![
        decode("decode JSON, flat, fixed order", &json_codec(false), flat(&wine)),
        decode("decode JSON, flat, fixed order, and id as int64", &json_codec(true), flat(&wine)),
        decode("decode JSON, flat, fixed order, 16-17 digit values", &json_codec(false), flat(&long)),
        decode("decode JSON, each record in another order", &json_codec(false), shuffled),
        oracle("serde_json::Value of the same, flat, fixed order", flat(&wine)),
        decode("decode Protobuf, 11 doubles (of them and a text)", &protobuf_codec(), wire),
    ];
    cases.extend(pack(&wine));
    cases.extend(encode());
    cases
}

/// Values as the wine data has them: few digits.
fn record(random: &mut fastrand::Rng) -> [f64; 11] {
    let decimals = [1, 2, 2, 1, 3, 0, 0, 5, 2, 2, 1];
    let ranges = [46..160, 12..159, 0..100, 9..156, 12..612, 1..73, 6..290, 99_007..100_369, 274..401, 33..200, 84..150];
    std::array::from_fn(|i| f64::from(random.u32(ranges[i].clone())) / 10f64.powi(decimals[i]))
}

fn json(i: usize, values: &[f64; 11], shuffle: Option<&mut fastrand::Rng>) -> Vec<u8> {
    let mut members = vec![format!("\"id\":{i}"), format!("\"ts\":{}", 1_700_000_000_000_000 + i)];
    members.extend(FEATURES.iter().zip(values).map(|(name, value)| format!("\"{name}\":{value}")));
    if let Some(random) = shuffle {
        random.shuffle(&mut members);
    }
    format!("{{{}}}", members.join(",")).into_bytes()
}

fn protobuf(values: &[f64; 11]) -> Vec<u8> {
    let fields = values.iter().zip(1u8..).flat_map(|(value, number)| [&[number << 3 | 1][..], &value.to_le_bytes()].concat());
    fields.chain(*b"\x62\x04wine").collect()
}

fn json_codec(id: bool) -> Arc<dyn Codec> {
    let mut fields: Vec<_> = FEATURES.iter().map(|name| Declared { name: (*name).to_owned(), kind: None }).collect();
    if id {
        fields.push(Declared { name: "id".to_owned(), kind: Some(Kind::Integer) });
    }
    codec::open(&Spec { data_type: "wine".to_owned(), format: Format::Json, fields, features: Vec::new() }).unwrap()
}

fn protobuf_codec() -> Arc<dyn Codec> {
    let doubles = (1..=11).map(|i| format!("double f{i} = {i};")).collect::<String>();
    let schema = ProtobufSchema::Text(format!("syntax = \"proto3\"; message WineRecord {{ {doubles} string dataType = 12; }}"));
    let format = Format::Protobuf(Protobuf { schema, message: None, includes: Vec::new() });
    codec::open(&Spec { data_type: "wine".to_owned(), format, fields: Vec::new(), features: Vec::new() }).unwrap()
}

fn decode(name: &'static str, codec: &Arc<dyn Codec>, records: Vec<Vec<u8>>) -> Case {
    let wanted: Vec<u16> = (0..codec.schema().fields().len() as u16)
        .filter(|index| codec.schema().fields()[*index as usize].kind != Kind::Text)
        .collect();
    let (mut decoder, mut rows) = (codec.decoder(&wanted), Rows::new(codec.schema()));
    let run = move || {
        rows.clear();
        for (i, record) in records.iter().enumerate() {
            decoder.decode(i as u32, black_box(record), &mut rows).unwrap();
        }
        black_box(&rows);
    };
    (name, Box::new(run))
}

fn oracle(name: &'static str, records: Vec<Vec<u8>>) -> Case {
    let mut out = vec![0.0; 11 * ROWS];
    let run = move || {
        for (row, record) in out.chunks_mut(11).zip(&records) {
            let value: serde_json::Value = serde_json::from_slice(black_box(record)).unwrap();
            row.iter_mut().zip(FEATURES).for_each(|(to, name)| *to = value[name].as_f64().unwrap());
        }
        black_box(&out);
    };
    (name, Box::new(run))
}

fn pack(wine: &[[f64; 11]]) -> Vec<Case> {
    let case = |name, dtype, order: Vec<usize>, selected: Vec<u32>| -> Case {
        let codec = json_codec(false);
        let fields = order.iter().map(|i| FEATURES[*i].to_owned()).collect();
        let signature =
            Signature { inputs: vec![Input { name: "x".to_owned(), dtype, fields, dims: Vec::new() }], outputs: Vec::new() };
        let binding = Binding::new(codec.schema(), &signature).unwrap();
        let (mut inputs, mut rows, batch) = (binding.inputs(), Rows::new(codec.schema()), Batch::new(1, 1));
        let mut decoder = codec.decoder(binding.wanted());
        wine.iter().enumerate().for_each(|(i, row)| decoder.decode(0, &json(i, row, None), &mut rows).unwrap());
        let run = move || {
            binding.pack(&rows, black_box(&selected), &batch, &mut inputs);
            black_box(&inputs);
        };
        (name, Box::new(run))
    };
    let all: Vec<u32> = (0..ROWS as u32).collect();
    let half: Vec<u32> = all.iter().copied().step_by(2).chain(all.iter().copied().skip(1).step_by(2)).collect();
    let reversed: Vec<usize> = (0..11).rev().collect();
    vec![
        case("pack 11 columns, float32, the schema's order, all rows", Dtype::Float32, (0..11).collect(), all.clone()),
        case("pack 11 columns, float32, the schema's order, picked rows", Dtype::Float32, (0..11).collect(), half),
        case("pack 11 columns, float32, another order, all rows", Dtype::Float32, reversed, all.clone()),
        case("pack 11 columns, float64, the schema's order, all rows", Dtype::Float64, (0..11).collect(), all),
    ]
}

fn encode() -> Vec<Case> {
    let mut random = fastrand::Rng::with_seed(7);
    let values: Vec<f32> = (0..ROWS).map(|_| random.f32() * 4.0 + 3.0).collect();
    let case = |name, format| -> Case {
        let meta = ResultMeta {
            data_type: "wine".to_owned(),
            model: "wine-linear".to_owned(),
            version: "3".to_owned(),
            digest: Digest::of(b"module"),
            evaluator: String::new(),
            revision: 17,
            role: "live".to_owned(),
            topics: vec!["wine".to_owned()],
            outputs: vec![Output { name: "quality".to_owned(), dtype: Dtype::Float32, width: 1 }],
            include: Vec::new(),
        };
        let mut encoder = codec::encoding(format).stamp(meta).encoder();
        let mut batch = Batch::new(ROWS, 1 << 20);
        (0..ROWS as i64).for_each(|i| batch.push(0, 0, 123_456 + i, 1_700_000_000_000 + i, None, None, std::iter::empty()));
        let scores = Scores { outputs: vec![Tensor::Float32(values.clone())], rejected: Vec::new() };
        let (rows, mut out) = (Rows::default(), Vec::new());
        let run = move || {
            out.clear();
            for (row, record) in batch.records().iter().enumerate() {
                encoder.encode(ResultRow { record, scores: black_box(&scores), row, rows: &rows, decoded: 0 }, &mut out);
            }
            black_box(&out);
        };
        (name, Box::new(run))
    };
    vec![
        case("encode a JSON result, one float32", ResultFormat::Json),
        case("encode a Protobuf result, one float32", ResultFormat::Protobuf),
    ]
}
