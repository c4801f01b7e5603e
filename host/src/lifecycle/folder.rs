//! A model that is a folder of files, such as a SavedModel: packed into one payload, known by what its files are called and hold.

use std::io::Read;
use std::path::Path;

use cap_std::ambient_authority;
use cap_std::fs::Dir;

use crate::types::Digest;

/// Files of one model.
const FILES_MAX: usize = 10_000;
/// Folders within each other; a link that leads up would be followed for ever.
const DEPTH_MAX: usize = 16;

/// A folder that cannot be a model.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// It cannot be read.
    #[error("`{name}` cannot be read: {source}")]
    Read {
        /// Path within the folder.
        name: String,
        /// Why.
        source: std::io::Error,
    },
    /// A name that cannot be written down.
    #[error("`{0}`: a file's name has to be UTF-8 and at most 100 bytes long with its folders'")]
    Name(String),
    /// Neither a file nor a folder.
    #[error("`{0}` is neither a file nor a folder")]
    NotAFile(String),
    /// Too many files, or folders too deep.
    #[error("it has more than {FILES_MAX} files, or folders that are nested more than {DEPTH_MAX} times")]
    TooMany,
    /// Over the limit.
    #[error("its files have more than {0} bytes together, as many are allowed (`limits.payload`)")]
    TooLarge(u64),
    /// There is nothing in it.
    #[error("there is no file in it")]
    Empty,
}

/// A folder as a payload.
#[derive(Debug)]
pub struct Folder {
    /// A tar archive of its files, sorted by name, without times and owners: equal files give equal bytes.
    pub archive: Vec<u8>,
    /// Digest of the sorted list of its files' relative names and digests.
    pub digest: Digest,
}

impl Folder {
    /// Packs a folder of this machine.
    ///
    /// # Errors
    /// See [`FolderError`].
    pub fn open(path: &Path, bytes_max: u64) -> Result<Self, FolderError> {
        let dir = Dir::open_ambient_dir(path, ambient_authority());
        Self::pack(&dir.map_err(|source| FolderError::Read { name: path.display().to_string(), source })?, bytes_max)
    }

    /// Packs a folder that was opened.
    pub(super) fn pack(dir: &Dir, bytes_max: u64) -> Result<Self, FolderError> {
        let mut files = Vec::new();
        list(dir, "", 0, &mut files)?;
        files.sort();
        if files.is_empty() {
            return Err(FolderError::Empty);
        }
        let (mut archive, mut parts, mut left) = (tar::Builder::new(Vec::new()), Vec::new(), bytes_max);
        for name in files {
            let failed = |source| FolderError::Read { name: name.clone(), source };
            let mut data = Vec::new();
            dir.open(&name).map_err(failed)?.take(left + 1).read_to_end(&mut data).map_err(failed)?;
            left = left.checked_sub(data.len() as u64).ok_or(FolderError::TooLarge(bytes_max))?;
            let mut header = tar::Header::new_gnu();
            header.set_size(data.len() as u64);
            header.set_mode(0o644);
            header.set_path(&name).map_err(|_| FolderError::Name(name.clone()))?;
            header.set_cksum();
            archive.append(&header, data.as_slice()).map_err(failed)?;
            let digest = Digest::of(&data);
            parts.push((name, digest));
        }
        let parts: Vec<&[u8]> = parts.iter().flat_map(|(name, digest)| [name.as_bytes(), &digest.0[..]]).collect();
        let digest = Digest::of_parts(&parts);
        let archive = archive.into_inner().map_err(|source| FolderError::Read { name: "the archive".to_owned(), source })?;
        Ok(Self { archive, digest })
    }
}

/// The files below, by relative name. Links are followed where they stay within the folder that was opened.
fn list(dir: &Dir, below: &str, depth: usize, files: &mut Vec<String>) -> Result<(), FolderError> {
    if depth > DEPTH_MAX {
        return Err(FolderError::TooMany);
    }
    let shown = if below.is_empty() { "." } else { below };
    let failed = |source| FolderError::Read { name: shown.to_owned(), source };
    for entry in dir.read_dir(shown).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name().into_string().map_err(|name| FolderError::Name(name.to_string_lossy().into_owned()))?;
        let name = if below.is_empty() { name } else { format!("{below}/{name}") };
        let about = dir.metadata(&name).map_err(|source| FolderError::Read { name: name.clone(), source })?;
        match (about.is_dir(), about.is_file()) {
            (true, _) => list(dir, &name, depth + 1, files)?,
            (_, true) => files.push(name),
            _ => return Err(FolderError::NotAFile(name)),
        }
        if files.len() > FILES_MAX {
            return Err(FolderError::TooMany);
        }
    }
    Ok(())
}
