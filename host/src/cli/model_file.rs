//! A model as the command line names it: a file, its type, and what goes with it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::backend::{Artifact, Payload};
use crate::lifecycle::Folder;
use crate::types::proto::model_descriptor::ModelType;
use crate::types::{Digest, Dtype, Input, Limits, Output, Signature};

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
    /// What the model takes and gives, as JSON: which fields the inputs of a graph take, or what a module has to say of itself
    #[arg(long, value_name = "FILE")]
    pub(super) signature: Option<PathBuf>,
}

/// Whose files begin so.
const STARTS: &[(&[u8], usize, ModelType)] = &[
    (b"\0asm", 0, ModelType::Wasm),
    (b"PK\x03\x04", 0, ModelType::Tensorflowsaved),
    (b"ustar", 257, ModelType::Tensorflowsaved),
    (b"tree\n", 0, ModelType::Lightgbm),
    (b"{\"learner\"", 0, ModelType::Xgboost),
];

/// The model's type: as it was said, or guessed.
pub(super) fn kind(said: Option<&str>, path: &Path, data: &[u8]) -> Result<ModelType> {
    if let Some(said) = said {
        let found = TYPES.iter().find(|(word, ..)| *word == said.to_lowercase());
        let words: Vec<_> = TYPES.iter().map(|(word, ..)| *word).collect();
        return found.map(|(_, kind, _)| *kind).with_context(|| format!("--type {said}: expected one of {}", words.join(", ")));
    }
    let begins = |(start, at, _): &&(&[u8], usize, ModelType)| data.get(*at..).is_some_and(|data| data.starts_with(start));
    if let Some((.., kind)) = STARTS.iter().find(begins) {
        return Ok(*kind);
    }
    if path.file_name().is_some_and(|name| name == "saved_model.pb" || name == "saved_model.pbtxt") {
        bail!("{} is a part of a SavedModel: give the folder that it is in", path.display());
    }
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default().to_lowercase();
    let found = TYPES.iter().find(|(.., endings)| endings.contains(&ending.as_str()));
    found.map(|(_, kind, _)| *kind).with_context(|| format!("cannot tell the type of {}; say --type", path.display()))
}

/// A model's bytes, and what it is known by where it lies.
pub(super) struct File {
    pub(super) data: Vec<u8>,
    /// Its digest under a location: a folder's is not its archive's.
    pub(super) digest: Digest,
}

/// Reads a model: a file, or a folder as an archive.
pub(super) fn model(path: &Path) -> Result<File> {
    if path.is_dir() {
        let folder =
            Folder::open(path, Limits::default().payload_bytes).with_context(|| format!("the folder {}", path.display()))?;
        return Ok(File { data: folder.archive, digest: folder.digest });
    }
    let data = read(path)?;
    let digest = Digest::of(&data);
    Ok(File { data, digest })
}

pub(super) fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

/// A signature as it is written in a file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default)]
    inputs: Vec<WrittenInput>,
    #[serde(default)]
    outputs: Vec<WrittenOutput>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenInput {
    name: String,
    dtype: WrittenDtype,
    fields: Vec<String>,
    #[serde(default)]
    dims: Vec<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenOutput {
    name: String,
    dtype: WrittenDtype,
    width: u32,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum WrittenDtype {
    Float32,
    Float64,
    Int64,
    Text,
    Bytes,
}

impl From<WrittenDtype> for Dtype {
    fn from(written: WrittenDtype) -> Self {
        match written {
            WrittenDtype::Float32 => Self::Float32,
            WrittenDtype::Float64 => Self::Float64,
            WrittenDtype::Int64 => Self::Int64,
            WrittenDtype::Text => Self::Text,
            WrittenDtype::Bytes => Self::Bytes,
        }
    }
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
        let File { data, .. } = model(path)?;
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
            signature: self.signature()?,
            label: Arc::from(path.display().to_string()),
        })
    }

    /// The signature that was given.
    pub(super) fn signature(&self) -> Result<Option<Signature>> {
        let Some(path) = &self.signature else { return Ok(None) };
        let written: Written = serde_json::from_slice(&read(path)?).with_context(|| {
            format!(
                "{}: expected {{\"inputs\":[{{\"name\":..,\"dtype\":\"float32|float64|int64|text|bytes\",\"fields\":[..],\"dims\":[..]}}], \
                 \"outputs\":[{{\"name\":..,\"dtype\":..,\"width\":..}}]}}, where `dims` and `outputs` may be absent",
                path.display()
            )
        })?;
        let input =
            |input: WrittenInput| Input { name: input.name, dtype: input.dtype.into(), fields: input.fields, dims: input.dims };
        let output = |output: WrittenOutput| Output { name: output.name, dtype: output.dtype.into(), width: output.width };
        Ok(Some(Signature {
            inputs: written.inputs.into_iter().map(input).collect(),
            outputs: written.outputs.into_iter().map(output).collect(),
        }))
    }
}
