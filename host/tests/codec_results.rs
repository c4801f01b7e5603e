//! Results: golden bytes, and the same values to whoever reads them with serde_json or prost.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use prost::Message;
use sandstream::codec::{self, Encoder, ResultFormat, ResultMeta, ResultRow};
use sandstream::types::proto::{ScoringResult, Value, Values, value::Kind as ValueKind};
use sandstream::types::{Batch, Digest, Dtype, Kind, Output, Packed, RowFill, Rows, Schema, Scores, Tensor};

fn output(name: &str, dtype: Dtype, width: u32) -> Output {
    Output { name: name.to_owned(), dtype, width }
}

fn meta(outputs: Vec<Output>) -> ResultMeta {
    ResultMeta {
        data_type: "wine".to_owned(),
        model: "wine \"linear\"".to_owned(),
        version: "3".to_owned(),
        digest: Digest::of(b"module"),
        evaluator: String::new(),
        revision: 17,
        role: "live".to_owned(),
        topics: vec!["wine".to_owned(), "more".to_owned()],
        outputs,
        include: Vec::new(),
    }
}

/// Encodes row `row` of `scores` as the result of a record at `topic/partition/offset`.
struct Bench {
    batch: Batch,
    rows: Rows,
}

impl Bench {
    fn new(schema: &Schema) -> Self {
        Self { batch: Batch::new(16, 1 << 20), rows: Rows::new(schema) }
    }

    fn plain() -> Self {
        Self::new(&Schema::new("wine", Vec::new(), &[]).unwrap())
    }

    fn encode(&mut self, encoder: &mut dyn Encoder, at: (u16, i32, i64, i64), scores: &Scores, row: usize) -> Vec<u8> {
        self.batch.clear();
        self.batch.push(at.0, at.1, at.2, at.3, None, None, std::iter::empty());
        let record = &self.batch.records()[0];
        let mut out = b"kept".to_vec();
        encoder.encode(ResultRow { record, scores, row, rows: &self.rows, decoded: 0 }, &mut out);
        assert_eq!(&out[..4], b"kept", "an encoder appends");
        out.split_off(4)
    }
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}

fn scores(outputs: Vec<Tensor>) -> Scores {
    Scores { outputs, rejected: Vec::new() }
}

fn packed(values: &[Option<&[u8]>]) -> Packed {
    let mut packed = Packed::default();
    values.iter().for_each(|value| packed.push(*value));
    packed
}

fn head(version: &str) -> String {
    format!(r#"{{"data_type":"wine","model":"wine \"linear\"","version":"{version}","digest":"{}","#, Digest::of(b"module"))
}

#[test]
fn json_golden() {
    let outputs = vec![
        output("quality", Dtype::Float32, 1),
        output("p", Dtype::Float64, 3),
        output("class", Dtype::Int64, 1),
        output("why", Dtype::Text, 2),
        output("raw", Dtype::Bytes, 1),
    ];
    let mut encoder = codec::encoding(ResultFormat::Json).stamp(meta(outputs)).encoder();
    let scores = scores(vec![
        Tensor::Float32(vec![0.0, 5.123]),
        Tensor::Float64(vec![0.0, 0.0, 0.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY]),
        Tensor::Int64(vec![0, i64::MIN]),
        Tensor::Text(packed(&[None, None, Some("a\"\n\u{1}é".as_bytes()), None])),
        Tensor::Bytes(packed(&[None, Some(b"hello")])),
    ]);
    let expected = head("3")
        + r#""revision":17,"role":"live","topic":"more","partition":2,"offset":123456,"timestamp":1700000000000,"#
        + r#""outputs":{"quality":5.123,"p":[null,"Infinity","-Infinity"],"class":-9223372036854775808,"#
        + r#""why":["a\"\n\u0001é",null],"raw":"aGVsbG8="}}"#;
    let found = text(Bench::plain().encode(&mut *encoder, (1, 2, 123_456, 1_700_000_000_000), &scores, 1));
    assert_eq!(found, expected);
    assert!(serde_json::from_str::<serde_json::Value>(&found).is_ok());
}

#[test]
fn json_numbers_are_the_shortest_of_their_width_and_written_as_serde_json_does() {
    let values = [0.0, -0.0, 1.0, 0.1, 1e16, 1e21, 1e-7, 1e300, 5e-324, f64::MAX, 123_456_789_012_345_680.0];
    let mut wide = codec::encoding(ResultFormat::Json).stamp(meta(vec![output("y", Dtype::Float64, 1)])).encoder();
    for value in values {
        let found = text(Bench::plain().encode(&mut *wide, (0, 0, 1, 1), &scores(vec![Tensor::Float64(vec![value])]), 0));
        let expected = serde_json::to_string(&value).unwrap();
        assert!(found.ends_with(&format!("\"outputs\":{{\"y\":{expected}}}}}")), "{found} for {value:?}");
    }
    let mut narrow = codec::encoding(ResultFormat::Json).stamp(meta(vec![output("y", Dtype::Float32, 1)])).encoder();
    for value in [5.123f32, 0.1, f32::MAX, f32::MIN_POSITIVE, 16_777_216.0] {
        let found = text(Bench::plain().encode(&mut *narrow, (0, 0, 1, 1), &scores(vec![Tensor::Float32(vec![value])]), 0));
        let expected = serde_json::to_string(&value).unwrap();
        assert!(found.ends_with(&format!("\"outputs\":{{\"y\":{expected}}}}}")), "{found} for {value:?}");
    }
}

#[test]
fn json_of_a_result_without_outputs_and_with_an_evaluator() {
    let meta = ResultMeta { evaluator: "pmml@1".to_owned(), version: "4".to_owned(), ..meta(Vec::new()) };
    let mut encoder = codec::encoding(ResultFormat::Json).stamp(meta).encoder();
    let expected = head("4")
        + r#""evaluator":"pmml@1","revision":17,"role":"live","topic":"wine","partition":0,"offset":0,"timestamp":-1,"outputs":{}}"#;
    assert_eq!(text(Bench::plain().encode(&mut *encoder, (0, 0, 0, -1), &scores(Vec::new()), 0)), expected);
}

/// A schema, and rows of it: one full, one of which everything is missing.
fn included() -> (Schema, Bench) {
    let fields = [("fixed acidity", Kind::Number), ("id", Kind::Integer), ("na\"me", Kind::Text), ("blob", Kind::Bytes)];
    let schema = Schema::new("wine", fields.map(|(name, kind)| (name.to_owned(), kind)).to_vec(), &[]).unwrap();
    let mut bench = Bench::new(&schema);
    let mut row = bench.rows.begin(0, &RowFill::missing(&schema));
    row.number(0, 7.4);
    row.integer(0, Some(i64::MAX));
    row.text(0, Some(b"x"));
    row.text(1, Some(&[255]));
    (schema, bench)
}

#[test]
fn included_fields_come_under_their_own_names() {
    let (schema, mut bench) = included();
    let names = ["ID".to_owned(), "fixed_acidity".to_owned(), "na\"me".to_owned(), "blob".to_owned()];
    let indices = codec::check_include(&schema, &names).unwrap();
    let include: Vec<_> = indices.iter().map(|index| schema.fields()[*index as usize].clone()).collect();
    let meta = ResultMeta { include, ..meta(vec![output("y", Dtype::Int64, 1)]) };
    let scores = scores(vec![Tensor::Int64(vec![-1])]);

    let mut json = codec::encoding(ResultFormat::Json).stamp(meta.clone()).encoder();
    let found = text(bench.encode(&mut *json, (0, 0, 0, 5), &scores, 0));
    let end = r#""timestamp":5,"id":9223372036854775807,"fixed acidity":7.4,"na\"me":"x","blob":"/w==","outputs":{"y":-1}}"#;
    assert!(found.ends_with(end), "{found}");

    let mut protobuf = codec::encoding(ResultFormat::Protobuf).stamp(meta).encoder();
    let found = ScoringResult::decode(&bench.encode(&mut *protobuf, (0, 0, 0, 5), &scores, 0)[..]).unwrap();
    let kind = |name: &str| found.included[name].kind.clone();
    assert_eq!(kind("fixed acidity"), Some(ValueKind::Number(7.4)));
    assert_eq!(kind("id"), Some(ValueKind::Integer(i64::MAX)));
    assert_eq!(kind("na\"me"), Some(ValueKind::Text("x".to_owned())));
    assert_eq!(kind("blob"), Some(ValueKind::Blob(vec![255])));

    bench.rows.clear();
    bench.rows.begin(0, &RowFill::missing(&schema));
    let found = text(bench.encode(&mut *json, (0, 0, 0, 5), &scores, 0));
    assert!(found.contains(r#""id":null,"fixed acidity":null,"na\"me":null,"blob":null,"#), "{found}");
    let found = ScoringResult::decode(&bench.encode(&mut *protobuf, (0, 0, 0, 5), &scores, 0)[..]).unwrap();
    assert!(found.included.len() == 4 && found.included.values().all(|value| value.kind.is_none()));
}

#[test]
fn include_refuses_what_a_result_cannot_hold() {
    let fields = ["alcohol", "partition"].map(|name| (name.to_owned(), Kind::Number)).to_vec();
    let schema = Schema::new("wine", fields, &[]).unwrap();
    for (names, expected) in [
        (vec!["alchol"], "data type `wine` has no field `alchol`; the nearest is `alcohol`"),
        (vec!["partition"], "data type `wine`: a result cannot include field `partition`: a result has a member of that name"),
        (vec!["alcohol", "Alcohol"], "data type `wine`: a result cannot include field `alcohol`: it is named twice"),
    ] {
        let names: Vec<_> = names.into_iter().map(str::to_owned).collect();
        assert_eq!(codec::check_include(&schema, &names).unwrap_err().to_string(), expected);
    }
}

/// The message that prost would be given for the same result.
fn message(meta: &ResultMeta, at: (u16, i32, i64, i64)) -> ScoringResult {
    ScoringResult {
        data_type: meta.data_type.clone(),
        model: meta.model.clone(),
        version: meta.version.clone(),
        digest: meta.digest.to_string(),
        evaluator: meta.evaluator.clone(),
        revision: meta.revision,
        role: meta.role.clone(),
        topic: meta.topics[at.0 as usize].clone(),
        partition: at.1,
        offset: at.2,
        timestamp: at.3,
        ..ScoringResult::default()
    }
}

#[test]
fn protobuf_is_byte_for_byte_what_prost_writes() {
    let wide = "a name of more than 127 bytes, ".repeat(5);
    let values = |values: Values| values;
    let cases = [
        (
            "quality",
            Dtype::Float32,
            1,
            Tensor::Float32(vec![5.123]),
            values(Values { numbers: vec![f64::from(5.123f32)], ..Values::default() }),
        ),
        ("zero", Dtype::Float64, 1, Tensor::Float64(vec![0.0]), Values { numbers: vec![0.0], ..Values::default() }),
        ("many", Dtype::Float64, 20, Tensor::Float64(vec![-1.5; 20]), Values { numbers: vec![-1.5; 20], ..Values::default() }),
        (&wide, Dtype::Float64, 1, Tensor::Float64(vec![1.0]), Values { numbers: vec![1.0], ..Values::default() }),
        ("", Dtype::Float64, 1, Tensor::Float64(vec![1.0]), Values { numbers: vec![1.0], ..Values::default() }),
        ("i", Dtype::Int64, 3, Tensor::Int64(vec![0, -1, 300]), Values { integers: vec![0, -1, 300], ..Values::default() }),
        (
            "t",
            Dtype::Text,
            3,
            Tensor::Text(packed(&[Some(b"a"), None, Some(b"")])),
            Values { texts: vec!["a".to_owned(), String::new(), String::new()], ..Values::default() },
        ),
        (
            "b",
            Dtype::Bytes,
            1,
            Tensor::Bytes(packed(&[Some(&[0, 255])])),
            Values { blobs: vec![vec![0, 255]], ..Values::default() },
        ),
    ];
    let places = [(0, 0, 0, 0), (1, 7, 1, 1_700_000_000_000), (0, i32::MAX, i64::MAX, -1), (0, 3, 127, 128)];
    for (name, dtype, width, tensor, values) in cases {
        let meta = meta(vec![output(name, dtype, width)]);
        let mut encoder = codec::encoding(ResultFormat::Protobuf).stamp(meta.clone()).encoder();
        for at in places {
            let mut expected = message(&meta, at);
            expected.outputs.insert(name.to_owned(), values.clone());
            let found = Bench::plain().encode(&mut *encoder, at, &scores(vec![tensor.clone()]), 0);
            assert_eq!(found, expected.encode_to_vec(), "output {name:?} at {at:?}");
        }
    }
}

#[test]
fn protobuf_outputs_keep_the_order_of_the_signature() {
    let meta = meta(vec![output("b", Dtype::Float64, 1), output("a", Dtype::Float64, 1)]);
    let mut encoder = codec::encoding(ResultFormat::Protobuf).stamp(meta.clone()).encoder();
    let scores = scores(vec![Tensor::Float64(vec![1.0, 2.0]), Tensor::Float64(vec![3.0, 4.0])]);
    let found = Bench::plain().encode(&mut *encoder, (0, 0, 9, 9), &scores, 1);
    let one = |name: &str, value: f64| {
        let outputs = [(name.to_owned(), Values { numbers: vec![value], ..Values::default() })].into();
        ScoringResult { outputs, ..ScoringResult::default() }.encode_to_vec()
    };
    let expected = [message(&meta, (0, 0, 9, 9)).encode_to_vec(), one("b", 2.0), one("a", 4.0)].concat();
    assert_eq!(found, expected);
}

#[test]
fn one_encoder_serves_many_partitions() {
    for format in [ResultFormat::Json, ResultFormat::Protobuf] {
        let stamp = codec::encoding(format).stamp(meta(vec![output("y", Dtype::Float64, 1)]));
        let (mut bench, scores) = (Bench::plain(), scores(vec![Tensor::Float64(vec![1.0])]));
        let mut shared = stamp.encoder();
        // More partitions than an encoder keeps, twice, with changes of topic between them.
        for i in 0..700 {
            let at = (i as u16 % 2, i % 300, 1, 1);
            let fresh = bench.encode(&mut *stamp.encoder(), at, &scores, 0);
            assert_eq!(bench.encode(&mut *shared, at, &scores, 0), fresh, "{format:?} {at:?}");
        }
    }
}

#[test]
fn random_results_read_back_with_equal_bits() {
    let mut random = fastrand::Rng::with_seed(11);
    let meta = meta(vec![output("a", Dtype::Float64, 2), output("b", Dtype::Float32, 1), output("c", Dtype::Int64, 1)]);
    let mut json = codec::encoding(ResultFormat::Json).stamp(meta.clone()).encoder();
    let mut protobuf = codec::encoding(ResultFormat::Protobuf).stamp(meta).encoder();
    let mut bench = Bench::plain();
    for _ in 0..20_000 {
        let finite = |bits: u64| Some(f64::from_bits(bits)).filter(|value| value.is_finite()).unwrap_or(0.5);
        let narrow = Some(f32::from_bits(random.u32(..))).filter(|value| value.is_finite()).unwrap_or(0.5);
        let (wide, integer) = ([finite(random.u64(..)), random.f64() * 300.0], random.i64(..));
        let at = (0, random.i32(0..64), random.i64(0..), random.i64(-1..1 << 50));
        let scores = scores(vec![Tensor::Float64(wide.to_vec()), Tensor::Float32(vec![narrow]), Tensor::Int64(vec![integer])]);

        let read: serde_json::Value = serde_json::from_slice(&bench.encode(&mut *json, at, &scores, 0)).unwrap();
        let number = |value: &serde_json::Value| value.as_f64().unwrap();
        for (i, value) in wide.iter().enumerate() {
            assert_eq!(number(&read["outputs"]["a"][i]).to_bits(), value.to_bits());
        }
        assert_eq!((number(&read["outputs"]["b"]) as f32).to_bits(), narrow.to_bits());
        assert_eq!(read["outputs"]["c"].as_i64(), Some(integer));
        assert_eq!((read["offset"].as_i64(), read["timestamp"].as_i64()), (Some(at.2), Some(at.3)));

        let read = ScoringResult::decode(&bench.encode(&mut *protobuf, at, &scores, 0)[..]).unwrap();
        assert_eq!(read.outputs["a"].numbers.iter().map(|value| value.to_bits()).collect::<Vec<_>>(), wide.map(f64::to_bits));
        assert_eq!(read.outputs["b"].numbers, [f64::from(narrow)]);
        assert_eq!(read.outputs["c"].integers, [integer]);
        assert_eq!((read.partition, read.offset, read.timestamp), (at.1, at.2, at.3));
        let _: Option<&Value> = read.included.get("none");
    }
}
