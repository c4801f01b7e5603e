//! Decoding JSON through the public seam: what is accepted, what is refused, and what comes out.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::sync::Arc;

use sandstream::codec::{self, Codec, Declared, Error, Format, Spec};
use sandstream::types::{Kind, Rows};

fn json(fields: &[(&str, Kind)]) -> Arc<dyn Codec> {
    let fields = fields.iter().map(|(name, kind)| Declared { name: (*name).to_owned(), kind: Some(*kind) }).collect();
    codec::open(&Spec { data_type: "wine".to_owned(), format: Format::Json, fields, features: Vec::new() }).unwrap()
}

/// The decoded fields as text, in their order, or the error.
fn decode(codec: &Arc<dyn Codec>, value: &[u8]) -> Result<String, String> {
    let fields = codec.schema().fields();
    let wanted: Vec<u16> = (0..fields.len() as u16).collect();
    let mut rows = Rows::new(codec.schema());
    codec.decoder(&wanted).decode(0, value, &mut rows).map_err(|error| {
        assert!(rows.is_empty(), "a failed record leaves no row");
        assert!(error.at <= value.len(), "the place is within the record");
        error.to_string()
    })?;
    let shown = fields.iter().map(|field| match field.kind {
        Kind::Number => format!("{:?}", rows.number(0, field.slot)),
        Kind::Integer => format!("{:?}", rows.integer(0, field.slot)),
        Kind::Text | Kind::Bytes => format!("{:?}", rows.text(0, field.slot).map(String::from_utf8_lossy)),
    });
    Ok(shown.collect::<Vec<_>>().join(" "))
}

fn check(codec: &Arc<dyn Codec>, cases: &[(&str, &str)]) {
    for (value, expected) in cases {
        assert_eq!(decode(codec, value.as_bytes()).as_deref(), Ok(*expected), "{value}");
    }
}

fn refuse(codec: &Arc<dyn Codec>, cases: &[(&[u8], &str)]) {
    for (value, expected) in cases {
        let shown = String::from_utf8_lossy(value).into_owned();
        assert_eq!(decode(codec, value).as_ref().map_err(String::as_str), Err(*expected), "{shown}");
    }
}

#[test]
fn numbers_are_exact_and_missing_ones_nan() {
    let codec = json(&[("a", Kind::Number)]);
    check(
        &codec,
        &[
            (r#"{"a":7.4}"#, "7.4"),
            (r#"{"a":-0}"#, "-0.0"),
            (r#"{"a":-0.0e5}"#, "-0.0"),
            (r#"{"a":0}"#, "0.0"),
            (r#"{"a":1e22}"#, "1e22"),
            (r#"{"a":1e23}"#, "1e23"),
            (r#"{"a":9007199254740993}"#, "9007199254740992.0"),
            (r#"{"a":18446744073709551616}"#, "1.8446744073709552e19"),
            (r#"{"a":0.1000000000000000055511151231257827021181583404541015625}"#, "0.1"),
            (r#"{"a":179769313486231570000000000000000000000e270}"#, "1.7976931348623157e308"),
            (r#"{"a":5e-324}"#, "5e-324"),
            (r#"{"a":1e-400}"#, "0.0"),
            (r#"{"a":0e999999999999}"#, "0.0"),
            (r#"{"a":1E+2}"#, "100.0"),
            (r#"{"a":null}"#, "NaN"),
            (r#"{"a":true}"#, "1.0"),
            (r#"{"a":false}"#, "0.0"),
            ("{}", "NaN"),
            (" \t\r\n{ \"a\" : 1 , \"b\" : 2 } \n", "1.0"),
            (r#"{"a":1,"a":2}"#, "2.0"),
            (r#"{"a":1,"a":null}"#, "NaN"),
            (r#"{"\u0061":3}"#, "3.0"),
        ],
    );
}

#[test]
fn whatever_is_skipped_is_checked() {
    let codec = json(&[("a", Kind::Number)]);
    check(
        &codec,
        &[
            (r#"{"x":{"a":9,"y":[1,{"z":[]},{}]},"a":1}"#, "1.0"),
            (r#"{"x":"\"a\":9","a":1}"#, "1.0"),
            (r#"{"x":[true,false,null,"é\n",-1.5e-3],"a":1}"#, "1.0"),
            (r#"{"x":"\ud800","a":1}"#, "1.0"),
        ],
    );
    refuse(
        &codec,
        &[
            (br#"{"x":1e400,"a":1}"#, "expected a number that a 64-bit float can hold, found `1` at byte 5"),
            (br#"{"x":[1 2]}"#, "expected `,` or the end of the object or array, found `2` at byte 8"),
            (br#"{"x":[}}"#, "expected a value, found `}` at byte 6"),
            (br#"{"x":{1:2}}"#, "expected a member's name in quotes, found `1` at byte 6"),
            (b"{\"x\":\"\xff\"}", "expected UTF-8, found a byte that is not, found byte 0xff at byte 6"),
            (b"{\"x\":\"\x01\"}", "expected no control byte in a text; write it as an escape, found byte 0x01 at byte 6"),
            (br#"{"x":tru}"#, "expected a value, found `t` at byte 5"),
        ],
    );
}

#[test]
fn strict_grammar() {
    let codec = json(&[("a", Kind::Number)]);
    let refused: &[&[u8]] = &[
        b"",
        b" ",
        b"[]",
        b"1",
        b"null",
        b"\"a\"",
        b"{",
        b"{\"a\"",
        b"{\"a\":",
        b"{\"a\":1",
        b"{\"a\":1,",
        b"{\"a\":1,}",
        b"{,}",
        b"{\"a\":1}}",
        b"{\"a\":1}{}",
        b"{\"a\":1}\0",
        b"{\"a\":1} x",
        b"\xef\xbb\xbf{\"a\":1}",
        b"{'a':1}",
        b"{a:1}",
        b"{\"a\" 1}",
        b"{\"a\":01}",
        b"{\"a\":-}",
        b"{\"a\":.5}",
        b"{\"a\":+1}",
        b"{\"a\":1.}",
        b"{\"a\":1e}",
        b"{\"a\":1e+}",
        b"{\"a\":NaN}",
        b"{\"a\":Infinity}",
        b"{\"a\":1e400}",
        b"{\"a\":-1e400}",
        b"{\"a\":\"1\"}",
        b"{\"a\":[1]}",
        b"{\"a\":{}}",
        b"{\"a\":0x1}",
        b"{\"a\":1 2}",
        b"{\"a\":nul}",
        b"{\"\\x\":1}",
        b"{\"\\u12g4\":1}",
        b"{\"\\ud800\":1}",
        b"{\"a\":truex}",
        b"{\"a\":1/**/}",
    ];
    for value in refused {
        let decoded = decode(&codec, value);
        assert!(decoded.is_err(), "{}: {decoded:?}", String::from_utf8_lossy(value));
    }
}

#[test]
fn the_message_names_field_place_and_what_was_found() {
    let codec = json(&[("fixed acidity", Kind::Number), ("id", Kind::Integer), ("m.n", Kind::Text)]);
    refuse(
        &codec,
        &[
            (br#"{"fixed acidity":"x"}"#, "field `fixed acidity`: expected a number, found `\"` at byte 17"),
            (br#"{"id":1.5}"#, "field `id`: expected a whole number without point and exponent, found `1` at byte 6"),
            (br#"{"id":1e2}"#, "field `id`: expected a whole number without point and exponent, found `1` at byte 6"),
            (
                br#"{"id":9223372036854775808}"#,
                "field `id`: expected a whole number that 64 bits with sign can hold, found `9` at byte 6",
            ),
            (br#"{"m":{"n":5}}"#, "field `m.n`: expected a text in quotes, found `5` at byte 10"),
            (br#"{"m":5}"#, "expected an object `{..}`, found `5` at byte 5"),
            (br#"{"m":{"n":"\udc00"}}"#, "field `m.n`: expected the two halves of a surrogate pair, found `\"` at byte 10"),
            (br#"{"id":1"#, "expected `,` or the end of the object or array, found the end at byte 7"),
        ],
    );
}

#[test]
fn integers_are_exact() {
    let codec = json(&[("i", Kind::Integer)]);
    check(
        &codec,
        &[
            (r#"{"i":9007199254740993}"#, "Some(9007199254740993)"),
            (r#"{"i":9223372036854775807}"#, "Some(9223372036854775807)"),
            (r#"{"i":-9223372036854775808}"#, "Some(-9223372036854775808)"),
            (r#"{"i":-0}"#, "Some(0)"),
            (r#"{"i":true}"#, "Some(1)"),
            (r#"{"i":false}"#, "Some(0)"),
            (r#"{"i":null}"#, "None"),
            (r#"{"i":5,"i":null}"#, "None"),
            ("{}", "None"),
        ],
    );
    for value in ["-9223372036854775809", "18446744073709551616", "36893488147419103233", "100000000000000000000", "1.0", "\"1\""]
    {
        assert!(decode(&codec, format!("{{\"i\":{value}}}").as_bytes()).is_err(), "{value}");
    }
}

#[test]
fn texts_are_unescaped_and_bytes_are_base64() {
    let codec = json(&[("t", Kind::Text), ("b", Kind::Bytes)]);
    check(
        &codec,
        &[
            (r#"{"t":"é\u00e9\ud83d\ude00\n\/\"\\"}"#, "Some(\"éé😀\\n/\\\"\\\\\") None"),
            (r#"{"t":"","b":""}"#, "Some(\"\") Some(\"\")"),
            (r#"{"t":"first","t":"last"}"#, "Some(\"last\") None"),
            (r#"{"t":null,"b":null}"#, "None None"),
            (r#"{"b":"aGVsbG8="}"#, "None Some(\"hello\")"),
            (r#"{"b":"aGVsbG8"}"#, "None Some(\"hello\")"),
            (r#"{"b":"aGVs\u0062G8"}"#, "None Some(\"hello\")"),
        ],
    );
    for value in ["aGVsbG8==", "a", "aGVsbG9=", "aGV sbG8=", "=", "aGVs-G8="] {
        assert!(decode(&codec, format!("{{\"b\":\"{value}\"}}").as_bytes()).is_err(), "{value}");
    }
}

#[test]
fn an_exact_name_comes_before_a_path() {
    let codec = json(&[("a.b", Kind::Number), ("a.c.d", Kind::Number), ("e", Kind::Number), ("e.f", Kind::Number)]);
    check(
        &codec,
        &[
            (r#"{"a":{"b":1,"c":{"d":2}},"e":3}"#, "1.0 2.0 3.0 NaN"),
            (r#"{"a.b":4,"a":{"b":1}}"#, "4.0 NaN NaN NaN"),
            (r#"{"a":{"b":1},"a.b":4}"#, "4.0 NaN NaN NaN"),
            (r#"{"a":{"b":1,"c":{"d":2}},"a":{"b":5}}"#, "5.0 NaN NaN NaN"),
            (r#"{"a":{"b":1},"a":null}"#, "NaN NaN NaN NaN"),
            (r#"{"a.b":4,"a":null}"#, "4.0 NaN NaN NaN"),
            (r#"{"e":3,"e.f":6}"#, "NaN NaN 3.0 6.0"),
        ],
    );
}

#[test]
fn names_that_json_escapes_do_not_bend_the_grammar() {
    let codec = json(&[("a\"b", Kind::Number), ("c\\d", Kind::Number)]);
    let mut rows = Rows::new(codec.schema());
    let mut decoder = codec.decoder(&[0, 1]);
    for _ in 0..3 {
        decoder.decode(0, br#"{"a\"b":1,"c\\d":2}"#, &mut rows).unwrap();
        assert!(decoder.decode(0, br#"{"a"b":1}"#, &mut rows).is_err(), "a guess must not make this a record");
    }
    assert_eq!((rows.len(), rows.number(2, 0), rows.number(2, 1)), (3, 1.0, 2.0));
}

#[test]
fn nesting_is_limited_and_needs_no_stack() {
    let codec = json(&[("a", Kind::Number)]);
    let nested = |depth: usize| format!("{{\"x\":{}{},\"a\":1}}", "[".repeat(depth), "]".repeat(depth));
    assert_eq!(decode(&codec, nested(128).as_bytes()).as_deref(), Ok("1.0"));
    assert!(decode(&codec, nested(129).as_bytes()).unwrap_err().contains("128 levels"));
    assert!(decode(&codec, format!("{{\"x\":{}", "{\"y\":[".repeat(100_000)).as_bytes()).is_err());
    let members = (0..65_537).map(|i| format!("\"m{i}\":0")).collect::<Vec<_>>().join(",");
    assert!(decode(&codec, format!("{{{members}}}").as_bytes()).unwrap_err().contains("65,536"));
}

#[test]
fn a_failed_record_leaves_the_others_as_they_were() {
    let codec = json(&[("a", Kind::Number), ("t", Kind::Text)]);
    let (mut rows, mut decoder) = (Rows::new(codec.schema()), codec.decoder(&[0, 1]));
    decoder.decode(7, br#"{"a":1,"t":"one"}"#, &mut rows).unwrap();
    assert!(decoder.decode(8, br#"{"a":2,"t":"two","x":}"#, &mut rows).is_err());
    decoder.decode(9, br#"{"t":"three"}"#, &mut rows).unwrap();
    assert_eq!(rows.records(), [7, 9]);
    assert_eq!((rows.number(0, 0), rows.text(0, 0)), (1.0, Some(b"one".as_slice())));
    assert!(rows.number(1, 0).is_nan(), "nothing of the failed record stays");
    assert_eq!(rows.text(1, 0), Some(b"three".as_slice()));
}

#[test]
fn a_decoder_fills_what_is_wanted_and_nothing_else() {
    let codec = json(&[("a", Kind::Number), ("b", Kind::Number)]);
    let (mut rows, mut decoder) = (Rows::new(codec.schema()), codec.decoder(&[1]));
    decoder.decode(0, br#"{"a":"not wanted, so not looked at","b":2}"#, &mut rows).unwrap();
    assert!(rows.number(0, 0).is_nan());
    assert_eq!(rows.number(0, 1), 2.0);
}

#[test]
fn opening_says_what_is_wrong() {
    let spec = |format, names: &[&str], features: &[&str]| Spec {
        data_type: "wine".to_owned(),
        format,
        fields: names.iter().map(|name| Declared { name: (*name).to_owned(), kind: None }).collect(),
        features: features.iter().map(|name| (*name).to_owned()).collect(),
    };
    let cases = [
        (spec(Format::Avro, &["a"], &[]), "data type `wine`: format `avro` is not built yet; use json, protobuf or raw"),
        (
            spec(Format::Json, &["fixed acidity", "Fixed_Acidity"], &[]),
            "data type `wine`: fields `fixed acidity` and `Fixed_Acidity` have the same name but for case, spaces, `_` and `.`",
        ),
        (spec(Format::Json, &["alcohol", "pH"], &["alchol"]), "data type `wine` has no field `alchol`; the nearest is `alcohol`"),
        (
            spec(Format::Raw, &["a"], &[]),
            "data type `wine`: field `a`: format raw has no fields; a model reads `$value`, `$key` and `$timestamp`",
        ),
    ];
    for (spec, expected) in cases {
        let error: Option<Error> = codec::open(&spec).err();
        assert_eq!(error.map(|error| error.to_string()).as_deref(), Some(expected));
    }
}
