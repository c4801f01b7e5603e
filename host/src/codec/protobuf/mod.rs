//! Protobuf: a plan over the wire bytes, compiled from a schema that is read when the data type is opened.
//!
//! Served are all scalar fields, enums (their number) and those of messages within (`a.b`); repeated fields, maps, groups and
//! messages that contain themselves are not, and say so when they are asked for. A field without presence (proto3 without
//! `optional`) that is absent is zero or empty; one with presence, or of a message that is absent, is missing, whatever default
//! a proto2 schema gives it. A field of the schema with another wire type than the schema's is an error, an unknown one is not.

mod decode;
mod encode;
mod plan;
mod schema;
mod wire;

use std::sync::Arc;

use prost_reflect::MessageDescriptor;

use self::schema::Flat;
use super::{Codec, Declared, Decoder, Error, Protobuf, Spec};
use crate::types::{Kind, RowFill, Schema};

pub(super) use encode::ProtobufEncoding;

struct ProtobufCodec {
    schema: Arc<Schema>,
    message: MessageDescriptor,
    /// One per field of the schema, in its order.
    flat: Vec<Flat>,
}

/// Opens a Protobuf data type.
pub(super) fn open(spec: &Spec, format: &Protobuf) -> Result<Arc<dyn Codec>, Error> {
    let message = schema::message(spec, format)?;
    let flattened = schema::flatten(&message);
    let flat = if spec.fields.is_empty() { flattened.fields.clone() } else { declared(spec, &flattened)? };
    let fields = flat.iter().map(|field| (field.name.clone(), field.kind)).collect();
    let schema = Schema::with_unserved(&spec.data_type, fields, &spec.features, flattened.unserved)?;
    Ok(Arc::new(ProtobufCodec { schema: Arc::new(schema), message, flat }))
}

/// The fields that the configuration names; their kinds, where it gives them, must be the schema's.
fn declared(spec: &Spec, all: &schema::Flattened) -> Result<Vec<Flat>, Error> {
    let names = all.fields.iter().map(|field| (field.name.clone(), field.kind)).collect();
    let known = Schema::with_unserved(&spec.data_type, names, &[], all.unserved.clone())?;
    let find = |field: &Declared| {
        let flat = &all.fields[known.index(&field.name)? as usize];
        match field.kind {
            Some(kind) if kind != flat.kind => Err(Error::Field {
                data_type: spec.data_type.clone(),
                field: field.name.clone(),
                reason: format!("it is declared as {kind:?}, but the schema's type is {:?}", flat.descriptor.kind()),
            }),
            _ => Ok(flat.clone()),
        }
    };
    spec.fields.iter().map(find).collect()
}

/// The field numbers that lead to a string field of a data type's records.
pub(super) fn path(spec: &Spec, format: &Protobuf, field: &str) -> Result<Vec<u32>, Error> {
    let asked = Declared { name: field.to_owned(), kind: Some(Kind::Text) };
    let spec = Spec { fields: vec![asked], features: Vec::new(), ..spec.clone() };
    let flattened = schema::flatten(&schema::message(&spec, format)?);
    Ok(declared(&spec, &flattened)?.into_iter().next().map(|flat| flat.path).unwrap_or_default())
}

impl Codec for ProtobufCodec {
    fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    fn decoder(&self, wanted: &[u16]) -> Box<dyn Decoder> {
        let fields = self.schema.fields();
        let wanted: Vec<_> =
            wanted.iter().filter_map(|index| Some((self.flat.get(*index as usize)?, fields.get(*index as usize)?))).collect();
        Box::new(decode::ProtobufDecoder::new(plan::Plan::new(&self.message, &wanted), self.fill()))
    }
}

impl ProtobufCodec {
    fn fill(&self) -> RowFill {
        let mut fill = RowFill::missing(&self.schema);
        for (flat, field) in self.flat.iter().zip(self.schema.fields()) {
            if flat.path.len() > 1 || flat.descriptor.supports_presence() {
                continue;
            }
            match field.kind {
                Kind::Number => fill.numbers[field.slot as usize] = 0.0,
                Kind::Integer => fill.integers[field.slot as usize] = Some(0),
                Kind::Text | Kind::Bytes => fill.texts[field.slot as usize] = true,
            }
        }
        fill
    }
}
