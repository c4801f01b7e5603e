//! The languages that a guest can be written in: one file each, and this list.

mod c;
mod go;
mod js;
mod python;
mod rust;

use std::fs;
use std::path::PathBuf;

use crate::project::{File, Project};
use crate::{Error, embedded};

/// A language.
pub trait Language: Sync {
    /// As it is written on the command line and in `sandstream.toml`.
    fn name(&self) -> &'static str;

    /// The file of a new project with the model in it.
    fn source(&self) -> &'static str;

    /// What builds it: what has to be there, and what is fetched, with its size.
    fn tools(&self) -> &'static str;

    /// What a guest in it costs.
    fn cost(&self) -> Cost;

    /// How WASI is kept out of a component, for whoever built one otherwise.
    fn without_wasi(&self) -> &'static str;

    /// The files of a new project.
    fn files(&self) -> Vec<File> {
        template(self.name())
    }

    /// Builds a project's component. What the compiler says goes to stderr.
    ///
    /// # Errors
    /// A tool is missing, the sources do not compile, or what they compile to is no model.
    fn build(&self, project: &Project) -> Result<Vec<u8>, Error>;
}

/// Figures of the template in a language, for whoever chooses. `cargo xtask guests templates` measures them again.
#[derive(Debug, Clone, Copy)]
pub struct Cost {
    /// Size of the component.
    pub component: &'static str,
    /// One row in a batch of 1,024.
    pub row: &'static str,
    /// Memory of a session.
    pub memory: &'static str,
    /// The host's compiling of the component.
    pub compile: &'static str,
    /// A build after a change, and the first one.
    pub build: &'static str,
}

/// Every language, in the order in which they are offered: the cheapest first.
pub const ALL: &[&dyn Language] = &[&rust::Rust, &c::C, &go::Go, &js::JavaScript, &python::Python];

/// The language of that name.
///
/// # Errors
/// It is not offered; the error names the nearest.
pub fn of(name: &str) -> Result<&'static dyn Language, Error> {
    let offered: Vec<_> = ALL.iter().map(|language| language.name()).collect();
    let nearest = offered.iter().min_by_key(|offered| strsim::damerau_levenshtein(offered, name)).copied().unwrap_or_default();
    let found = ALL.iter().find(|language| language.name() == name).copied();
    found.ok_or_else(|| Error::Language { name: name.to_owned(), offered, nearest })
}

/// The files of the template of that name.
fn template(name: &str) -> Vec<File> {
    let files = embedded::under("plugins/template")
        .filter_map(|(path, content)| Some((path.strip_prefix(name)?.strip_prefix('/')?, content)));
    files.map(|(path, content)| File { path: path.to_owned(), content: content.to_vec() }).collect()
}

/// Writes the contract to where a language's tool can read it; gives the folder. Such tools import whatever the world offers, used
/// or not, so it offers what every host answers. The world is not called `model`, as the guest's own module is.
fn write_contract(project: &Project) -> Result<PathBuf, Error> {
    let folder = project.build().join("wit");
    fs::create_dir_all(&folder).map_err(Error::file("make", &folder))?;
    let text = embedded::text("wit/model.wit").replace("  import inference;\n", "").replace("\nworld model {", "\nworld guest {");
    let file = folder.join("model.wit");
    fs::write(&file, text).map_err(Error::file("write", &file))?;
    Ok(folder)
}
