//! What a descriptor's `config` may say of a graph, as a JSON object.

use serde::Deserialize;

/// Settings of a graph; all may be absent.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Options {
    /// Tags of the MetaGraph of a SavedModel.
    pub(super) tags: Option<Vec<String>>,
    /// Name of the SignatureDef of a SavedModel.
    pub(super) signature: Option<String>,
}

impl Options {
    /// Reads them.
    pub(super) fn of(config: &[u8]) -> Result<Self, String> {
        if config.is_empty() {
            return Ok(Self::default());
        }
        serde_json::from_slice(config).map_err(|error| {
            format!("config: expected a JSON object with `tags` and `signature` of a SavedModel, or nothing: {error}")
        })
    }

    /// They are for SavedModels alone.
    pub(super) fn none(&self, kind: &str) -> Result<(), String> {
        if *self == Self::default() {
            Ok(())
        } else {
            Err(format!("config: {kind} has neither tags nor signatures; publish it without"))
        }
    }
}
