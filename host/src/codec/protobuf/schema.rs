//! Reads a Protobuf schema and flattens its message into fields.

use std::path::{Path, PathBuf};

use prost_reflect::{DescriptorPool, FieldDescriptor, Kind as Type, MessageDescriptor};
use protox::Compiler;
use protox::file::{ChainFileResolver, File, FileResolver, GoogleFileResolver, IncludeFileResolver};

use crate::codec::{Error, Protobuf, ProtobufSchema, Spec};
use crate::types::Kind;

/// Fields of a flattened message; one more is enough for the schema to refuse it.
const FIELDS_MAX: usize = 4097;
/// Messages within a message, each counted as often as it is used.
const MESSAGES_MAX: usize = 4096;
/// Levels of messages.
const LEVELS_MAX: usize = 16;
/// Name under which a schema given as text is compiled.
const TEXT_NAME: &str = "schema.proto";

/// A field of the record, possibly of a message within it.
#[derive(Debug, Clone)]
pub(super) struct Flat {
    /// `a.b` for field `b` of message `a`.
    pub(super) name: String,
    /// The field numbers that lead to it.
    pub(super) path: Vec<u32>,
    pub(super) kind: Kind,
    pub(super) descriptor: FieldDescriptor,
}

/// All fields that can be used, and the names of those that cannot, with the reason.
#[derive(Debug, Default)]
pub(super) struct Flattened {
    pub(super) fields: Vec<Flat>,
    pub(super) unserved: Vec<(String, String)>,
    /// Messages that were gone through.
    messages: usize,
}

/// Finds the record's message.
pub(super) fn message(spec: &Spec, format: &Protobuf) -> Result<MessageDescriptor, Error> {
    let wrong = |reason| Error::Protobuf { data_type: spec.data_type.clone(), reason };
    let (pool, file) = pool(format).map_err(wrong)?;
    choose(&pool, &file, format.message.as_deref()).map_err(wrong)
}

/// The compiled schema and the name of the file that was asked for.
fn pool(format: &Protobuf) -> Result<(DescriptorPool, String), String> {
    match &format.schema {
        ProtobufSchema::Text(text) => {
            let mut files = ChainFileResolver::new();
            files.add(InText(text.clone()));
            compile(files, &format.includes, Path::new(TEXT_NAME))
        }
        ProtobufSchema::File(path) if path.extension().is_some_and(|extension| extension == "proto") => {
            let folder = match path.parent() {
                Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
                _ => PathBuf::from("."),
            };
            let inside = format.includes.iter().any(|include| path.starts_with(include));
            let name = if inside { path.as_path() } else { Path::new(path.file_name().unwrap_or_default()) };
            let mut includes = format.includes.clone();
            // A file outside the include folders is known by its bare name, so that its own folder must be searched first.
            includes.insert(if inside { includes.len() } else { 0 }, folder);
            compile(ChainFileResolver::new(), &includes, name)
                .map_err(|reason| format!("cannot compile the schema {}: {reason}", path.display()))
        }
        ProtobufSchema::File(path) => {
            let bytes = std::fs::read(path).map_err(|error| format!("cannot read the schema {}: {error}", path.display()))?;
            descriptors(&bytes).map_err(|reason| format!("{}: {reason}", path.display()))
        }
        ProtobufSchema::Descriptors(bytes) => descriptors(bytes),
    }
}

fn compile(mut files: ChainFileResolver, includes: &[PathBuf], path: &Path) -> Result<(DescriptorPool, String), String> {
    for include in includes {
        files.add(IncludeFileResolver::new(include.clone()));
    }
    files.add(GoogleFileResolver::new());
    let mut compiler = Compiler::with_file_resolver(files);
    compiler.include_imports(true).open_file(path).map_err(|error| format!("{error:?}"))?;
    let name = compiler.files().find(|file| !file.is_import()).map(|file| file.name().to_owned()).unwrap_or_default();
    Ok((compiler.descriptor_pool(), name))
}

fn descriptors(bytes: &[u8]) -> Result<(DescriptorPool, String), String> {
    let pool = DescriptorPool::decode(bytes)
        .map_err(|error| format!("expected a `.proto` file or a compiled FileDescriptorSet: {error}"))?;
    let name = pool.files().last().map(|file| file.name().to_owned());
    let name = name.ok_or("expected a compiled FileDescriptorSet, found one without files")?;
    Ok((pool, name))
}

/// A schema that is no file.
struct InText(String);

impl FileResolver for InText {
    fn open_file(&self, name: &str) -> Result<File, protox::Error> {
        if name == TEXT_NAME { File::from_source(name, &self.0) } else { Err(protox::Error::file_not_found(name)) }
    }
}

fn choose(pool: &DescriptorPool, file: &str, name: Option<&str>) -> Result<MessageDescriptor, String> {
    let messages: Vec<_> = pool.get_file_by_name(file).map(|file| file.messages().collect()).unwrap_or_default();
    let names = || messages.iter().map(MessageDescriptor::full_name).collect::<Vec<_>>().join("`, `");
    match name {
        None => match &messages[..] {
            [single] => Ok(single.clone()),
            _ => Err(format!("expected `message` to name one of the messages in {file}: `{}`", names())),
        },
        Some(name) => pool
            .get_message_by_name(name)
            .or_else(|| messages.iter().find(|message| message.name() == name).cloned())
            .ok_or_else(|| format!("the schema {file} has no message `{name}`; it has `{}`", names())),
    }
}

/// Flattens a message: fields of messages within it are called `a.b`.
pub(super) fn flatten(message: &MessageDescriptor) -> Flattened {
    let mut all = Flattened::default();
    let mut open = vec![message.full_name().to_owned()];
    add(&mut all, message, "", &[], &mut open);
    all
}

fn add(all: &mut Flattened, message: &MessageDescriptor, prefix: &str, path: &[u32], open: &mut Vec<String>) {
    for field in message.fields() {
        if all.fields.len() >= FIELDS_MAX {
            return;
        }
        let name = format!("{prefix}{}", field.name());
        let path = [path, &[field.number()]].concat();
        match unserved(&field, open, all.messages) {
            Some(reason) => all.unserved.push((name, reason.to_owned())),
            None => match field.kind() {
                Type::Message(inner) => {
                    all.messages += 1;
                    open.push(inner.full_name().to_owned());
                    add(all, &inner, &format!("{name}."), &path, open);
                    open.pop();
                }
                other => all.fields.push(Flat { name, path, kind: kind(&other), descriptor: field }),
            },
        }
    }
}

fn unserved(field: &FieldDescriptor, open: &[String], messages: usize) -> Option<&'static str> {
    if field.is_map() {
        return Some("it is a map, and a column is one value per record");
    }
    if field.is_list() {
        return Some("it is repeated, and a column is one value per record; elements are not built yet");
    }
    if field.is_group() {
        return Some("it is a group, which is not supported");
    }
    match field.kind() {
        Type::Message(inner) if open.iter().any(|name| name == inner.full_name()) => Some("its message contains itself"),
        Type::Message(_) if open.len() >= LEVELS_MAX => Some("it is nested more than 16 levels deep"),
        Type::Message(_) if messages >= MESSAGES_MAX => Some("the record has more than 4,096 messages within it"),
        _ => None,
    }
}

fn kind(of: &Type) -> Kind {
    match of {
        Type::Double | Type::Float => Kind::Number,
        Type::String => Kind::Text,
        Type::Bytes => Kind::Bytes,
        _ => Kind::Integer,
    }
}
