//! The configuration: what was written (a TOML file, and `SANDSTREAM__SECTION__KEY` of the environment over it) becomes what it
//! means. Nothing is opened or connected here but the file itself; paths are taken relative to it. Everything that is wrong is
//! reported at once, with file, line, key, what was expected and the nearest key.

mod error;
mod guest;
mod host;
mod reader;
mod stream;
mod types;
mod units;
mod written;

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

pub use error::{Error, Wrong};
pub use guest::Guest;
pub use stream::{Stream, TypeBy};
pub use units::{duration, size};

use crate::lifecycle::WebRoot;
use crate::types::Limits;
use crate::{backend, codec, stream as seam};
use host::Given;
use reader::{Problems, Section};

/// A checked configuration.
#[derive(Debug, Clone)]
pub struct Config {
    /// The file it was read from.
    pub file: PathBuf,
    /// Brokers and client properties; `None` where the file has no `[kafka]`, which is enough to score files and for
    /// streams between files.
    pub kafka: Option<seam::kafka::Config>,
    /// The control log.
    pub control: Control,
    /// Data types.
    pub types: Vec<codec::Spec>,
    /// Streams.
    pub streams: Vec<Stream>,
    /// What a model may use without a grant.
    pub limits: Limits,
    /// What a grant may ask for.
    pub maxima: Limits,
    /// The most by which a golden of a descriptor may let a float differ.
    pub golden_tolerance: f64,
    /// What all WASM models share.
    pub wasm: backend::wasm::Config,
    /// What runs graphs.
    pub engines: backend::Engines,
    /// The admin server; `None` without `[admin]`.
    pub admin: Option<Admin>,
}

/// The control log and what goes with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Control {
    /// Its topic.
    pub topic: String,
    /// Topic of the pieces of models that are too large for a record.
    pub chunks: String,
    /// Topic of the models' states.
    pub status: String,
    /// Topic of the activations.
    pub activations: String,
    /// Folders under which a descriptor's `location` may lie.
    pub locations: Vec<PathBuf>,
    /// Folders of web servers, and parts of buckets, under which it may lie.
    pub web: Vec<WebRoot>,
    /// Whether a `location` may come without its digest.
    pub unverified_locations: bool,
}

impl Control {
    fn of(topic: String, locations: Vec<PathBuf>, web: Vec<WebRoot>, unverified_locations: bool) -> Self {
        Self {
            chunks: format!("{topic}.chunks"),
            status: format!("{topic}.status"),
            activations: format!("{topic}.activations"),
            topic,
            locations,
            web,
            unverified_locations,
        }
    }
}

/// The admin server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admin {
    /// Where it listens.
    pub bind: SocketAddr,
    /// A file with one token per line; requests carry one as `Authorization: Bearer <token>`.
    pub tokens: Option<PathBuf>,
}

impl Config {
    /// Reads a file and lays this process's environment over it.
    ///
    /// # Errors
    /// The file cannot be read, or says something that cannot be.
    pub fn load(file: &Path) -> Result<Self, Error> {
        let text = fs::read_to_string(file).map_err(|reason| Error::Read { file: file.to_path_buf(), reason })?;
        Self::parse(file, &text, std::env::vars())
    }

    /// What the text of `file` means with these environment variables.
    ///
    /// # Errors
    /// It says something that cannot be.
    pub fn parse(file: &Path, text: &str, environment: impl Iterator<Item = (String, String)>) -> Result<Self, Error> {
        let wrong = |problems| Error::Wrong(Wrong::new(&file.display().to_string(), problems));
        let mut written = written::parse(text).map_err(|problem| wrong(vec![problem]))?;
        written::overlay(&mut written, environment);
        let problems = Problems::default();
        let config = Self::read(file, &Section::root(&written, &problems));
        match problems.into_inner() {
            found if found.is_empty() => Ok(config),
            found => Err(wrong(found)),
        }
    }

    /// What holds where there is no file: the defaults.
    #[must_use]
    pub fn without_file() -> Self {
        let (written, problems) = (Vec::new(), Problems::default());
        Self::read(Path::new(""), &Section::root(&written, &problems))
    }

    fn read(file: &Path, root: &Section<'_>) -> Self {
        let folder = file.parent().unwrap_or(Path::new("")).to_path_buf();
        let kafka = host::kafka(root);
        let control = host::control(root, &folder);
        let types = types::read(root, &folder);
        let streams = stream::read(root, &types);
        let Given { limits, maxima, sessions, golden_tolerance } = host::limits(root);
        let wasm = host::wasm(root, &folder, &limits, &maxima, sessions);
        let engines = host::engines(root, &folder);
        let admin = host::admin(root, &folder);
        root.finish();
        Self { file: file.to_path_buf(), kafka, control, types, streams, limits, maxima, golden_tolerance, wasm, engines, admin }
    }

    /// The data type of that name.
    #[must_use]
    pub fn data_type(&self, name: &str) -> Option<&codec::Spec> {
        self.types.iter().find(|spec| spec.data_type == name)
    }
}
