//! A guest's folder, opened: its manifest, its component, and the component loaded as a host would.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use anyhow::{Context, Result, bail};
use sandstream_kit::language::{self, Language};
use sandstream_kit::project::{MANIFEST, Project};

use crate::app;
use crate::backend::{Artifact, Backend as _, Backends, Engines, Model, Payload, Rejected};
use crate::cli::model_file::{kind_of, read};
use crate::codec::{self, Codec, Spec};
use crate::config;
use crate::types::{Digest, Signature};

pub(super) struct Guest {
    pub(super) manifest: config::Guest,
    pub(super) project: Project,
    pub(super) language: &'static dyn Language,
}

impl Guest {
    /// Reads a folder's manifest.
    pub(super) fn open(folder: &Path) -> Result<Self> {
        let file = folder.join(MANIFEST);
        if !file.exists() {
            bail!(
                "there is no {MANIFEST} in {}: go to a guest's folder, or make one with `sandstream new NAME --lang rust`",
                folder.display()
            );
        }
        let manifest = config::Guest::load(&file)?;
        let project = Project::new(&manifest.folder, &manifest.name).with_context(|| file.display().to_string())?;
        let language = language::of(&manifest.language).with_context(|| file.display().to_string())?;
        Ok(Self { manifest, project, language })
    }

    /// The component as it was built, with all that goes with it.
    pub(super) fn payload(&self) -> Result<Payload> {
        let path = self.project.component();
        if !path.exists() {
            bail!("there is no {}: run `sandstream build` first", path.display());
        }
        let data = read(&path)?;
        let mut artifacts = Vec::new();
        for (name, file) in &self.manifest.artifacts {
            let data = read(file)?;
            artifacts.push(Artifact { name: name.clone(), digest: Digest::of(&data), data: data.into() });
        }
        Ok(Payload {
            kind: kind_of(Some("wasm"), &path, &data)?,
            digest: Digest::of(&data),
            data: data.into(),
            config: self.manifest.config.as_deref().map(read).transpose()?.unwrap_or_default().into(),
            artifacts: artifacts.into(),
            signature: None,
            label: Arc::from(self.project.name.as_str()),
        })
    }

    /// The backends, with the manifest's limits.
    pub(super) fn backends(&self, cached: bool) -> Result<Backends> {
        let mut config = self.manifest.wasm.clone();
        if !cached {
            config.cache = None;
        }
        app::backends(&config, &Engines::default())
    }

    /// The guest as a host would load it; compiled code is kept between commands.
    pub(super) fn load(&self) -> Result<Arc<dyn Model>> {
        let (payload, backends) = (self.payload()?, self.backends(true)?);
        if self.changed_since_build() {
            eprintln!("the sources are newer than the component: `sandstream build` brings it up to date");
        }
        let loaded = backends.load(&payload, &self.manifest.limits);
        loaded.map_err(|Rejected { stage, reason }| anyhow::anyhow!("rejected at {stage}: {}", explained(&reason)))
    }

    /// The records that the guest is tried with: those of the data type of that name, of the first one, or, where none is declared,
    /// JSON with what the guest asks for.
    pub(super) fn records(&self, data_type: Option<&str>, signature: &Signature) -> Result<Arc<dyn Codec>> {
        let types = &self.manifest.types;
        let spec = match data_type {
            Some(name) => types.iter().find(|spec| spec.data_type == name).with_context(|| {
                let known: Vec<_> = types.iter().map(|spec| spec.data_type.as_str()).collect();
                format!("--data-type {name}: {MANIFEST} has no [types.{name}]; it has: {}", known.join(", "))
            })?,
            None => match types.first() {
                Some(spec) => spec,
                None => return Ok(codec::open(&Spec::asked_by(signature))?),
            },
        };
        Ok(codec::open(spec)?)
    }

    /// Whether a file of the project is newer than its component.
    pub(super) fn changed_since_build(&self) -> bool {
        let modified = |path: &Path| fs::metadata(path).and_then(|about| about.modified()).ok();
        let Some(built) = modified(&self.project.component()) else { return false };
        newer(&self.project.folder, built, &self.project.build(), 4)
    }
}

/// Whether a file below `folder` is younger than that; what is built and what is hidden is left out.
fn newer(folder: &Path, than: SystemTime, but: &Path, depth: u32) -> bool {
    let Ok(entries) = fs::read_dir(folder) else { return false };
    entries.flatten().any(|entry| {
        let path = entry.path();
        let left_out = path == but || entry.file_name().to_string_lossy().starts_with('.') || entry.file_name() == "target";
        // What is not built: goldens, and the manifest itself.
        let is_data = path.extension().is_some_and(|ending| ending == "jsonl") || entry.file_name() == MANIFEST;
        let Ok(about) = entry.metadata() else { return false };
        match (left_out || is_data, about.is_dir()) {
            (true, _) => false,
            (false, true) => depth > 0 && newer(&path, than, but, depth - 1),
            (false, false) => about.modified().is_ok_and(|modified| modified > than),
        }
    })
}

/// A fault as people read it: the lines of its message, and its backtrace below it, one function a line.
pub(super) fn explained(reason: &str) -> String {
    let (what, frames) = reason.split_once("; in ").unwrap_or((reason, ""));
    let frames = frames.split(" < ").filter(|frame| !frame.is_empty()).map(|frame| format!("\n    in {frame}"));
    what.replace("\\n", "\n    ") + &frames.collect::<String>()
}
