//! What is in the folder at a moment.

use std::collections::BTreeMap;
use std::fs::{self, DirEntry};
use std::io::{Error, ErrorKind};
use std::path::{Path, PathBuf};

use super::Folder;
use super::file::{Mark, Name};
use crate::types::nearest;
use crate::types::proto::model_descriptor::ModelType;

/// Endings of model files.
const ENDINGS: [(&str, ModelType); 2] = [("wasm", ModelType::Wasm), ("onnx", ModelType::Onnx)];

/// The models of a folder, and those of sub-folders, each of which is a data type's.
#[derive(Debug, Default)]
pub(super) struct Listing {
    pub(super) found: BTreeMap<PathBuf, (Name, Mark)>,
    /// What is there and cannot be a model, with the reason.
    pub(super) odd: Vec<(PathBuf, String)>,
    /// Folders that are there and cannot be listed. Nothing is known of the files in them.
    pub(super) unlisted: BTreeMap<PathBuf, Error>,
}

impl Listing {
    pub(super) fn of(folder: &Folder) -> Self {
        let mut listing = Self::default();
        listing.list(folder, &folder.path, None);
        listing
    }

    /// Whether a file that was not found may be there all the same.
    pub(super) fn hides(&self, path: &Path) -> bool {
        self.unlisted.keys().any(|folder| path.starts_with(folder))
    }

    fn list(&mut self, folder: &Folder, at: &Path, data_type: Option<&str>) {
        let entries: Result<Vec<DirEntry>, Error> = fs::read_dir(at).and_then(Iterator::collect);
        match entries {
            Ok(entries) => entries.iter().for_each(|entry| self.look(folder, entry.path(), data_type)),
            // A data type's folder that goes while it is looked at takes its models with it.
            Err(error) if data_type.is_some() && error.kind() == ErrorKind::NotFound => {}
            Err(error) => {
                self.unlisted.insert(at.to_path_buf(), error);
            }
        }
    }

    fn look(&mut self, folder: &Folder, path: PathBuf, data_type: Option<&str>) {
        // Links are followed. What vanishes while it is looked at is not there.
        let Ok(about) = fs::metadata(&path) else { return };
        let name = path.file_name().and_then(|name| name.to_str()).filter(|name| !name.starts_with('.'));
        let Some(name) = name.map(str::to_owned) else { return };
        if about.is_dir() && data_type.is_none() {
            match folder.types.contains(&name) {
                true => self.list(folder, &path, Some(&name)),
                false => self.odd.push((path, no_type(folder, &name))),
            }
            return;
        }
        let (stem, ending) = name.rsplit_once('.').unwrap_or((&name, ""));
        let kind = ENDINGS.iter().find(|(known, _)| ending == *known);
        let Some((_, kind)) = kind.filter(|_| about.is_file()) else { return };
        let only = if let [only] = folder.types.as_slice() { Some(only.as_str()) } else { None };
        let Some(data_type) = data_type.or(only) else {
            let first = folder.types.first().cloned().unwrap_or_default();
            let reason = format!("the stream has several data types; put it into a folder of its own, such as {first}/");
            return self.odd.push((path, reason));
        };
        if about.len() > folder.bytes_max {
            let reason = format!("{} bytes, [limits] payload allows {}", about.len(), folder.bytes_max);
            return self.odd.push((path, reason));
        }
        self.found.insert(path, (Name::of(stem, data_type.to_owned(), *kind), Mark::of(&about)));
    }
}

fn no_type(folder: &Folder, name: &str) -> String {
    let near = nearest(name, folder.types.iter().map(String::as_str)).unwrap_or_default();
    format!("the stream has no data type `{name}`; the nearest is `{near}`")
}
