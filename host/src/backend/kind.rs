//! What kind of model some bytes are: told by how they begin, then by how their name ends.

use std::path::Path;

use crate::types::proto::model_descriptor::ModelType;

/// Kinds as they are written, with the endings of files by which they are guessed.
const KINDS: &[(&str, ModelType, &[&str])] = &[
    ("wasm", ModelType::Wasm, &["wasm"]),
    ("onnx", ModelType::Onnx, &["onnx"]),
    ("pmml", ModelType::Pmml, &["pmml", "xml"]),
    ("xgboost", ModelType::Xgboost, &["ubj"]),
    ("lightgbm", ModelType::Lightgbm, &["txt"]),
    ("pfa", ModelType::Pfa, &["pfa"]),
    ("tensorflow", ModelType::Tensorflow, &["pb"]),
    ("tensorflowsaved", ModelType::Tensorflowsaved, &[]),
    ("evaluator", ModelType::Evaluator, &[]),
];

/// Whose files begin so.
const STARTS: &[(&[u8], usize, ModelType)] = &[
    (b"\0asm", 0, ModelType::Wasm),
    (b"PK\x03\x04", 0, ModelType::Tensorflowsaved),
    (b"ustar", 257, ModelType::Tensorflowsaved),
    (b"tree\n", 0, ModelType::Lightgbm),
    (b"{\"learner\"", 0, ModelType::Xgboost),
];

/// The kind that is written so, in any case.
///
/// # Errors
/// All there are.
pub fn named(word: &str) -> Result<ModelType, String> {
    let found = KINDS.iter().find(|(name, ..)| name.eq_ignore_ascii_case(word));
    let words: Vec<_> = KINDS.iter().map(|(name, ..)| *name).collect();
    found.map(|(_, kind, _)| *kind).ok_or_else(|| format!("expected one of {}", words.join(", ")))
}

/// The kind of a file, where it can be told.
#[must_use]
pub fn guess(name: &Path, data: &[u8]) -> Option<ModelType> {
    let begins = |(start, at, _): &&(&[u8], usize, ModelType)| data.get(*at..).is_some_and(|data| data.starts_with(start));
    if let Some((.., kind)) = STARTS.iter().find(begins) {
        return Some(*kind);
    }
    let ending = name.extension().and_then(|ending| ending.to_str()).unwrap_or_default().to_lowercase();
    KINDS.iter().find(|(.., endings)| endings.contains(&ending.as_str())).map(|(_, kind, _)| *kind)
}
