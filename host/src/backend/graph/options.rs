//! What a descriptor's `config` may say of a graph, as a JSON object.

use serde::Deserialize;

use crate::backend::Engine;

/// Settings of a graph; all may be absent.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Options {
    /// What runs an ONNX model: `auto`, `tract`, `onnxruntime`.
    backend: Option<String>,
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
            format!(
                "config: expected a JSON object with `backend` of an ONNX model, `tags` and `signature` of a SavedModel, or nothing: {error}"
            )
        })
    }

    /// The engine that the model asks for.
    pub(super) fn engine(&self) -> Result<Option<Engine>, String> {
        let Some(word) = &self.backend else { return Ok(None) };
        let known = Engine::NAMES.iter().find(|(name, _)| name == word);
        known.map(|(_, engine)| Some(*engine)).ok_or_else(|| {
            let names = Engine::NAMES.map(|(name, _)| name).join(", ");
            format!("config: expected `backend` to be one of {names}, got `{word}`")
        })
    }

    /// Tags and signatures are for SavedModels alone.
    pub(super) fn untagged(&self, kind: &str) -> Result<(), String> {
        if self.tags.is_none() && self.signature.is_none() {
            Ok(())
        } else {
            Err(format!("config: {kind} has neither tags nor signatures; publish it without"))
        }
    }

    /// TensorFlow's graphs have one engine.
    pub(super) fn tract(&self, kind: &str) -> Result<(), String> {
        match self.engine()? {
            None | Some(Engine::Auto | Engine::Tract) => Ok(()),
            Some(Engine::OnnxRuntime) => Err(format!("config: {kind} is run by tract, ONNX Runtime runs ONNX models")),
        }
    }
}
