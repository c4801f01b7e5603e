//! A model as the command line names it: a file, its type, and what goes with it.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail};

use crate::backend::{Artifact, Payload};
use crate::types::Digest;
use crate::types::proto::model_descriptor::ModelType;

/// Types as they are written, with the endings of files by which they are guessed.
const TYPES: &[(&str, ModelType, &[&str])] = &[
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

/// What is given with a model, whether it is scored, checked or published.
#[derive(clap::Args)]
pub(super) struct Extras {
    /// Type of the model: wasm, onnx, pmml, xgboost, lightgbm, pfa, tensorflow, tensorflowsaved, evaluator [default: by its
    /// first bytes, then by its name]
    #[arg(long = "type", value_name = "TYPE")]
    pub(super) kind: Option<String>,
    /// The module that loads the model
    #[arg(long, value_name = "EVALUATOR")]
    pub(super) evaluator: Option<String>,
    /// A file that the model may read by that name; may be given again
    #[arg(long = "artifact", value_name = "NAME=@FILE")]
    pub(super) artifacts: Vec<String>,
}

/// The model's type: as it was said, or guessed.
pub(super) fn kind(said: Option<&str>, path: &Path, data: &[u8]) -> Result<ModelType> {
    if let Some(said) = said {
        let found = TYPES.iter().find(|(word, ..)| *word == said.to_lowercase());
        let words: Vec<_> = TYPES.iter().map(|(word, ..)| *word).collect();
        return found.map(|(_, kind, _)| *kind).with_context(|| format!("--type {said}: expected one of {}", words.join(", ")));
    }
    if data.starts_with(b"\0asm") {
        return Ok(ModelType::Wasm);
    }
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default().to_lowercase();
    let found = TYPES.iter().find(|(.., endings)| endings.contains(&ending.as_str()));
    found.map(|(_, kind, _)| *kind).with_context(|| format!("cannot tell the type of {}; say --type", path.display()))
}

pub(super) fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

/// Splits `name=@file` or `name=location`.
pub(super) fn artifact(text: &str) -> Result<(&str, ArtifactSource<'_>)> {
    match text.split_once('=') {
        Some((name, source)) if !name.is_empty() && !source.is_empty() => {
            let source =
                source.strip_prefix('@').map_or(ArtifactSource::Location(source), |file| ArtifactSource::File(Path::new(file)));
            Ok((name, source))
        }
        _ => bail!("--artifact {text}: expected NAME=@FILE, or where a model is published NAME=LOCATION"),
    }
}

/// Where an artifact is.
pub(super) enum ArtifactSource<'a> {
    /// A file here; its bytes go along.
    File(&'a Path),
    /// A path that the host looks up under its own locations.
    Location(&'a str),
}

impl Extras {
    /// Reads everything into memory, for a model that is loaded here and now. `config` is given to its `load`.
    pub(super) fn payload(&self, path: &Path, config: Option<&Path>) -> Result<Payload> {
        let data = read(path)?;
        let kind = kind(self.kind.as_deref(), path, &data)?;
        if self.evaluator.is_some() {
            bail!("--evaluator: models that another module loads are not built yet");
        }
        let mut artifacts = Vec::new();
        for text in &self.artifacts {
            let (name, ArtifactSource::File(file)) = artifact(text)? else {
                bail!("--artifact {text}: a location is looked up by a host; here it is NAME=@FILE");
            };
            let data = read(file)?;
            artifacts.push(Artifact { name: name.to_owned(), digest: Digest::of(&data), data: data.into() });
        }
        Ok(Payload {
            kind,
            digest: Digest::of(&data),
            data: data.into(),
            config: config.map(read).transpose()?.unwrap_or_default().into(),
            artifacts: artifacts.into(),
            label: Arc::from(path.display().to_string()),
        })
    }
}
