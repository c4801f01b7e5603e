//! Choosing a data type by a field of the record.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use sandstream::codec::{Format, Protobuf, ProtobufSchema, Selector, Spec};

fn spec(data_type: &str, format: Format) -> Spec {
    Spec { data_type: data_type.to_owned(), format, fields: Vec::new(), features: Vec::new() }
}

fn protobuf(text: &str) -> Format {
    let schema = ProtobufSchema::Text(format!("syntax = \"proto3\"; {text}"));
    Format::Protobuf(Protobuf { schema, message: Some("R".to_owned()), includes: Vec::new() })
}

#[test]
fn json() {
    let specs = [spec("wine", Format::Json), spec("beer", Format::Json)];
    let mut selector = Selector::new(&specs, "dataType").unwrap().clone();
    let cases: [(&str, Option<&str>); 6] = [
        (r#"{"x":[1,2],"dataType":"wine","dataTypes":"no"}"#, Some("wine")),
        (r#"{"dataType":"b\u0065er"}"#, Some("beer")),
        (r#"{"dataType":""}"#, Some("")),
        (r#"{"dataType":null}"#, None),
        ("{}", None),
        (r#"{"dataType":"wine","dataType":"beer"}"#, Some("beer")),
    ];
    for (record, expected) in cases {
        assert_eq!(selector.select(record.as_bytes()).unwrap(), expected, "{record}");
    }
    assert_eq!(
        selector.select(br#"{"dataType":5}"#).unwrap_err().to_string(),
        "field `dataType`: expected a text in quotes, found `5` at byte 12"
    );
    let mut nested = Selector::new(&specs, "meta.type").unwrap();
    assert_eq!(nested.select(br#"{"meta":{"type":"wine"}}"#).unwrap(), Some("wine"));
}

#[test]
fn protobuf_messages_share_the_place() {
    let specs = [
        spec("wine", protobuf("message R { double a = 1; string dataType = 12; }")),
        spec("beer", protobuf("message R { int32 b = 1; string dataType = 12; }")),
    ];
    let mut selector = Selector::new(&specs, "dataType").unwrap();
    assert_eq!(selector.select(b"\x62\x04wine").unwrap(), Some("wine"));
    assert_eq!(selector.select(b"").unwrap(), Some(""), "a field without presence is empty");
    assert!(selector.select(b"\x62\x04win").is_err());
}

#[test]
fn what_cannot_be_told_apart() {
    let wine = || spec("wine", protobuf("message R { double a = 1; string dataType = 12; }"));
    let cases = [
        (vec![], "a data type cannot be chosen by field `dataType`: the stream has no data type"),
        (vec![spec("raw", Format::Raw)], "a data type cannot be chosen by field `dataType`: format raw has no fields"),
        (
            vec![wine(), spec("beer", Format::Json)],
            "a data type cannot be chosen by field `dataType`: expected one format with the field at one place, but `wine` and `beer` differ",
        ),
        (
            vec![wine(), spec("beer", protobuf("message R { string dataType = 2; }"))],
            "a data type cannot be chosen by field `dataType`: expected one format with the field at one place, but `wine` and `beer` differ",
        ),
        (
            vec![spec("beer", protobuf("message R { string type = 2; }"))],
            "data type `beer` has no field `dataType`; the nearest is `type`",
        ),
        (
            vec![spec("beer", protobuf("message R { int32 dataType = 2; }"))],
            "data type `beer`: field `dataType`: it is declared as Text, but the schema's type is int32",
        ),
    ];
    for (specs, expected) in cases {
        assert_eq!(Selector::new(&specs, "dataType").err().map(|error| error.to_string()).as_deref(), Some(expected));
    }
}
