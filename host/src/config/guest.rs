//! `sandstream.toml`: what a guest's folder is, and the records that the guest is meant for. Data types, limits and cache are
//! written as in a host's configuration, and mean the same.

use std::fs;
use std::path::{Path, PathBuf};

use super::error::{Error, Wrong};
use super::reader::{Problems, Section};
use super::{host, types, written};
use crate::types::Limits;
use crate::{backend, codec};

/// A checked manifest of a guest.
#[derive(Debug, Clone)]
pub struct Guest {
    /// The guest's folder.
    pub folder: PathBuf,
    /// Its name.
    pub name: String,
    /// The language it is written in, as it was written.
    pub language: String,
    /// A file given to `load`.
    pub config: Option<PathBuf>,
    /// Files that it may read, by name.
    pub artifacts: Vec<(String, PathBuf)>,
    /// The golden file.
    pub golden: PathBuf,
    /// The data types it is meant for.
    pub types: Vec<codec::Spec>,
    /// What it may use.
    pub limits: Limits,
    /// The backend it is tried in.
    pub wasm: backend::wasm::Config,
}

impl Guest {
    /// Name of the golden file where the manifest does not say.
    pub const GOLDEN: &'static str = "golden.jsonl";

    /// Reads a manifest. The environment is not laid over it: its settings are a host's.
    ///
    /// # Errors
    /// The file cannot be read, or says something that cannot be.
    pub fn load(file: &Path) -> Result<Self, Error> {
        let text = fs::read_to_string(file).map_err(|reason| Error::Read { file: file.to_path_buf(), reason })?;
        let wrong = |problems| Error::Wrong(Wrong::new(&file.display().to_string(), problems));
        let written = written::parse(&text).map_err(|problem| wrong(vec![problem]))?;
        let problems = Problems::default();
        let guest = Self::read(file, &Section::root(&written, &problems));
        match problems.into_inner() {
            found if found.is_empty() => Ok(guest),
            found => Err(wrong(found)),
        }
    }

    fn read(file: &Path, root: &Section<'_>) -> Self {
        let folder = match file.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_path_buf(),
            _ => PathBuf::from("."),
        };
        let host::Given { limits, maxima, sessions, .. } = host::limits(root);
        let guest = Self {
            name: root.required("name", "the guest's name"),
            language: root.required("language", "the language it is written in, such as \"rust\""),
            config: root.text("config").map(|path| inside(&folder, &path)),
            artifacts: artifacts(root, &folder),
            golden: inside(&folder, &root.text("golden").unwrap_or_else(|| Self::GOLDEN.to_owned())),
            types: types::read(root, &folder),
            wasm: host::wasm(root, &folder, &limits, &maxima, sessions),
            limits,
            folder,
        };
        root.finish();
        guest
    }
}

/// A path in the folder, without a `./` before it, as it is shown.
fn inside(folder: &Path, path: &str) -> PathBuf {
    let path = folder.join(path);
    path.strip_prefix(".").map_or_else(|_| path.clone(), Path::to_path_buf)
}

fn artifacts(root: &Section<'_>, folder: &Path) -> Vec<(String, PathBuf)> {
    let Some(section) = root.section("artifacts") else { return Vec::new() };
    let mut found = Vec::new();
    for (name, path) in section.pairs() {
        match path {
            Some(path) => found.push((name.to_owned(), inside(folder, path))),
            None => section.wrong(name, "expected the path of a file"),
        }
    }
    found
}
