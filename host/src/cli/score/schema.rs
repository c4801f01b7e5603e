//! A file says at most what its columns are called; what they hold follows from what the model takes.

use anyhow::Result;

use crate::types::{Dtype, Input, Kind, Schema, Signature, normalise};

/// The fields of a file: its columns, or, where it does not say (JSON lines), what the model asks for.
pub(super) fn of(columns: Option<&[String]>, features: &[String], signature: &Signature) -> Result<Schema> {
    let mut names: Vec<String> = columns.map(<[String]>::to_vec).unwrap_or_default();
    if columns.is_none() {
        let asked =
            signature.inputs.iter().flat_map(|input| &input.fields).filter(|name| !name.is_empty() && !name.starts_with('$'));
        for name in asked.chain(features) {
            if !names.iter().any(|known| normalise(known) == normalise(name)) {
                names.push(name.clone());
            }
        }
    }
    let ordered = if features.is_empty() { &names[..] } else { features };
    let fields = names.iter().map(|name| (name.clone(), kind(name, ordered, signature))).collect();
    Ok(Schema::new("input", fields, features)?)
}

/// What the first input that takes the field wants it to be.
fn kind(name: &str, features: &[String], signature: &Signature) -> Kind {
    let same = |other: &String| normalise(other) == normalise(name);
    let unnamed = |input: &Input| input.fields.iter().all(String::is_empty) && features.iter().any(same);
    let taken = signature.inputs.iter().find(|input| input.fields.iter().any(same) || unnamed(input));
    match taken.map(|input| input.dtype) {
        Some(Dtype::Int64) => Kind::Integer,
        Some(Dtype::Text) => Kind::Text,
        Some(Dtype::Bytes) => Kind::Bytes,
        Some(Dtype::Float32 | Dtype::Float64) | None => Kind::Number,
    }
}
