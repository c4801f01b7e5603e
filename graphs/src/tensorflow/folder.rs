//! Where the files of a SavedModel come from: a folder that was opened as a capability, or an archive that is held in memory.
//!
//! A name is relative, its parts are joined by `/`, and no part of it is `..`. What is a link in an archive refuses the archive: a link
//! is of no use to a model, and following it is how an archive reaches for what is not its own.

use std::collections::BTreeMap;
use std::io::{Cursor, ErrorKind, Read};
use std::path::{Component, Path};

use cap_std::fs::Dir;

use crate::{Bounds, Refused};

/// Files in an archive; a SavedModel has a dozen, one with large vocabularies some hundreds.
const FILES_MAX: usize = 10_000;

/// Characters of a name.
const NAME_MAX: usize = 1_024;

/// The files of a SavedModel, by name: `saved_model.pb`, `variables/variables.index`, `assets/vocabulary.txt`.
pub trait Folder {
    /// The content of a file; `None` where there is no such file.
    ///
    /// # Errors
    /// The file is larger than `max` bytes, or cannot be read.
    fn read(&self, name: &str, max: u64) -> Result<Option<Vec<u8>>, Refused>;
}

/// A folder on disk. Nothing outside of it can be named, through links neither.
#[derive(Debug)]
pub struct Directory(Dir);

impl Directory {
    /// Opens a folder.
    ///
    /// # Errors
    /// There is none, or it must not be read.
    pub fn open(path: &Path) -> Result<Self, Refused> {
        let dir = Dir::open_ambient_dir(path, cap_std::ambient_authority());
        dir.map(Self).map_err(|error| malformed(&path.display().to_string(), format!("a folder is expected: {error}")))
    }

    /// Takes a folder that was opened elsewhere.
    #[must_use]
    pub fn new(dir: Dir) -> Self {
        Self(dir)
    }
}

impl Folder for Directory {
    fn read(&self, name: &str, max: u64) -> Result<Option<Vec<u8>>, Refused> {
        let name = checked(name)?;
        let file = match self.0.open(&name) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(malformed(&name, error.to_string())),
        };
        // A pipe in the place of a file would be waited for without an end.
        let about = file.metadata().map_err(|error| malformed(&name, error.to_string()))?;
        if !about.is_file() {
            return Err(malformed(&name, "a regular file is expected".to_owned()));
        }
        bounded(file, &name, max).map(Some)
    }
}

/// What a `.tar` has, and where.
const TAR: &[u8] = b"ustar";
const TAR_AT: usize = 257;

/// An archive, unpacked in memory.
#[derive(Debug)]
pub struct Archive {
    files: BTreeMap<String, Vec<u8>>,
    /// The only folder at the top, where the model is in it: `my_model/`.
    top: String,
}

impl Archive {
    /// Unpacks a `.zip` or a `.tar`, whichever the bytes are.
    ///
    /// # Errors
    /// They are neither, a name in it leaves the archive, or it unpacks to more than the bounds allow.
    pub fn open(bytes: &[u8], bounds: &Bounds) -> Result<Self, Refused> {
        match bytes.get(TAR_AT..TAR_AT + TAR.len()) {
            _ if bytes.starts_with(b"PK") => Self::zip(bytes, bounds),
            Some(TAR) => Self::tar(bytes, bounds),
            _ => {
                let words =
                    format!("expected its folder as a .zip or a .tar that is not compressed, got {} other bytes", bytes.len());
                Err(malformed("SavedModel", words))
            }
        }
    }

    /// Unpacks a `.zip`.
    ///
    /// # Errors
    /// See [`Archive::open`].
    pub fn zip(bytes: &[u8], bounds: &Bounds) -> Result<Self, Refused> {
        let broken = |error: &dyn std::fmt::Display| malformed("zip archive", error.to_string());
        let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(|error| broken(&error))?;
        let mut unpacked = Unpacked::new("zip archive", bounds);
        for index in 0..archive.len() {
            let file = archive.by_index(index).map_err(|error| broken(&error))?;
            if file.is_symlink() {
                return Err(malformed(file.name(), "a link in an archive is not followed".to_owned()));
            }
            if !file.is_dir() {
                let name = file.name().to_owned();
                unpacked.add(&name, file)?;
            }
        }
        unpacked.finish()
    }

    /// Unpacks a `.tar`, one that is not compressed.
    ///
    /// # Errors
    /// See [`Archive::open`].
    pub fn tar(bytes: &[u8], bounds: &Bounds) -> Result<Self, Refused> {
        let broken = |error: std::io::Error| malformed("tar archive", error.to_string());
        let mut archive = tar::Archive::new(bytes);
        let mut unpacked = Unpacked::new("tar archive", bounds);
        for entry in archive.entries().map_err(broken)? {
            let entry = entry.map_err(broken)?;
            let path = entry.path_bytes();
            let name =
                std::str::from_utf8(&path).map_err(|_| malformed("tar archive", "a name is not UTF-8".to_owned()))?.to_owned();
            match entry.header().entry_type() {
                tar::EntryType::Directory | tar::EntryType::XGlobalHeader => {}
                tar::EntryType::Regular | tar::EntryType::Continuous => unpacked.add(&name, entry)?,
                other => {
                    return Err(malformed(&name, format!("a file or a folder is expected in an archive, this is a {other:?}")));
                }
            }
        }
        unpacked.finish()
    }
}

impl Folder for Archive {
    fn read(&self, name: &str, max: u64) -> Result<Option<Vec<u8>>, Refused> {
        let Some(content) = self.files.get(&format!("{}{}", self.top, checked(name)?)) else { return Ok(None) };
        let size = u64::try_from(content.len()).unwrap_or(u64::MAX);
        if size > max {
            return Err(Refused::TooLarge { what: format!("bytes of `{name}`"), got: size, max });
        }
        Ok(Some(content.clone()))
    }
}

/// What was unpacked so far.
struct Unpacked {
    what: &'static str,
    files: BTreeMap<String, Vec<u8>>,
    /// Bytes that may still come.
    left: u64,
    max: u64,
}

impl Unpacked {
    fn new(what: &'static str, bounds: &Bounds) -> Self {
        Self { what, files: BTreeMap::new(), left: bounds.weights, max: bounds.weights }
    }

    fn add(&mut self, name: &str, file: impl Read) -> Result<(), Refused> {
        let name = checked(name)?;
        if self.files.len() >= FILES_MAX {
            let got = u64::try_from(self.files.len()).unwrap_or(u64::MAX).saturating_add(1);
            return Err(Refused::TooLarge { what: format!("number of files in a {}", self.what), got, max: FILES_MAX as u64 });
        }
        let content = bounded(file, self.what, self.left).map_err(|refused| match refused {
            Refused::TooLarge { .. } => Refused::TooLarge {
                what: format!("bytes of all files in a {}, unpacked", self.what),
                got: self.max + 1,
                max: self.max,
            },
            other => other,
        })?;
        self.left -= u64::try_from(content.len()).unwrap_or(self.left);
        if self.files.insert(name.clone(), content).is_some() {
            return Err(malformed(self.what, format!("`{name}` is in it twice")));
        }
        Ok(())
    }

    fn finish(self) -> Result<Archive, Refused> {
        let model = |name: &str| {
            self.files.contains_key(&format!("{name}saved_model.pb"))
                || self.files.contains_key(&format!("{name}saved_model.pbtxt"))
        };
        let mut tops: Vec<String> =
            self.files.keys().filter_map(|name| name.split_once('/')).map(|(top, _)| format!("{top}/")).collect();
        tops.dedup();
        tops.retain(|top| model(top));
        let top = match tops.as_slice() {
            _ if model("") => String::new(),
            [top] => top.clone(),
            _ => {
                return Err(malformed(
                    self.what,
                    "one `saved_model.pb` is expected in it, at its top or in one folder".to_owned(),
                ));
            }
        };
        Ok(Archive { files: self.files, top })
    }
}

/// Reads at most `max` bytes, whatever the file says of its size.
fn bounded(file: impl Read, name: &str, max: u64) -> Result<Vec<u8>, Refused> {
    let mut content = Vec::new();
    file.take(max.saturating_add(1)).read_to_end(&mut content).map_err(|error| malformed(name, error.to_string()))?;
    let got = u64::try_from(content.len()).unwrap_or(u64::MAX);
    if got > max {
        return Err(Refused::TooLarge { what: format!("bytes of `{name}`"), got, max });
    }
    Ok(content)
}

/// A name without `.` parts.
fn checked(name: &str) -> Result<String, Refused> {
    let shown: String = name.chars().take(80).collect();
    let wrong = |reason: &str| Err(malformed(&shown, reason.to_owned()));
    if name.len() > NAME_MAX {
        return wrong("the name of a file is too long");
    }
    if name.contains(['\\', '\0']) || name.as_bytes().get(1) == Some(&b':') {
        return wrong("a plain relative name is expected, with `/` between its parts");
    }
    let mut parts = Vec::new();
    for part in Path::new(name).components() {
        match part {
            Component::Normal(part) => parts.push(part.to_string_lossy().into_owned()),
            Component::CurDir => {}
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return wrong("a name must not leave its folder"),
        }
    }
    if parts.is_empty() { wrong("the name of a file is expected") } else { Ok(parts.join("/")) }
}

fn malformed(what: &str, reason: String) -> Refused {
    Refused::Malformed { what: what.to_owned(), reason }
}
