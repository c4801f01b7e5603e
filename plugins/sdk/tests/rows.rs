//! A model over structs, called as the host calls it: with the matrices of its signature.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use sandstream_guest::bindings::sandstream::model::types as wit;
use sandstream_guest::rt::Slot;
use sandstream_guest::{Error, Features, Outputs, Reject, RowModel};

/// One field of every type, in an order that is not that of the matrices.
#[derive(Features)]
struct Everything<'a> {
    title: &'a str,
    width: f32,
    #[field(name = "number of doors")]
    doors: i64,
    weight: f64,
    note: Option<String>,
    height: Option<f32>,
    #[field(name = "$value")]
    raw: &'a [u8],
    price: Option<f64>,
    colour: String,
    #[field(name = "$key")]
    key: Option<Vec<u8>>,
    #[field(name = "$timestamp")]
    at: i64,
}

#[derive(Outputs)]
struct Echo {
    sums: [f32; 2],
    total: f64,
    doors: i64,
    price: Option<f64>,
    height: Option<f32>,
    title: String,
    note: Option<String>,
    kind: &'static str,
    #[output(name = "raw length")]
    raw: Vec<u8>,
    key: Option<Vec<u8>>,
    ats: [i64; 1],
}

struct Echoes;

impl RowModel for Echoes {
    type Row<'a> = Everything<'a>;
    type Answer = Echo;

    fn load(config: &[u8]) -> Result<Self, Error> {
        if config.is_empty() { Ok(Self) } else { Err(Error::new("expected no config")) }
    }

    fn score(&mut self, row: &Everything<'_>) -> Result<Echo, Reject> {
        Reject::unless_within("doors", row.doors, 0..=5)?;
        if row.colour == "plaid" {
            return Err(Reject::new("nobody makes plaid doors"));
        }
        Ok(Echo {
            sums: [row.width, row.width + row.height.unwrap_or(0.0)],
            total: row.weight,
            doors: row.doors,
            price: row.price,
            height: row.height,
            title: format!("{}/{}", row.title, row.colour),
            note: row.note.clone(),
            kind: "door",
            raw: row.raw.to_vec(),
            key: row.key.clone(),
            ats: [row.at],
        })
    }
}

fn packed(values: &[Option<&str>]) -> wit::Packed {
    let mut packed = wit::Packed { data: Vec::new(), ends: Vec::new(), missing: Vec::new() };
    for (value, i) in values.iter().zip(0..) {
        packed.data.extend_from_slice(value.unwrap_or_default().as_bytes());
        packed.ends.push(packed.data.len() as u32);
        if value.is_none() {
            packed.missing.push(i);
        }
    }
    packed
}

fn texts(packed: &wit::Packed) -> Vec<Option<String>> {
    let mut start = 0;
    let mut values = Vec::new();
    for (end, i) in packed.ends.iter().zip(0..) {
        let value = String::from_utf8(packed.data[start..*end as usize].to_vec()).unwrap();
        values.push((!packed.missing.contains(&i)).then_some(value));
        start = *end as usize;
    }
    values
}

/// Fields of a row, in the order of the signature's matrices.
type Row<'a> = ([f32; 2], [f64; 2], [i64; 2], [Option<&'a str>; 3], [Option<&'a str>; 2]);

const NAN: f32 = f32::NAN;
const WHOLE: Row<'_> = ([1.5, 2.0], [3.0, 4.0], [2, 77], [Some("a"), Some("n"), Some("red")], [Some("{}"), Some("k")]);

fn inputs(rows: &[Row<'_>]) -> Vec<wit::Tensor> {
    let text: Vec<_> = rows.iter().flat_map(|row| row.3).collect();
    let bytes: Vec<_> = rows.iter().flat_map(|row| row.4).collect();
    vec![
        wit::Tensor::Float32(rows.iter().flat_map(|row| row.0).collect()),
        wit::Tensor::Float64(rows.iter().flat_map(|row| row.1).collect()),
        wit::Tensor::Int64(rows.iter().flat_map(|row| row.2).collect()),
        wit::Tensor::Text(packed(&text)),
        wit::Tensor::Bytes(packed(&bytes)),
    ]
}

fn loaded() -> Slot<Echoes> {
    let slot = Slot::empty();
    slot.load(&[]).unwrap();
    slot
}

#[test]
fn the_signature_follows_from_the_structs() {
    let signature = Slot::<Echoes>::empty().load(&[]).unwrap();
    let inputs: Vec<_> = signature.inputs.iter().map(|input| (&*input.name, input.dtype, input.fields.join("|"))).collect();
    assert_eq!(
        inputs,
        [
            ("float32", wit::Dtype::Float32, "width|height".to_owned()),
            ("float64", wit::Dtype::Float64, "weight|price".to_owned()),
            ("int64", wit::Dtype::Int64, "number of doors|$timestamp".to_owned()),
            ("text", wit::Dtype::Text, "title|note|colour".to_owned()),
            ("bytes", wit::Dtype::Bytes, "$value|$key".to_owned()),
        ]
    );
    let outputs: Vec<_> = signature.outputs.iter().map(|output| (&*output.name, output.dtype, output.width)).collect();
    assert_eq!(
        outputs,
        [
            ("sums", wit::Dtype::Float32, 2),
            ("total", wit::Dtype::Float64, 1),
            ("doors", wit::Dtype::Int64, 1),
            ("price", wit::Dtype::Float64, 1),
            ("height", wit::Dtype::Float32, 1),
            ("title", wit::Dtype::Text, 1),
            ("note", wit::Dtype::Text, 1),
            ("kind", wit::Dtype::Text, 1),
            ("raw length", wit::Dtype::Bytes, 1),
            ("key", wit::Dtype::Bytes, 1),
            ("ats", wit::Dtype::Int64, 1),
        ]
    );
    assert!(Slot::<Echoes>::empty().load(b"x").unwrap_err().contains("expected no config"));
}

#[test]
fn answers_stand_in_the_rows_of_their_records() {
    let rows = [
        WHOLE,
        ([0.5, NAN], [9.0, f64::NAN], [5, -1], [Some(""), None, Some("blue")], [Some(""), None]),
        ([1.0, 1.0], [1.0, 1.0], [9, 0], [Some("b"), Some("n"), Some("red")], [Some("{}"), Some("k")]),
        ([2.5, 2.0], [3.5, 4.5], [0, 1], [Some("c"), Some("m"), Some("grey")], [Some("[]"), Some("l")]),
    ];
    let scores = loaded().score(4, &inputs(&rows)).unwrap();
    let rejected: Vec<_> = scores.rejected.iter().map(|rejected| (rejected.row, &*rejected.reason)).collect();
    assert_eq!(rejected, [(2, "doors is 9, outside of 0 to 5")]);
    let [
        wit::Tensor::Float32(sums),
        wit::Tensor::Float64(total),
        wit::Tensor::Int64(doors),
        wit::Tensor::Float64(price),
        wit::Tensor::Float32(height),
        wit::Tensor::Text(title),
        wit::Tensor::Text(note),
        wit::Tensor::Text(kind),
        wit::Tensor::Bytes(raw),
        wit::Tensor::Bytes(key),
        wit::Tensor::Int64(ats),
    ] = &scores.outputs[..]
    else {
        panic!("{:?}", scores.outputs)
    };
    assert_eq!(sums[..], [1.5, 3.5, 0.5, 0.5, 0.0, 0.0, 2.5, 4.5]);
    assert_eq!((&total[..], &doors[..], &ats[..]), (&[3.0, 9.0, 0.0, 3.5][..], &[2, 5, 0, 0][..], &[77, -1, 0, 1][..]));
    assert_eq!((price[0], price[1].is_nan(), price[3]), (4.0, true, 4.5));
    assert_eq!((height[0], height[1].is_nan(), height[3]), (2.0, true, 2.0));
    let some = |values: &[&str]| values.iter().map(|value| (*value != "-").then(|| (*value).to_owned())).collect::<Vec<_>>();
    assert_eq!(texts(title), some(&["a/red", "/blue", "-", "c/grey"]));
    assert_eq!(texts(note), some(&["n", "-", "-", "m"]));
    assert_eq!(texts(kind), some(&["door", "door", "-", "door"]));
    assert_eq!(texts(raw), some(&["{}", "", "-", "[]"]));
    assert_eq!(texts(key), some(&["k", "-", "-", "l"]));
}

#[test]
fn a_row_without_a_needed_field_is_rejected_with_its_name() {
    let lacking = |change: fn(&mut Row<'_>)| {
        let mut row = WHOLE;
        change(&mut row);
        row
    };
    let cases: [(Row<'_>, Option<&str>); 8] = [
        (lacking(|row| row.0[0] = NAN), Some("width is missing")),
        (lacking(|row| row.1[0] = f64::NAN), Some("weight is missing")),
        (lacking(|row| row.3[0] = None), Some("title is missing")),
        (lacking(|row| row.3[2] = None), Some("colour is missing")),
        (lacking(|row| row.3[2] = Some("plaid")), Some("nobody makes plaid doors")),
        (lacking(|row| row.4[0] = None), Some("$value is missing")),
        (lacking(|row| (row.0[1], row.1[1], row.3[1], row.4[1]) = (NAN, f64::NAN, None, None)), None),
        (WHOLE, None),
    ];
    // Alone, and all in one call: what comes before a row makes no difference to it.
    for (row, reason) in &cases {
        let scores = loaded().score(1, &inputs(&[*row])).unwrap();
        assert_eq!(scores.rejected.first().map(|rejected| &*rejected.reason), *reason);
    }
    let rows: Vec<_> = cases.iter().map(|case| case.0).collect();
    let scores = loaded().score(cases.len() as u32, &inputs(&rows)).unwrap();
    let reasons: Vec<_> = scores.rejected.iter().map(|rejected| (rejected.row as usize, &*rejected.reason)).collect();
    let expected: Vec<_> = cases.iter().enumerate().filter_map(|(row, case)| Some((row, case.1?))).collect();
    assert_eq!(reasons, expected);
    let wit::Tensor::Text(title) = &scores.outputs[5] else { panic!("{:?}", scores.outputs) };
    assert_eq!(texts(title)[7].as_deref(), Some("a/red"));
}

/// Floats that all have to be there are looked at in blocks; none may slip through.
#[test]
fn a_missing_float_is_found_wherever_it_is() {
    #[derive(Features)]
    struct Point {
        x: f32,
        y: f32,
        z: f32,
    }
    #[derive(Outputs)]
    struct Sum {
        sum: f32,
    }
    struct Sums;
    impl RowModel for Sums {
        type Row<'a> = Point;
        type Answer = Sum;
        fn load(_config: &[u8]) -> Result<Self, Error> {
            Ok(Self)
        }
        fn score(&mut self, point: &Point) -> Result<Sum, Reject> {
            Ok(Sum { sum: point.x + point.y + point.z })
        }
    }
    let slot = Slot::<Sums>::empty();
    slot.load(&[]).unwrap();
    for rows in [1, 10, 11, 32, 45] {
        for lacking in 0..=rows * 3 {
            let mut values = vec![1.0; rows * 3];
            if let Some(value) = values.get_mut(lacking) {
                *value = NAN;
            }
            let scores = slot.score(rows as u32, &[wit::Tensor::Float32(values)]).unwrap();
            let rejected: Vec<_> = scores.rejected.iter().map(|rejected| (rejected.row as usize, &*rejected.reason)).collect();
            let reason = ["x is missing", "y is missing", "z is missing"][lacking % 3];
            let expected: &[_] = if lacking < rows * 3 { &[(lacking / 3, reason)] } else { &[] };
            assert_eq!(rejected, expected, "{rows} rows, value {lacking}");
            let wit::Tensor::Float32(sums) = &scores.outputs[0] else { panic!("{:?}", scores.outputs) };
            assert!(sums.iter().enumerate().all(|(row, sum)| *sum == 3.0 || expected.iter().any(|lacks| lacks.0 == row)));
        }
    }
}

#[test]
fn matrices_that_are_not_those_of_the_signature_are_an_error_of_the_call() {
    let mut short = inputs(&[WHOLE, WHOLE]);
    short[0] = wit::Tensor::Float32(vec![1.0; 3]);
    let mut other = inputs(&[WHOLE]);
    other.swap(0, 1);
    let cases = [
        (2, short, "2 rows of 2 values were expected"),
        (1, other, "read as float32, but it is float64"),
        (1, Vec::new(), "no input 0"),
    ];
    for (rows, inputs, words) in cases {
        let error = loaded().score(rows, &inputs).unwrap_err();
        assert!(error.contains(words), "{error}");
    }
    assert!(loaded().score(0, &inputs(&[])).unwrap().rejected.is_empty());
}

#[test]
fn reasons_say_what_came_and_what_was_expected() {
    let unknown = |value: &str| Reject::UnknownCategory {
        field: "purpose".into(),
        value: value.into(),
        known: ["car".into(), "house".into()].into(),
    };
    let cases = [
        (Reject::Missing { field: "age".into() }, "age is missing".to_owned()),
        (unknown("boat"), "purpose is \"boat\", which is none of car, house".to_owned()),
        (unknown(&"é".repeat(200)), format!("purpose is \"{}...\", which is none of car, house", "é".repeat(64))),
        (Reject::unless_within("age", f64::NAN, 18.0..=100.0).unwrap_err(), "age is NaN, outside of 18 to 100".to_owned()),
        ("x".parse::<f32>().map_err(Reject::from).unwrap_err(), "invalid float literal".to_owned()),
    ];
    for (reject, text) in cases {
        assert_eq!(reject.to_string(), text);
    }
    assert_eq!(Reject::unless_within("age", 18, 18..=100), Ok(18));
    assert_eq!(Reject::unless_within("age", 100, 18..=100), Ok(100));
}
