//! What serde_json and prost-reflect make of the same bytes: the codecs' plans must agree with them, bit for bit, and must accept
//! nothing that they refuse. Used by the seeded tests and by the fuzz targets in `host/fuzz`.
//!
//! Known differences, all intended:
//! * JSON, accepted by the plan alone: half a surrogate pair in a text nobody wants. It is checked as an escape, not decoded.
//! * JSON, refused by the plan alone: a duplicate member whose first value is of the wrong type; an object of more than 65,536
//!   members. (129 levels of nesting are refused by both.)
//! * Protobuf, refused by the plan alone: groups, and unsigned integers from 2^63 on.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(dead_code, unreachable_pub, reason = "each user of this module needs a part of it")]

use std::sync::{Arc, LazyLock};

use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor, ReflectMessage};
use sandstream::codec::{self, Codec, Declared, Decoder, Format, Protobuf, ProtobufSchema, Spec};
use sandstream::types::{Kind, Rows};

/// A decoded field; floats by their bits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    /// NaN is missing.
    Number(u64),
    Integer(Option<i64>),
    Text(Option<Vec<u8>>),
}

fn number(value: f64) -> Cell {
    Cell::Number(value.to_bits())
}

/// What became of a record on both sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Both accept it, with equal values.
    Equal,
    /// Both refuse it.
    Refused,
    /// Accepted by the oracle alone, for a known reason.
    Stricter,
    /// Accepted by the plan alone, for a known reason.
    Looser,
}

/// A decoder for all fields of a data type.
pub struct Plan {
    codec: Arc<dyn Codec>,
    decoder: Box<dyn Decoder>,
    rows: Rows,
}

impl Plan {
    fn new(codec: Arc<dyn Codec>) -> Self {
        let wanted: Vec<u16> = (0..codec.schema().fields().len() as u16).collect();
        Self { decoder: codec.decoder(&wanted), rows: Rows::new(codec.schema()), codec }
    }

    fn decode(&mut self, record: &[u8]) -> Result<Vec<Cell>, String> {
        self.rows.clear();
        self.decoder.decode(0, record, &mut self.rows).map_err(|error| error.to_string())?;
        let cell = |field: &sandstream::types::Field| match field.kind {
            Kind::Number => number(self.rows.number(0, field.slot)),
            Kind::Integer => Cell::Integer(self.rows.integer(0, field.slot)),
            Kind::Text | Kind::Bytes => Cell::Text(self.rows.text(0, field.slot).map(<[u8]>::to_vec)),
        };
        Ok(self.codec.schema().fields().iter().map(cell).collect())
    }
}

/// The fields of the JSON records that are tried.
const JSON: [(&str, Kind); 8] = [
    ("fixed acidity", Kind::Number),
    ("pH", Kind::Number),
    ("density", Kind::Number),
    ("id", Kind::Integer),
    ("lab", Kind::Text),
    ("meta.lab", Kind::Text),
    ("meta.n", Kind::Number),
    ("meta.deep.i", Kind::Integer),
];

/// A plan for JSON records.
pub fn json_plan() -> Plan {
    let fields = JSON.map(|(name, kind)| Declared { name: name.to_owned(), kind: Some(kind) }).to_vec();
    Plan::new(codec::open(&Spec { data_type: "wine".to_owned(), format: Format::Json, fields, features: Vec::new() }).unwrap())
}

/// Compares the plan with serde_json.
pub fn json(plan: &mut Plan, record: &[u8]) -> Verdict {
    let (ours, theirs) = (plan.decode(record), json_oracle(record));
    let shown = || String::from_utf8_lossy(record).into_owned();
    match (&ours, &theirs) {
        (Ok(a), Ok(b)) => {
            assert_eq!(a, b, "the values differ: {}", shown());
            Verdict::Equal
        }
        (Err(_), Err(_)) => Verdict::Refused,
        (Ok(_), Err(why)) => {
            assert!(why.contains("surrogate") || why.contains("hex escape"), "accepted, but {why}: {}", shown());
            Verdict::Looser
        }
        (Err(why), Ok(_)) => {
            assert!(has_duplicate(record) || why.contains("65,536"), "refused alone, {why}: {}", shown());
            Verdict::Stricter
        }
    }
}

fn json_oracle(record: &[u8]) -> Result<Vec<Cell>, String> {
    let text = std::str::from_utf8(record).map_err(|error| error.to_string())?;
    let value: serde_json::Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let object = value.as_object().ok_or("no object")?;
    JSON.iter().map(|(name, kind)| cell(find(object, name)?, *kind)).collect()
}

/// The member of that name, or else the one at the end of the path. Objects on the way must be objects even if the name is there.
fn find<'a>(
    object: &'a serde_json::Map<String, serde_json::Value>,
    name: &str,
) -> Result<Option<&'a serde_json::Value>, &'static str> {
    let mut found = None;
    let mut inside = Some(object);
    for part in name.split('.') {
        found = inside.and_then(|object| object.get(part));
        inside = match found {
            Some(serde_json::Value::Object(object)) => Some(object),
            _ => None,
        };
        let last = name.ends_with(part);
        if !last && !matches!(found, None | Some(serde_json::Value::Object(_) | serde_json::Value::Null)) {
            return Err("no object on the way");
        }
    }
    Ok(object.get(name).or(found))
}

fn cell(value: Option<&serde_json::Value>, kind: Kind) -> Result<Cell, String> {
    use serde_json::Value::{Bool, Null, Number, String};
    match (kind, value) {
        (Kind::Number, None | Some(Null)) => Ok(number(f64::NAN)),
        (Kind::Integer, None | Some(Null)) => Ok(Cell::Integer(None)),
        (_, None | Some(Null)) => Ok(Cell::Text(None)),
        (Kind::Number, Some(Bool(flag))) => Ok(number(f64::from(u8::from(*flag)))),
        (Kind::Integer, Some(Bool(flag))) => Ok(Cell::Integer(Some(i64::from(*flag)))),
        (Kind::Number, Some(Number(value))) => Ok(number(value.as_f64().ok_or("no float")?)),
        // serde_json reads `-0` as a float; `-0.0` cannot be told from it, so no record tried has it in an integer field.
        (Kind::Integer, Some(Number(value))) if value.as_f64().map(f64::to_bits) == Some((-0.0f64).to_bits()) => {
            Ok(Cell::Integer(Some(0)))
        }
        (Kind::Integer, Some(Number(value))) => Ok(Cell::Integer(Some(value.as_i64().ok_or("no int64")?))),
        (Kind::Text, Some(String(text))) => Ok(Cell::Text(Some(text.clone().into_bytes()))),
        _ => Err("another type".to_owned()),
    }
}

/// Whether some object in the record has a wanted member twice: counted roughly, by name.
fn has_duplicate(record: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(record) else { return false };
    let parts = JSON.iter().flat_map(|(name, _)| name.split('.').chain([*name]));
    let escaped = text.contains("\\u");
    escaped || parts.into_iter().any(|part| text.matches(&format!("\"{part}\"")).count() > 1)
}

/// The schema of the Protobuf records that are tried.
const PROTO: &str = r#"
    syntax = "proto3";
    enum Colour { RED = 0; WHITE = 1; }
    message Deep { fixed32 x = 1; optional sint32 y = 2; }
    message Inner { sint64 a = 1; float b = 2; string t = 3; optional double o = 4; Deep deep = 5; }
    message Record {
      double d = 1; float f = 2; int64 i64 = 3; uint64 u64 = 4; int32 i32 = 5; uint32 u32 = 6; sint64 s64 = 7; sint32 s32 = 8;
      fixed64 f64 = 9; sfixed64 sf64 = 10; fixed32 f32 = 11; sfixed32 sf32 = 12; bool flag = 13; Colour colour = 14;
      string text = 15; bytes blob = 16; optional double od = 17; optional int32 oi = 18; optional string ot = 19;
      Inner inner = 20;
      oneof choice { int64 left = 21; string right = 22; Inner both = 23; }
      sint32 far = 300;
    }"#;

static MESSAGE: LazyLock<MessageDescriptor> = LazyLock::new(|| {
    let mut pool = DescriptorPool::new();
    let file = protox::file::File::from_source("schema.proto", PROTO).unwrap();
    pool.add_file_descriptor_proto(file.file_descriptor_proto().clone()).unwrap();
    pool.get_message_by_name("Record").unwrap()
});

/// The descriptor of the Protobuf records that are tried.
pub fn message() -> MessageDescriptor {
    MESSAGE.clone()
}

/// A plan for Protobuf records.
pub fn protobuf_plan() -> Plan {
    let schema = ProtobufSchema::Text(PROTO.to_owned());
    let format = Format::Protobuf(Protobuf { schema, message: Some("Record".to_owned()), includes: Vec::new() });
    Plan::new(codec::open(&Spec { data_type: "wine".to_owned(), format, fields: Vec::new(), features: Vec::new() }).unwrap())
}

/// Compares the plan with prost-reflect.
pub fn protobuf(plan: &mut Plan, record: &[u8]) -> Verdict {
    let ours = plan.decode(record);
    let theirs = DynamicMessage::decode(message(), record).map_err(|error| error.to_string());
    match (&ours, &theirs) {
        (Ok(a), Ok(b)) => {
            assert_eq!(Some(a), protobuf_cells(plan, b).as_ref(), "the values differ: {record:02x?}");
            Verdict::Equal
        }
        (Err(_), Err(_)) => Verdict::Refused,
        (Ok(_), Err(why)) => panic!("accepted, but {why}: {record:02x?}"),
        (Err(why), Ok(_)) => {
            assert!(why.contains("group") || why.contains("2^63"), "refused alone, {why}: {record:02x?}");
            Verdict::Stricter
        }
    }
}

fn protobuf_cells(plan: &Plan, message: &DynamicMessage) -> Option<Vec<Cell>> {
    plan.codec.schema().fields().iter().map(|field| protobuf_cell(message, &field.name, field.kind)).collect()
}

fn protobuf_cell(message: &DynamicMessage, name: &str, kind: Kind) -> Option<Cell> {
    use prost_reflect::Value;
    let missing = match kind {
        Kind::Number => number(f64::NAN),
        Kind::Integer => Cell::Integer(None),
        Kind::Text | Kind::Bytes => Cell::Text(None),
    };
    let (first, rest) = name.split_once('.').map_or((name, None), |(first, rest)| (first, Some(rest)));
    let field = message.descriptor().get_field_by_name(first)?;
    if field.supports_presence() && !message.has_field(&field) {
        return Some(missing);
    }
    let value = message.get_field(&field);
    Some(match (&*value, rest) {
        (Value::Message(inner), Some(rest)) => return protobuf_cell(inner, rest, kind),
        (Value::F64(value), None) => number(*value),
        (Value::F32(value), None) => number(f64::from(*value)),
        (Value::I64(value), None) => Cell::Integer(Some(*value)),
        (Value::U64(value), None) => Cell::Integer(Some(i64::try_from(*value).ok()?)),
        (Value::I32(value) | Value::EnumNumber(value), None) => Cell::Integer(Some(i64::from(*value))),
        (Value::U32(value), None) => Cell::Integer(Some(i64::from(*value))),
        (Value::Bool(value), None) => Cell::Integer(Some(i64::from(*value))),
        (Value::String(value), None) => Cell::Text(Some(value.clone().into_bytes())),
        (Value::Bytes(value), None) => Cell::Text(Some(value.to_vec())),
        _ => return None,
    })
}
