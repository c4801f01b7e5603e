//! One file of the folder: what it is called, whether it is still being written, and what was announced of it.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::time::{Duration, Instant, SystemTime};

use crate::types::proto::model_descriptor::ModelType;
use crate::types::{Digest, ModelId};

/// A file that was written to this long ago when it is first seen is not on its way any more.
const OLD: Duration = Duration::from_secs(2);
/// Digits of the digest that are the version of a file without one.
const DIGITS: usize = 12;

/// What its name says.
#[derive(Debug, Clone)]
pub(super) struct Name {
    data_type: String,
    name: String,
    version: Option<String>,
    kind: ModelType,
}

impl Name {
    /// `stem` is `<name>[@<version>]`.
    pub(super) fn of(stem: &str, data_type: String, kind: ModelType) -> Self {
        let (name, version) = match stem.rsplit_once('@') {
            Some((name, version)) if !name.is_empty() && !version.is_empty() => (name, Some(version.to_owned())),
            _ => (stem, None),
        };
        Self { data_type, name: name.to_owned(), version, kind }
    }
}

/// What changes when a file is written or replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    /// When it was written to.
    pub(super) modified: SystemTime,
    size: u64,
    inode: u64,
}

impl Mark {
    pub(super) fn of(about: &Metadata) -> Self {
        Self { modified: about.modified().unwrap_or(SystemTime::UNIX_EPOCH), size: about.len(), inode: about.ino() }
    }
}

/// A file, as far as it is known.
#[derive(Debug)]
pub(super) struct File {
    name: Name,
    mark: Mark,
    /// When it was first seen as it is; `None`: long ago.
    since: Option<Instant>,
    gone: Option<Instant>,
    read: bool,
    newest: Option<Digest>,
    /// What was announced, oldest first; the last one is of the newest contents.
    versions: Vec<String>,
}

impl File {
    pub(super) fn new(name: Name, mark: Mark, now: Instant, clock: SystemTime) -> Self {
        let old = clock.duration_since(mark.modified).is_ok_and(|age| age >= OLD);
        let since = (!old).then_some(now);
        Self { name, mark, since, gone: None, read: false, newest: None, versions: Vec::new() }
    }

    /// It is there, and looks like this.
    pub(super) fn look(&mut self, mark: Mark, now: Instant) {
        self.gone = None;
        if mark != self.mark {
            (self.mark, self.since, self.read) = (mark, Some(now), false);
        }
    }

    pub(super) fn mark(&self) -> Mark {
        self.mark
    }

    pub(super) fn kind(&self) -> ModelType {
        self.name.kind
    }

    pub(super) fn is_read(&self) -> bool {
        self.read
    }

    /// Whether it is to be read, and nobody writes to it.
    pub(super) fn is_settled(&self, now: Instant, after: Duration) -> bool {
        !self.read && self.since.is_none_or(|since| now.saturating_duration_since(since) >= after)
    }

    /// It is not there.
    pub(super) fn miss(&mut self, now: Instant) {
        self.gone.get_or_insert(now);
    }

    /// Whether it has been missing for a while. A file may be replaced by removing it first.
    pub(super) fn is_gone(&self, now: Instant, after: Duration) -> bool {
        self.gone.is_some_and(|gone| now.saturating_duration_since(gone) >= after)
    }

    /// Cannot be read as it is; it is tried again when it changes.
    pub(super) fn unreadable(&mut self) {
        self.read = true;
    }

    /// Whether it is there, as far as the last look said.
    pub(super) fn is_there(&self) -> bool {
        self.gone.is_none()
    }

    /// It has been read; whether its contents are others than before.
    pub(super) fn is_news(&mut self, digest: Digest) -> bool {
        self.read = true;
        self.newest.replace(digest) != Some(digest)
    }

    /// What these contents are called if nothing is in the way.
    pub(super) fn id(&self, digest: Digest) -> ModelId {
        let version = self.name.version.clone().unwrap_or_else(|| digest.hex()[..DIGITS].to_owned());
        self.id_of(version)
    }

    /// What it is called as it is; `None` before it was read.
    pub(super) fn current(&self) -> Option<ModelId> {
        self.newest.map(|digest| self.id(digest))
    }

    fn id_of(&self, version: String) -> ModelId {
        ModelId { data_type: self.name.data_type.clone(), name: self.name.name.clone(), version }
    }

    /// Data type and name of its model.
    pub(super) fn names(&self) -> (String, String) {
        (self.name.data_type.clone(), self.name.name.clone())
    }

    fn is_of(&self, id: &ModelId) -> bool {
        self.name.data_type == id.data_type && self.name.name == id.name
    }

    /// Its contents were announced under this version.
    pub(super) fn announced(&mut self, version: String) {
        self.versions.push(version);
    }

    /// Whether it is what a model that answers was announced from.
    pub(super) fn holds(&self, id: &ModelId) -> bool {
        self.is_of(id) && self.versions.contains(&id.version)
    }

    /// Whether it was this model, and is another one now.
    pub(super) fn was(&self, id: &ModelId) -> bool {
        self.holds(id) && self.versions.last() != Some(&id.version)
    }

    /// All that was announced of it.
    pub(super) fn take_ids(&mut self) -> Vec<ModelId> {
        std::mem::take(&mut self.versions).into_iter().map(|version| self.id_of(version)).collect()
    }
}
