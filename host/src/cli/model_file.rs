//! A model as the command line names it: a file, its type, and what goes with it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, anyhow, bail};

use crate::backend::{Artifact, Payload, kind};
use crate::lifecycle::Folder;
use crate::types::proto::model_descriptor::ModelType;
use crate::types::{Digest, Limits, Signature};

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

/// The model's type: as it was said, or guessed.
pub(super) fn kind_of(said: Option<&str>, path: &Path, data: &[u8]) -> Result<ModelType> {
    if let Some(said) = said {
        return kind::named(said).map_err(|expected| anyhow!("--type {said}: {expected}"));
    }
    if path.file_name().is_some_and(|name| name == "saved_model.pb" || name == "saved_model.pbtxt") {
        bail!("{} is a part of a SavedModel: give the folder that it is in", path.display());
    }
    kind::guess(path, data).with_context(|| format!("cannot tell the type of {}; say --type", path.display()))
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
        let kind = kind_of(self.kind.as_deref(), path, &data)?;
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
        Signature::from_json(&read(path)?).map(Some).map_err(|reason| anyhow!("{}: {reason}", path.display()))
    }
}
