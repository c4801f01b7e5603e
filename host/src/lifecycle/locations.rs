//! Files that descriptors point to: under the configured roots only, reached through directory capabilities, so that neither `..`
//! nor a symbolic link leads out of them. And models on web servers and in object stores, under roots of their own.

use std::io::Read;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use cap_std::ambient_authority;
use cap_std::fs::{Dir, File, OpenOptions, OpenOptionsExt};

use super::folder::{Folder, FolderError};
use super::web::{self, WebError, WebRoot, is_web};
use crate::types::Digest;

/// A location that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LocationError {
    /// A configured root is not there.
    #[error("location root `{}` cannot be opened: {source}; create it or take it out of `control.locations`", root.display())]
    Root {
        /// The root.
        root: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A scheme that is none of a file, a web server or an object store.
    #[error(
        "location `{0}`: expected a file, or a place `http://..`, `https://..`, `s3://..`, `gs://..`, `az://..`, under the roots of \
         `control.locations`"
    )]
    Scheme(String),
    /// Not under any root.
    #[error("location `{location}` is under none of the roots of `control.locations` ({roots})")]
    Outside {
        /// What the descriptor says.
        location: String,
        /// The configured roots.
        roots: String,
    },
    /// It cannot be read.
    #[error("location `{location}` cannot be read: {source}")]
    Read {
        /// What the descriptor says.
        location: String,
        /// Why.
        source: std::io::Error,
    },
    /// It cannot be had from a web server or an object store.
    #[error("location {0}")]
    Web(#[from] WebError),
    /// A device, a pipe.
    #[error("location `{0}` is neither a file nor a folder")]
    NotAFile(String),
    /// A folder that cannot be a model.
    #[error("location `{location}`: {source}")]
    Folder {
        /// What the descriptor says.
        location: String,
        /// Why.
        source: FolderError,
    },
    /// Over the limit.
    #[error("location `{location}` has {bytes} bytes, at most {max} are allowed (`limits.payload`)")]
    TooLarge {
        /// What the descriptor says.
        location: String,
        /// Its size.
        bytes: u64,
        /// The limit.
        max: u64,
    },
}

/// What is at a location.
pub struct Located {
    /// The file, or a folder's files as an archive.
    pub data: Arc<[u8]>,
    /// The file's digest, or the folder's.
    pub digest: Digest,
}

/// The configured roots, opened.
pub struct Locations {
    roots: Vec<(PathBuf, Dir)>,
    web: Vec<WebRoot>,
    unverified: bool,
    bytes_max: u64,
}

impl Locations {
    /// Opens the roots. `unverified`: a descriptor may leave out the digest. `bytes_max`: size of a file.
    ///
    /// # Errors
    /// A root that is not a folder that can be opened.
    pub fn open(roots: &[PathBuf], web: &[WebRoot], unverified: bool, bytes_max: u64) -> Result<Self, LocationError> {
        let open = |root: &PathBuf| {
            let dir = Dir::open_ambient_dir(root, ambient_authority());
            dir.map(|dir| (root.clone(), dir)).map_err(|source| LocationError::Root { root: root.clone(), source })
        };
        let roots = roots.iter().map(open).collect::<Result<_, _>>()?;
        Ok(Self { roots, web: web.to_vec(), unverified, bytes_max })
    }

    /// As a configuration has them.
    pub(super) fn of(config: &super::Config) -> Result<Self, LocationError> {
        Self::open(&config.locations, &config.web, config.unverified_locations, config.limits.payload_bytes)
    }

    /// No roots: every location is unknown.
    pub(super) fn none() -> Self {
        Self { roots: Vec::new(), web: Vec::new(), unverified: false, bytes_max: 0 }
    }

    /// Whether a descriptor may leave out the digest; not of what comes over a network, where anybody could change it.
    pub(super) fn unverified(&self, location: &str) -> bool {
        self.unverified && !is_web(location)
    }

    /// Digest of a file whose descriptor gives none, where that is allowed and the file can be read.
    pub(super) fn unverified_digest(&self, location: &str) -> Option<Digest> {
        if !self.unverified(location) {
            return None;
        }
        self.read(location).ok().map(|located| located.digest)
    }

    /// Reads a file, or all files of a folder.
    ///
    /// # Errors
    /// It is under no root, is neither file nor folder, or is too large.
    pub fn read(&self, location: &str) -> Result<Located, LocationError> {
        if is_web(location) {
            let data = web::read(location, &self.web, self.bytes_max)?.ok_or_else(|| self.outside(location))?;
            return Ok(Located { digest: Digest::of(&data), data: data.into() });
        }
        let failed = |source| LocationError::Read { location: location.to_owned(), source };
        let file = self.find(location)?;
        let metadata = file.metadata().map_err(failed)?;
        if metadata.is_dir() {
            let folder = Folder::pack(&Dir::from_std_file(file.into_std()), self.bytes_max);
            let folder = folder.map_err(|source| LocationError::Folder { location: location.to_owned(), source })?;
            return Ok(Located { data: folder.archive.into(), digest: folder.digest });
        }
        if !metadata.is_file() {
            return Err(LocationError::NotAFile(location.to_owned()));
        }
        let mut data = Vec::with_capacity(metadata.len().min(self.bytes_max) as usize);
        // The file may grow while it is read.
        file.take(self.bytes_max + 1).read_to_end(&mut data).map_err(failed)?;
        let bytes = data.len() as u64;
        if bytes > self.bytes_max {
            return Err(LocationError::TooLarge {
                location: location.to_owned(),
                bytes: bytes.max(metadata.len()),
                max: self.bytes_max,
            });
        }
        let digest = Digest::of(&data);
        Ok(Located { data: data.into(), digest })
    }

    /// Opens it under the root that holds it; a relative path under the first root that has such a file.
    fn find(&self, location: &str) -> Result<File, LocationError> {
        let path = path_of(location)?;
        let mut failure = None;
        for (root, dir) in &self.roots {
            let Some(relative) = relative_to(root, path) else { continue };
            match dir.open_with(relative, &options()) {
                Ok(file) => return Ok(file),
                Err(source) => failure = Some(LocationError::Read { location: location.to_owned(), source }),
            }
        }
        Err(failure.unwrap_or_else(|| self.outside(location)))
    }

    fn outside(&self, location: &str) -> LocationError {
        let folders = self.roots.iter().map(|(root, _)| root.display().to_string());
        let roots: Vec<String> = folders.chain(self.web.iter().map(WebRoot::to_string)).collect();
        LocationError::Outside { location: location.to_owned(), roots: roots.join(", ") }
    }
}

/// Without waiting, so that a pipe put in a file's place cannot stop the host.
fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).custom_flags(rustix::fs::OFlags::NONBLOCK.bits() as i32);
    options
}

fn path_of(location: &str) -> Result<&Path, LocationError> {
    match location.split_once("://") {
        None => Ok(Path::new(location)),
        Some(("file", path)) => Ok(Path::new(path)),
        Some(_) => Err(LocationError::Scheme(location.to_owned())),
    }
}

/// The path below `root`; `None` where it does not lie there or climbs on its way.
fn relative_to<'a>(root: &Path, path: &'a Path) -> Option<&'a Path> {
    let relative = if path.is_absolute() { path.strip_prefix(root).ok()? } else { path };
    relative.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)).then_some(relative)
}
