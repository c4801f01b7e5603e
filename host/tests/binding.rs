//! Joining a data type with a signature, and packing rows into the matrices it asks for.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use sandstream::binding::Binding;
use sandstream::types::{Batch, Dtype, Input, Kind, RowFill, Rows, Schema, Signature, TensorRef};

fn schema(features: &[&str]) -> Schema {
    let fields = [
        ("fixed acidity", Kind::Number),
        ("pH", Kind::Number),
        ("count", Kind::Integer),
        ("lab.name", Kind::Text),
        ("alcohol", Kind::Number),
        ("photo", Kind::Bytes),
    ];
    let features: Vec<_> = features.iter().map(|name| (*name).to_owned()).collect();
    Schema::new("wine", fields.map(|(name, kind)| (name.to_owned(), kind)).to_vec(), &features).unwrap()
}

fn signature(inputs: &[(&str, Dtype, &[&str])]) -> Signature {
    let inputs = inputs.iter().map(|(name, dtype, fields)| Input {
        name: (*name).to_owned(),
        dtype: *dtype,
        fields: fields.iter().map(|field| (*field).to_owned()).collect(),
        dims: Vec::new(),
    });
    Signature { inputs: inputs.collect(), outputs: Vec::new() }
}

/// Three records and their rows; the last has nothing. Row 0 is of record 0, and so on.
fn data(schema: &Schema) -> (Batch, Rows) {
    let mut batch = Batch::new(8, 1 << 20);
    batch.push(0, 0, 10, 1_700_000_000_001, Some(b"key"), Some("välue".as_bytes()), std::iter::empty());
    batch.push(0, 0, 11, 1_700_000_000_002, None, Some(&[0xff]), std::iter::empty());
    batch.push(0, 0, 12, -1, Some(&[0xfe]), None, std::iter::empty());
    let (mut rows, fill) = (Rows::new(schema), RowFill::missing(schema));
    for record in 0..2u8 {
        let mut row = rows.begin(u32::from(record), &fill);
        (0..3).for_each(|slot| row.number(slot, f64::from(record) * 10.0 + f64::from(slot) + 0.1));
        row.integer(0, Some(i64::from(record) + (1 << 60)));
        row.text(0, Some(if record == 0 { b"lab A" } else { b"" }));
        row.text(1, Some(&[record, 0xff]));
    }
    rows.begin(2, &fill);
    (batch, rows)
}

/// The packed inputs as text: one line per input.
fn packed(schema: &Schema, inputs: &[(&str, Dtype, &[&str])], selected: &[u32]) -> Vec<String> {
    let binding = Binding::new(schema, &signature(inputs)).unwrap();
    let (batch, rows) = data(schema);
    let mut into = binding.inputs();
    // The second time the memory is used again, and nothing of the first may shine through.
    for selected in [&[1, 0, 2, 1], selected] {
        binding.pack(&rows, selected, &batch, &mut into);
    }
    let shown = into.tensors().into_iter().map(|tensor| match tensor {
        TensorRef::Float32(values) => format!("{values:?}"),
        TensorRef::Float64(values) => format!("{values:?}"),
        TensorRef::Int64(values) => format!("{values:?}"),
        TensorRef::Text(values) | TensorRef::Bytes(values) => {
            let all = (0..values.ends.len()).map(|i| values.get(i).map(|value| String::from_utf8_lossy(value).into_owned()));
            format!("{:?}", all.collect::<Vec<_>>())
        }
    });
    shown.collect()
}

#[test]
fn numbers_in_every_arrangement() {
    let schema = schema(&["alcohol", "pH"]);
    let cases: &[(&[&str], &[u32], &str)] = &[
        (&["fixed acidity", "pH", "alcohol"], &[0, 1], "[0.1, 1.1, 2.1, 10.1, 11.1, 12.1]"),
        (&["fixed acidity", "pH", "alcohol"], &[0, 1, 2], "[0.1, 1.1, 2.1, 10.1, 11.1, 12.1, NaN, NaN, NaN]"),
        (&["fixed acidity", "pH", "alcohol"], &[1, 0], "[10.1, 11.1, 12.1, 0.1, 1.1, 2.1]"),
        (&["fixed acidity", "pH", "alcohol"], &[], "[]"),
        (&["pH", "alcohol"], &[0, 1], "[1.1, 2.1, 11.1, 12.1]"),
        (&["alcohol", "pH", "alcohol"], &[1], "[12.1, 11.1, 12.1]"),
        (&["PH", "Fixed_Acidity"], &[0], "[1.1, 0.1]"),
        // Without names: the feature list, in its order.
        (&["", ""], &[0, 1], "[2.1, 1.1, 12.1, 11.1]"),
        (&[], &[0], "[2.1, 1.1]"),
    ];
    for dtype in [Dtype::Float32, Dtype::Float64] {
        for (fields, selected, expected) in cases {
            assert_eq!(packed(&schema, &[("x", dtype, fields)], selected), [*expected], "{fields:?} {selected:?}");
        }
    }
}

#[test]
fn conversions() {
    let schema = schema(&[]);
    let exact = (1i64 << 60) as f64;
    let cases: &[(Dtype, &[&str], &[u32], String)] = &[
        (Dtype::Int64, &["count", "$timestamp"], &[1], format!("[{}, 1700000000002]", (1i64 << 60) + 1)),
        (Dtype::Float64, &["count", "pH"], &[0, 2], format!("[{exact:?}, 1.1, NaN, NaN]")),
        (Dtype::Float64, &["$timestamp"], &[0, 2], "[1700000000001.0, NaN]".to_owned()),
        (Dtype::Float32, &["count"], &[0], format!("[{:?}]", exact as f32)),
        (Dtype::Text, &["lab name"], &[0, 1, 2], r#"[Some("lab A"), Some(""), None]"#.to_owned()),
        (Dtype::Bytes, &["LabName", "$key"], &[0, 1], r#"[Some("lab A"), Some("key"), Some(""), None]"#.to_owned()),
        (Dtype::Bytes, &["photo"], &[0, 2], r#"[Some("\0�"), None]"#.to_owned()),
        (Dtype::Bytes, &["$value"], &[2, 0, 1], r#"[None, Some("välue"), Some("�")]"#.to_owned()),
        (Dtype::Text, &["$value"], &[0], r#"[Some("välue")]"#.to_owned()),
    ];
    for (dtype, fields, selected, expected) in cases {
        assert_eq!(packed(&schema, &[("x", *dtype, fields)], selected), std::slice::from_ref(expected), "{fields:?} as {dtype}");
    }
}

#[test]
fn several_inputs_and_what_they_want() {
    let schema = schema(&[]);
    let inputs: &[(&str, Dtype, &[&str])] = &[
        ("x", Dtype::Float32, &["alcohol", "pH"]),
        ("n", Dtype::Int64, &["count"]),
        ("t", Dtype::Text, &["lab.name"]),
        ("again", Dtype::Float64, &["pH"]),
        ("raw", Dtype::Bytes, &["$value"]),
    ];
    let binding = Binding::new(&schema, &signature(inputs)).unwrap();
    assert_eq!(binding.wanted(), [1, 2, 3, 4], "ascending, each once, and nothing for `$value`");
    let found = packed(&schema, inputs, &[0]);
    assert_eq!(found, ["[2.1, 1.1]", "[1152921504606846976]", r#"[Some("lab A")]"#, "[1.1]", r#"[Some("välue")]"#]);
}

#[test]
fn rows_that_cannot_be_an_input() {
    let schema = schema(&[]);
    let cases: &[(Dtype, &str, [Option<&str>; 3])] = &[
        (
            Dtype::Int64,
            "count",
            [None, None, Some("field `count` of the record is missing, and an int64 cannot be; input `x` takes it")],
        ),
        (Dtype::Float32, "count", [None, None, None]),
        (Dtype::Float64, "pH", [None, None, None]),
        (Dtype::Text, "lab.name", [None, None, None]),
        (
            Dtype::Int64,
            "$timestamp",
            [None, None, Some("field `$timestamp` of the record is missing, and an int64 cannot be; input `x` takes it")],
        ),
        (Dtype::Text, "$value", [None, Some("field `$value` of the record is not UTF-8; input `x` takes it"), None]),
        (Dtype::Text, "$key", [None, None, Some("field `$key` of the record is not UTF-8; input `x` takes it")]),
        (Dtype::Bytes, "$value", [None, None, None]),
    ];
    let (batch, rows) = data(&schema);
    for (dtype, field, expected) in cases {
        let binding = Binding::new(&schema, &signature(&[("x", *dtype, &[field])])).unwrap();
        for (row, expected) in expected.iter().enumerate() {
            let found = binding.check(&rows, row, &batch).err().map(|error| error.0);
            assert_eq!(found.as_deref(), *expected, "{field} as {dtype}, row {row}");
        }
    }
}

#[test]
fn signatures_that_cannot_be_served() {
    let cases: &[(Dtype, &[&str], &str)] = &[
        (
            Dtype::Float32,
            &["alchol"],
            "input `x` takes field `alchol`, which data type `wine` lacks; the nearest it has is `alcohol`",
        ),
        (Dtype::Int64, &["pH"], "input `x` takes field `pH` as int64, but it is a float"),
        (Dtype::Text, &["pH"], "input `x` takes field `pH` as text, but it is a float"),
        (Dtype::Bytes, &["count"], "input `x` takes field `count` as bytes, but it is an integer"),
        (Dtype::Float32, &["lab.name"], "input `x` takes field `lab.name` as float32, but it is text"),
        (Dtype::Text, &["photo"], "input `x` takes field `photo` as text, but it is bytes"),
        (
            Dtype::Float32,
            &["$timestamp"],
            "input `x` takes field `$timestamp` as float32, but it is milliseconds, int64 or float64",
        ),
        (Dtype::Float32, &["$value"], "input `x` takes field `$value` as float32, but it is bytes, or text where they are UTF-8"),
        (Dtype::Float32, &["pH", ""], "column 1 of input `x` has no name while others have; name all columns or none"),
        (
            Dtype::Float32,
            &["", "", ""],
            "input `x` has 3 columns without names, but the feature list of data type `wine` has 2; name the columns or set `features`",
        ),
        (Dtype::Bytes, &["$value"; 5], "the signature takes the same text or bytes 5 times, at most 4 are possible"),
        (Dtype::Float32, &["pH"; 4097], "the signature has 4097 columns, at most 4096 are possible"),
        (
            Dtype::Bytes,
            &["$valu"],
            "input `x` takes field `$valu`, which data type `wine` lacks; of the raw record there are `$value`, `$key` and `$timestamp`",
        ),
    ];
    for (dtype, fields, expected) in cases {
        let error = Binding::new(&schema(&["alcohol", "pH"]), &signature(&[("x", *dtype, fields)])).unwrap_err();
        assert_eq!(error.to_string(), *expected);
    }
}
