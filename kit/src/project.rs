//! A guest's folder: how it is made, and where things lie in it.

use std::fs;
use std::path::{Path, PathBuf};

use crate::Error;
use crate::language::Language;

/// The file that says what a guest's folder is.
pub const MANIFEST: &str = "sandstream.toml";

/// The name that the templates go by, replaced by the project's.
const TEMPLATE: &str = "template";

const NAME_MAX: usize = 64;

/// Names that mean something else in a guest: the contract's world, and the kit's own package.
const RESERVED: [&str; 4] = ["model", "sandstream", "sandstream-guest", TEMPLATE];

/// A file of a new project.
pub struct File {
    /// Relative to the project.
    pub path: String,
    /// Its content.
    pub content: Vec<u8>,
}

/// A guest's folder.
#[derive(Debug, Clone)]
pub struct Project {
    /// Where it is.
    pub folder: PathBuf,
    /// The guest's name.
    pub name: String,
}

impl Project {
    /// The project of that name in that folder.
    ///
    /// # Errors
    /// A name that would lead files elsewhere.
    pub fn new(folder: &Path, name: &str) -> Result<Self, Error> {
        check_name(name)?;
        Ok(Self { folder: folder.to_path_buf(), name: name.to_owned() })
    }

    /// The folder for everything that is built.
    #[must_use]
    pub fn build(&self) -> PathBuf {
        let build = self.folder.join("build");
        // As it is shown: without a `./` before it.
        build.strip_prefix(".").map_or_else(|_| build.clone(), Path::to_path_buf)
    }

    /// The component.
    #[must_use]
    pub fn component(&self) -> PathBuf {
        self.build().join(format!("{}.wasm", self.name))
    }
}

/// Makes a project of a language's template in `folder`, which does not exist or is empty. Gives the paths of its files.
///
/// # Errors
/// A name that cannot be, a folder in use, or a file that cannot be written.
pub fn create(folder: &Path, name: &str, language: &dyn Language) -> Result<Vec<String>, Error> {
    check_name(name)?;
    if RESERVED.contains(&name) {
        return Err(Error::Name { name: name.to_owned() });
    }
    let in_use = fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some());
    if in_use || folder.is_file() {
        return Err(Error::Occupied { folder: folder.to_path_buf() });
    }
    let mut paths = Vec::new();
    for file in language.files() {
        let path = folder.join(&file.path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(Error::file("make", parent))?;
        }
        fs::write(&path, named(&file, name)).map_err(Error::file("write", &path))?;
        paths.push(file.path);
    }
    let ignored = folder.join(".gitignore");
    fs::write(&ignored, "/build/\n").map_err(Error::file("write", &ignored))?;
    paths.sort();
    Ok(paths)
}

/// The file with the project's name where the template has its own: in the manifests only, as `"template"` or after `module`.
fn named(file: &File, name: &str) -> Vec<u8> {
    let manifest = matches!(file.path.as_str(), MANIFEST | "Cargo.toml" | "go.mod");
    match std::str::from_utf8(&file.content) {
        Ok(text) if manifest => {
            let quoted = text.replace(&format!("\"{TEMPLATE}\""), &format!("\"{name}\""));
            quoted.replace(&format!("module {TEMPLATE}"), &format!("module {name}")).into_bytes()
        }
        _ => file.content.clone(),
    }
}

fn check_name(name: &str) -> Result<(), Error> {
    let letters = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_');
    let begins = name.starts_with(|c: char| c.is_ascii_lowercase());
    if letters && begins && name.len() <= NAME_MAX {
        return Ok(());
    }
    Err(Error::Name { name: name.to_owned() })
}
