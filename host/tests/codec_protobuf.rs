//! Decoding Protobuf through the public seam, beside prost-reflect as the oracle of the wire format.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::sync::Arc;

use prost::Message;
use prost_reflect::{DynamicMessage, Value};
use sandstream::codec::{self, Codec, Declared, Format, Protobuf, ProtobufSchema, Spec};
use sandstream::types::{Kind, Rows};

const PROTO3: &str = r#"
    syntax = "proto3";
    package p;
    enum Colour { RED = 0; WHITE = 1; }
    message Inner { sint64 a = 1; float b = 2; string t = 3; optional double o = 4; Deep deep = 5; }
    message Deep { fixed32 x = 1; }
    message Record {
      double d = 1; float f = 2; int64 i64 = 3; uint64 u64 = 4; int32 i32 = 5; uint32 u32 = 6; sint64 s64 = 7; sint32 s32 = 8;
      fixed64 f64 = 9; sfixed64 sf64 = 10; fixed32 f32 = 11; sfixed32 sf32 = 12; bool flag = 13; Colour colour = 14;
      string text = 15; bytes blob = 16;
      optional double od = 17; optional int32 oi = 18; optional string ot = 19;
      Inner inner = 20;
      oneof choice { int64 left = 21; string right = 22; Inner both = 23; uint32 unwanted = 24; }
      repeated double list = 30; map<string, int32> map = 31; Record again = 32;
      sint32 far = 3000;
    }"#;

fn spec(schema: ProtobufSchema, message: Option<&str>, fields: &[(&str, Option<Kind>)]) -> Spec {
    let format = Protobuf { schema, message: message.map(str::to_owned), includes: Vec::new() };
    let fields = fields.iter().map(|(name, kind)| Declared { name: (*name).to_owned(), kind: *kind }).collect();
    Spec { data_type: "wine".to_owned(), format: Format::Protobuf(format), fields, features: Vec::new() }
}

fn open(schema: &str, message: &str) -> Arc<dyn Codec> {
    codec::open(&spec(ProtobufSchema::Text(schema.to_owned()), Some(message), &[])).unwrap()
}

fn error(spec: &Spec) -> String {
    codec::open(spec).err().expect("an error").to_string()
}

/// Decodes and returns the named field as text.
fn field(codec: &Arc<dyn Codec>, value: &[u8], name: &str) -> Result<String, String> {
    let index = codec.schema().index(name).unwrap();
    let field = &codec.schema().fields()[index as usize];
    let mut rows = Rows::new(codec.schema());
    codec.decoder(&[index]).decode(0, value, &mut rows).map_err(|error| error.to_string())?;
    Ok(match field.kind {
        Kind::Number => format!("{:?}", rows.number(0, field.slot)),
        Kind::Integer => rows.integer(0, field.slot).map_or("-".to_owned(), |value| value.to_string()),
        Kind::Text | Kind::Bytes => rows.text(0, field.slot).map_or("-".to_owned(), |value| format!("{value:?}")),
    })
}

fn check(codec: &Arc<dyn Codec>, cases: &[(&[u8], &str, &str)]) {
    for (value, name, expected) in cases {
        assert_eq!(field(codec, value, name).as_deref(), Ok(*expected), "{name} of {value:02x?}");
    }
}

#[test]
fn every_scalar_type_reads_what_prost_writes() {
    let codec = open(PROTO3, "p.Record");
    let files = protox_pool(PROTO3);
    let message = files.get_message_by_name("p.Record").unwrap();
    let values = [
        ("d", Value::F64(-1.5e300), "-1.5e300"),
        ("f", Value::F32(0.1), "0.10000000149011612"),
        ("i64", Value::I64(i64::MIN), "-9223372036854775808"),
        ("u64", Value::U64(i64::MAX as u64), "9223372036854775807"),
        ("i32", Value::I32(-7), "-7"),
        ("u32", Value::U32(u32::MAX), "4294967295"),
        ("s64", Value::I64(i64::MIN), "-9223372036854775808"),
        ("s32", Value::I32(i32::MIN), "-2147483648"),
        ("f64", Value::U64(1 << 62), "4611686018427387904"),
        ("sf64", Value::I64(-5), "-5"),
        ("f32", Value::U32(u32::MAX), "4294967295"),
        ("sf32", Value::I32(-5), "-5"),
        ("flag", Value::Bool(true), "1"),
        ("colour", Value::EnumNumber(1), "1"),
        ("text", Value::String("é".to_owned()), "[195, 169]"),
        ("blob", Value::Bytes(vec![255, 0].into()), "[255, 0]"),
        ("far", Value::I32(-9), "-9"),
        ("oi", Value::I32(0), "0"),
        ("ot", Value::String(String::new()), "[]"),
    ];
    for (name, value, expected) in values {
        let mut record = DynamicMessage::new(message.clone());
        record.set_field_by_name(name, value);
        assert_eq!(field(&codec, &record.encode_to_vec(), name).as_deref(), Ok(expected), "{name}");
    }
}

fn protox_pool(text: &str) -> prost_reflect::DescriptorPool {
    let mut pool = prost_reflect::DescriptorPool::new();
    let file = protox::file::File::from_source("p.proto", text).unwrap();
    pool.add_file_descriptor_proto(file.file_descriptor_proto().clone()).unwrap();
    pool
}

#[test]
fn what_is_absent() {
    let codec = open(PROTO3, "p.Record");
    let absent: &[(&[u8], &str, &str)] = &[
        (b"", "d", "0.0"),
        (b"", "i64", "0"),
        (b"", "flag", "0"),
        (b"", "text", "[]"),
        (b"", "blob", "[]"),
        (b"", "od", "NaN"),
        (b"", "oi", "-"),
        (b"", "ot", "-"),
        (b"", "inner.a", "-"),
        (b"", "inner.b", "NaN"),
        (b"", "left", "-"),
        // The message is there and empty: its implicit fields are zero, its optional one and the message in it are absent.
        (&[0xa2, 1, 0], "inner.a", "0"),
        (&[0xa2, 1, 0], "inner.b", "0.0"),
        (&[0xa2, 1, 0], "inner.t", "[]"),
        (&[0xa2, 1, 0], "inner.o", "NaN"),
        (&[0xa2, 1, 0], "inner.deep.x", "-"),
        (&[0xa2, 1, 2, 0x2a, 0], "inner.deep.x", "0"),
    ];
    check(&codec, absent);
}

#[test]
fn merged_and_repeated_occurrences() {
    let codec = open(PROTO3, "p.Record");
    let twice: &[u8] = &[0xa2, 1, 2, 8, 2, 0xa2, 1, 3, 0x1a, 1, b'z'];
    check(
        &codec,
        &[
            (&[0x18, 1, 0x18, 2], "i64", "2"),
            (twice, "inner.a", "1"),
            (twice, "inner.t", "[122]"),
            (&[0xa2, 1, 2, 8, 2, 0xa2, 1, 2, 8, 4], "inner.a", "2"),
            // Wider than the type: cut, as every implementation does.
            (&[0x28, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01], "i32", "-1"),
            (&[0x30, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01], "u32", "4294967295"),
            (&[0x68, 0x80, 0x01], "flag", "1"),
            // An overlong tag, unknown fields of each wire type, a repeated field nobody wants packed and not.
            (&[0x98, 0x80, 0x00, 7], "i64", "7"),
            (
                &[0xc0, 0x3e, 0xff, 1, 0xc1, 0x3e, 0, 0, 0, 0, 0, 0, 0, 0, 0xc2, 0x3e, 1, 0, 0xc5, 0x3e, 0, 0, 0, 0, 0x18, 9],
                "i64",
                "9",
            ),
            (&[0xf2, 1, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0xf1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0x18, 9], "i64", "9"),
        ],
    );
}

#[test]
fn a_oneof_holds_what_came_last() {
    let codec = open(PROTO3, "p.Record");
    let left_then_right: &[u8] = &[0xa8, 1, 5, 0xb2, 1, 1, b'r'];
    let both_left_both: &[u8] = &[0xba, 1, 3, 0x1a, 1, b'q', 0xa8, 1, 5, 0xba, 1, 2, 8, 2];
    check(
        &codec,
        &[
            (left_then_right, "left", "-"),
            (left_then_right, "right", "[114]"),
            (&[0xa8, 1, 5, 0xc0, 1, 1], "left", "-"),
            (both_left_both, "both.a", "1"),
            (both_left_both, "both.t", "[]"),
            (both_left_both, "left", "-"),
        ],
    );
}

#[test]
fn what_is_refused() {
    let codec = open(PROTO3, "p.Record");
    let cases: &[(&[u8], &str)] = &[
        (&[0x09, 0, 0], "field `d` (1) of message `p.Record`: the record ends within a field at byte 1"),
        (&[0x18], "field `i64` (3) of message `p.Record`: the record ends within a field at byte 1"),
        (&[0x18, 0x80], "field `i64` (3) of message `p.Record`: the record ends within a field at byte 1"),
        (
            &[0x7a, 0xff, 0xff, 0xff, 0xff, 0x0f, 8],
            "field `text` (15) of message `p.Record`: the record ends within a field at byte 6",
        ),
        (
            &[0x18, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2],
            "field `i64` (3) of message `p.Record`: expected a varint of at most 64 bits at byte 1",
        ),
        (&[0x00, 1], "expected a field number from 1 to 536,870,911 at byte 1"),
        (&[0x80, 0x80, 0x80, 0x80, 0x10, 1], "expected a field number from 1 to 536,870,911 at byte 5"),
        (&[0x08, 1], "field `d` (1) of message `p.Record`: expected the wire type that the schema gives the field at byte 1"),
        (&[0x0e, 1], "field `d` (1) of message `p.Record`: expected the wire type that the schema gives the field at byte 1"),
        (
            &[0xc3, 0x3e, 0xc4, 0x3e],
            "unknown field 1000 of message `p.Record`: expected no group; groups are not supported at byte 2",
        ),
        (
            &[0xf0, 1, 1],
            "field `list` (30) of message `p.Record`: expected the wire type that the schema gives the field at byte 2",
        ),
    ];
    for (value, expected) in cases {
        assert_eq!(field(&codec, value, "i64").as_ref().map_err(String::as_str), Err(*expected), "{value:02x?}");
    }
    let over = [&[0x20][..], &[0xff; 9], &[1]].concat();
    let range =
        "field `u64` (4) of message `p.Record`: expected an unsigned integer below 2^63: larger ones fit no int64 at byte 11";
    assert_eq!(field(&codec, &over, "u64").as_ref().map_err(String::as_str), Err(range));
    assert_eq!(field(&codec, &over, "i64").as_deref(), Ok("0"), "nobody wants it");
    let nested = "field `t` (3) of message `p.Inner`: expected UTF-8 in a string field at byte 6";
    assert_eq!(field(&codec, &[0xa2, 1, 3, 0x1a, 1, 0xff], "inner.t").as_ref().map_err(String::as_str), Err(nested));
}

#[test]
fn nothing_of_the_last_record_shines_through() {
    let codec = open(PROTO3, "p.Record");
    let index = |name: &str| codec.schema().index(name).unwrap();
    let slot = |name: &str| codec.schema().fields()[index(name) as usize].slot;
    let wanted = ["d", "i64", "text", "od", "inner.a"].map(index);
    let (mut rows, mut decoder) = (Rows::new(codec.schema()), codec.decoder(&wanted));
    let full: &[u8] = b"\x09\0\0\0\0\0\0\xf0\x3f\x18\x05\x7a\x01t\x89\x01\0\0\0\0\0\0\xf0\x3f\xa2\x01\x02\x08\x02";
    for _ in 0..2 {
        rows.clear();
        decoder.decode(0, full, &mut rows).unwrap();
        assert!(decoder.decode(1, &full[..full.len() - 1], &mut rows).is_err());
        decoder.decode(2, b"", &mut rows).unwrap();
        assert_eq!(rows.records(), [0, 2]);
        let row = |row| {
            (
                rows.number(row, slot("d")),
                rows.integer(row, slot("i64")),
                rows.text(row, slot("text")),
                rows.integer(row, slot("inner.a")),
            )
        };
        assert_eq!(row(0), (1.0, Some(5), Some(b"t".as_slice()), Some(1)));
        assert_eq!(row(1), (0.0, Some(0), Some(b"".as_slice()), None));
        assert!(rows.number(1, slot("od")).is_nan());
    }
}

#[test]
fn a_schema_of_messages_without_end_is_bounded() {
    // Ten ways down on each of fifteen levels: 10^15 messages, were they all gone through.
    let level = |n: usize| (1..=10).map(|i| format!("M{} f{i} = {i};", n + 1)).collect::<String>();
    let messages: String = (0..15).map(|n| format!("message M{n} {{ {} }}", level(n))).collect();
    let codec = open(&format!("syntax = \"proto3\"; {messages} message M15 {{}}"), "M0");
    assert!(codec.schema().fields().is_empty());
}

#[test]
fn proto2_fields_have_presence() {
    let codec = open(
        r#"syntax = "proto2"; message R { required double a = 1; optional int32 b = 2 [default = 5]; optional group G = 3 { optional int32 x = 1; } }"#,
        "R",
    );
    check(&codec, &[(b"", "a", "NaN"), (b"", "b", "-"), (&[0x10, 0], "b", "0")]);
    assert!(field(&codec, &[0x1b, 0x1c], "b").unwrap_err().contains("group"));
    let reason = codec.schema().index("g").unwrap_err().to_string();
    assert!(reason.contains("it is a group"), "{reason}");
}

#[test]
fn what_cannot_be_a_column_says_why() {
    let codec = open(PROTO3, "p.Record");
    for (name, reason) in [
        (
            "list",
            "data type `wine`: field `list` cannot be used: it is repeated, and a column is one value per record; elements are not built yet",
        ),
        ("map", "data type `wine`: field `map` cannot be used: it is a map, and a column is one value per record"),
        ("again", "data type `wine`: field `again` cannot be used: its message contains itself"),
        ("txt", "data type `wine` has no field `txt`; the nearest is `text`"),
    ] {
        assert_eq!(codec.schema().index(name).unwrap_err().to_string(), reason);
    }
}

#[test]
fn a_schema_is_text_a_file_or_compiled() {
    let folder = tempfile::tempdir().unwrap();
    let (types, main) = (folder.path().join("common/types.proto"), folder.path().join("wine/wine.proto"));
    std::fs::create_dir_all(types.parent().unwrap()).unwrap();
    std::fs::create_dir_all(main.parent().unwrap()).unwrap();
    std::fs::write(&types, "syntax = \"proto3\"; package c; message Lab { string name = 1; }").unwrap();
    let text = "syntax = \"proto3\"; import \"common/types.proto\"; message WineRecord { double ph = 1; c.Lab lab = 2; }";
    std::fs::write(&main, text).unwrap();
    let set = folder.path().join("wine.binpb");
    let compiled = protox::compile([&main], [folder.path()]).unwrap().encode_to_vec();
    std::fs::write(&set, &compiled).unwrap();

    let sources = [
        ProtobufSchema::File(main.clone()),
        ProtobufSchema::Text(text.to_owned()),
        ProtobufSchema::File(set),
        ProtobufSchema::Descriptors(compiled),
    ];
    for source in sources {
        let mut spec = spec(source, None, &[]);
        if let Format::Protobuf(format) = &mut spec.format {
            format.includes = vec![folder.path().to_owned()];
        }
        let codec = codec::open(&spec).unwrap();
        let names: Vec<_> = codec.schema().fields().iter().map(|field| field.name.as_str()).collect();
        assert_eq!(names, ["ph", "lab.name"]);
    }

    // Without include folders the schema's own folder is searched.
    let beside = folder.path().join("beside.proto");
    std::fs::write(&beside, text).unwrap();
    assert!(codec::open(&spec(ProtobufSchema::File(beside), Some("WineRecord"), &[])).is_ok());
}

#[test]
fn opening_says_what_is_wrong() {
    let text = |text: &str| ProtobufSchema::Text(text.to_owned());
    let two = "syntax = \"proto3\"; message A { double x = 1; int32 n = 2; } message B {}";
    let cases = [
        (spec(text(two), None, &[]), "`message` to name one of the messages in schema.proto: `A`, `B`"),
        (spec(text(two), Some("C"), &[]), "has no message `C`; it has `A`, `B`"),
        (spec(text("syntax = \"proto3\"; message A { double x = ; }"), None, &[]), "schema.proto"),
        (spec(ProtobufSchema::File("/nowhere/wine.proto".into()), None, &[]), "cannot compile the schema /nowhere/wine.proto"),
        (spec(ProtobufSchema::File("/nowhere/wine.binpb".into()), None, &[]), "cannot read the schema /nowhere/wine.binpb"),
        (spec(ProtobufSchema::Descriptors(b"no set".to_vec()), None, &[]), "compiled FileDescriptorSet"),
        (spec(text(two), Some("A"), &[("y", None)]), "has no field `y`; the nearest is `x`"),
        (
            spec(text(two), Some("A"), &[("n", Some(Kind::Number))]),
            "field `n`: it is declared as Number, but the schema's type is",
        ),
    ];
    for (spec, expected) in cases {
        let error = error(&spec);
        assert!(error.contains(expected), "{error}");
    }
    let some = codec::open(&spec(text(two), Some("A"), &[("n", None)])).unwrap();
    assert_eq!(some.schema().fields().len(), 1, "declared fields are a choice among the schema's");
}
