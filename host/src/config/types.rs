//! `[types.<name>]`: formats, schemas, fields and ordered feature lists.

use std::path::Path;

use super::reader::{ListOrSection, Section};
use crate::codec::{Declared, Format, Protobuf, ProtobufSchema, Spec};
use crate::types::{Kind, nearest};

const KINDS: [(&str, Kind); 4] =
    [("number", Kind::Number), ("integer", Kind::Integer), ("text", Kind::Text), ("bytes", Kind::Bytes)];

const FORMATS: [(&str, &str); 4] = [("json", "json"), ("protobuf", "protobuf"), ("raw", "raw"), ("avro", "avro")];

pub(super) fn read(root: &Section<'_>, folder: &Path) -> Vec<Spec> {
    root.named("types").into_iter().map(|(name, section)| data_type(&name, &section, folder)).collect()
}

fn data_type(name: &str, section: &Section<'_>, folder: &Path) -> Spec {
    section.required("format", "one of \"json\", \"protobuf\", \"raw\"");
    let word = section.choice("format", &FORMATS).unwrap_or("raw");
    let spec = Spec {
        data_type: name.to_owned(),
        format: format(word, section, folder),
        fields: fields(section),
        features: section.texts("features").unwrap_or_default(),
    };
    if word == "json" && spec.fields.is_empty() {
        section
            .wrong("fields", "is missing; a JSON record has no schema, so its fields are listed: fields = [\"pH\", \"alcohol\"]");
    }
    section.finish();
    spec
}

fn format(word: &str, section: &Section<'_>, folder: &Path) -> Format {
    let schema = section.text("schema").map(|path| folder.join(path));
    let message = section.text("message");
    let includes = section.texts("includes").unwrap_or_default().iter().map(|path| folder.join(path)).collect();
    match (word, schema) {
        ("protobuf", Some(schema)) => Format::Protobuf(Protobuf { schema: ProtobufSchema::File(schema), message, includes }),
        ("protobuf", None) => {
            section.wrong("schema", "is missing; expected the path of a .proto file or of a compiled FileDescriptorSet");
            Format::Raw
        }
        (word, schema) => {
            if schema.is_some() {
                section.wrong("schema", format!("format \"{word}\" has no schema; declare `fields`"));
            }
            if message.is_some() {
                section.wrong("message", format!("format \"{word}\" has no messages"));
            }
            match word {
                "json" => Format::Json,
                "avro" => {
                    section.wrong("format", "format \"avro\" is not built yet; use \"json\", \"protobuf\" or \"raw\"");
                    Format::Avro
                }
                _ => Format::Raw,
            }
        }
    }
}

/// A list of names, or a table of names and kinds.
fn fields(section: &Section<'_>) -> Vec<Declared> {
    match section.list_or_section("fields") {
        None => Vec::new(),
        Some(ListOrSection::List(names)) => names.into_iter().map(|name| Declared { name, kind: None }).collect(),
        Some(ListOrSection::Section(table)) => table
            .pairs()
            .into_iter()
            .map(|(name, word)| Declared { name: name.to_owned(), kind: kind(&table, name, word) })
            .collect(),
    }
}

fn kind(table: &Section<'_>, name: &str, word: Option<&str>) -> Option<Kind> {
    let words = KINDS.map(|(word, _)| word);
    let found = word.and_then(|word| KINDS.iter().find(|(known, _)| *known == word));
    if found.is_none() {
        let near = word.and_then(|word| nearest(word, words.into_iter())).map(|near| format!("; the nearest is \"{near}\""));
        let got = word.unwrap_or("something else");
        let expected = format!("expected one of \"{}\", got \"{got}\"{}", words.join("\", \""), near.unwrap_or_default());
        table.wrong(name, expected);
    }
    found.map(|(_, kind)| *kind)
}
