//! What can go wrong between sources and a component.

use std::io;
use std::path::{Path, PathBuf};

/// Why there is no project, no toolchain or no component.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A program that has to be there is not, or is too old.
    #[error("{tool} is needed and {what}: {todo}")]
    Missing {
        /// The program.
        tool: &'static str,
        /// What was found instead.
        what: String,
        /// What to do.
        todo: &'static str,
    },
    /// A program ended with a failure; its own words are on stderr already, or in `said`.
    #[error("`{command}` ended with {status}{said}")]
    Failed {
        /// What was run.
        command: String,
        /// How it ended.
        status: String,
        /// What it printed, where that was not passed through.
        said: String,
    },
    /// A file or folder.
    #[error("cannot {action} {}: {reason}", path.display())]
    File {
        /// What was tried.
        action: &'static str,
        /// Where.
        path: PathBuf,
        /// Why not.
        reason: io::Error,
    },
    /// The compiler's output is not what a component can be made of.
    #[error("no component can be made of the compiled module: {0}")]
    Component(String),
    /// A name that a project cannot have.
    #[error(
        "`{name}` cannot be a guest's name: expected 1 to 64 of a-z, 0-9, `-` and `_`, beginning with a letter, and not \
         `sandstream` or `model`"
    )]
    Name {
        /// As it was given.
        name: String,
    },
    /// The folder of a new project is in use.
    #[error("{} is there and not empty; choose another name, or empty it first", folder.display())]
    Occupied {
        /// The folder.
        folder: PathBuf,
    },
    /// A language that is not offered.
    #[error("language `{name}` is not offered; there are {}; the nearest is `{nearest}`", offered.join(", "))]
    Language {
        /// As it was given.
        name: String,
        /// What there is.
        offered: Vec<&'static str>,
        /// The one whose name is nearest.
        nearest: &'static str,
    },
    /// Neither `SANDSTREAM_CACHE` nor `HOME` is set.
    #[error("set SANDSTREAM_CACHE or HOME: there is no cache folder")]
    NoCache,
}

impl Error {
    /// Makes an I/O error say what was tried with which path.
    pub(crate) fn file(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        move |reason| Self::File { action, path, reason }
    }
}
