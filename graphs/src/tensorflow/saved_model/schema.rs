//! Fields of `proto/tensorflow.proto` by message and name, for the text form.

use std::collections::BTreeMap;

use prost::Message as _;
use prost_types::field_descriptor_proto::Type;
use prost_types::{DescriptorProto, FileDescriptorSet};

const DESCRIPTION: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/tensorflow.fds"));

/// How a field is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// Integers and truth values.
    Varint,
    Float,
    Double,
    Fixed32,
    /// Texts and bytes.
    Bytes,
    /// A message, by its full name.
    Message(String),
}

/// Number and kind of a field.
pub(super) type Field = (u32, Kind);

/// All messages, by full name.
pub(super) struct Schema(BTreeMap<String, BTreeMap<String, Field>>);

impl Schema {
    /// Reads the description that was made when this crate was built.
    ///
    /// # Errors
    /// It is broken.
    pub(super) fn new() -> Result<Self, String> {
        let files = FileDescriptorSet::decode(DESCRIPTION).map_err(|error| error.to_string())?;
        let mut messages = BTreeMap::new();
        for file in &files.file {
            for message in &file.message_type {
                add(&format!(".{}", file.package()), message, &mut messages);
            }
        }
        Ok(Self(messages))
    }

    /// The fields of a message; none where it is not known, and all in it is skipped.
    pub(super) fn fields(&self, message: &str) -> Option<&BTreeMap<String, Field>> {
        self.0.get(message)
    }
}

/// Messages within messages: the file is our own, and they are two deep.
fn add(within: &str, message: &DescriptorProto, messages: &mut BTreeMap<String, BTreeMap<String, Field>>) {
    let name = format!("{within}.{}", message.name());
    for inner in &message.nested_type {
        add(&name, inner, messages);
    }
    let fields = message.field.iter().filter_map(|field| {
        let kind = match field.r#type() {
            Type::Int32 | Type::Int64 | Type::Uint32 | Type::Uint64 | Type::Bool => Kind::Varint,
            Type::Float => Kind::Float,
            Type::Double => Kind::Double,
            Type::Fixed32 => Kind::Fixed32,
            Type::String | Type::Bytes => Kind::Bytes,
            Type::Message => Kind::Message(field.type_name().to_owned()),
            _ => return None,
        };
        Some((field.name().to_owned(), (u32::try_from(field.number()).ok()?, kind)))
    });
    let fields = fields.collect();
    messages.insert(name, fields);
}
