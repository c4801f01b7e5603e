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
    /// What was announced, oldest first.
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

    /// Whether it has been missing for a while. A file may be replaced by removing it first.
    pub(super) fn is_gone(&mut self, now: Instant, after: Duration) -> bool {
        now.saturating_duration_since(*self.gone.get_or_insert(now)) >= after
    }

    /// Cannot be read as it is; it is tried again when it changes.
    pub(super) fn unreadable(&mut self) {
        self.read = true;
    }

    /// The version that its contents are announced under; `None` where they are what they were. Contents that come back after
    /// others are a version of their own, as they have to answer again.
    pub(super) fn announce(&mut self, data: &[u8]) -> Option<String> {
        self.read = true;
        let digest = Digest::of(data);
        if self.newest == Some(digest) {
            return None;
        }
        self.newest = Some(digest);
        let version = self.name.version.clone().unwrap_or_else(|| {
            let plain = digest.hex()[..DIGITS].to_owned();
            let times = self.versions.iter().filter(|known| known.starts_with(&plain)).count();
            if times == 0 { plain } else { format!("{plain}-{}", times + 1) }
        });
        if !self.versions.contains(&version) {
            self.versions.push(version.clone());
        }
        Some(version)
    }

    pub(super) fn id(&self, version: String) -> ModelId {
        ModelId { data_type: self.name.data_type.clone(), name: self.name.name.clone(), version }
    }

    pub(super) fn take_versions(&mut self) -> Vec<String> {
        std::mem::take(&mut self.versions)
    }
}
