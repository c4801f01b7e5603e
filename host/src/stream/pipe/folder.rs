//! A folder of models as a control log: a file that comes is an announcement, one that is replaced is another version, one that
//! goes is a retirement.

mod file;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use prost::Message as _;

use self::file::{File, Mark, Name};
use crate::stream::{Announcement, Entry, Feed, LinkError};
use crate::types::control::Key;
use crate::types::proto::ModelDescriptor;
use crate::types::proto::model_descriptor::{ModelType, Payload};
use crate::types::{ModelId, Revision, nearest};

/// How often the folder is looked through.
const SCAN_EVERY: Duration = Duration::from_millis(100);
/// A file is read when nothing has written to it for so long: it may be on its way.
const SETTLED: Duration = Duration::from_millis(300);
/// So long the files that are there at the start are waited for before the log counts as read.
const START_MAX: Duration = Duration::from_secs(10);
/// Endings of model files.
const ENDINGS: [(&str, ModelType); 2] = [("wasm", ModelType::Wasm), ("onnx", ModelType::Onnx)];

/// What is watched, and for whom.
#[derive(Debug, Clone)]
pub struct Folder {
    /// `<name>[@<version>].wasm` for the only data type, `<data type>/<name>[@<version>].wasm` otherwise.
    pub path: PathBuf,
    /// Data types of the stream.
    pub types: Vec<String>,
    /// Larger files are not read.
    pub bytes_max: u64,
    /// Whether files count that come later.
    pub watch: bool,
}

/// The control log of a folder. Its revisions count what was seen; files that are there at the start come in the order of their
/// times, so that the newest one answers.
#[derive(Debug)]
pub struct FolderFeed {
    folder: Folder,
    files: BTreeMap<PathBuf, File>,
    /// Paths about which it has complained.
    odd: BTreeSet<PathBuf>,
    queue: VecDeque<Entry>,
    revision: Revision,
    opened: Instant,
    scanned: Option<Instant>,
    caught_up: bool,
}

impl FolderFeed {
    /// Opens a folder.
    ///
    /// # Errors
    /// It cannot be listed.
    pub fn open(folder: Folder) -> std::io::Result<Self> {
        fs::read_dir(&folder.path)?;
        Ok(Self {
            folder,
            files: BTreeMap::new(),
            odd: BTreeSet::new(),
            queue: VecDeque::new(),
            revision: 0,
            opened: Instant::now(),
            scanned: None,
            caught_up: false,
        })
    }

    fn scan(&mut self, now: Instant) -> std::io::Result<()> {
        let mut found = BTreeMap::new();
        self.list(&self.folder.path.clone(), None, &mut found)?;
        for (path, (name, mark)) in &found {
            let file = self.files.entry(path.clone()).or_insert_with(|| File::new(name.clone(), *mark, now, SystemTime::now()));
            file.look(*mark, now);
        }
        let mut settled: Vec<(Mark, PathBuf)> = Vec::new();
        for (path, file) in &mut self.files {
            if found.contains_key(path) {
                if file.is_settled(now, SETTLED) {
                    settled.push((file.mark(), path.clone()));
                }
            } else if file.is_gone(now, SETTLED) {
                for version in file.take_versions() {
                    self.queue.push_back(entry(&mut self.revision, &file.id(version), None));
                }
            }
        }
        self.files.retain(|path, file| found.contains_key(path) || !file.is_gone(now, SETTLED));
        settled.sort_by(|a, b| (a.0.modified, &a.1).cmp(&(b.0.modified, &b.1)));
        settled.into_iter().for_each(|(_, path)| self.read(&path));
        Ok(())
    }

    /// Finds the models of a folder; those of sub-folders too, each of which is a data type's.
    fn list(
        &mut self,
        folder: &Path,
        data_type: Option<&str>,
        found: &mut BTreeMap<PathBuf, (Name, Mark)>,
    ) -> std::io::Result<()> {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            // Links are followed. What vanishes while it is looked at is not there.
            let Ok(about) = fs::metadata(&path) else { continue };
            let Some(name) = path.file_name().and_then(|name| name.to_str()).filter(|name| !name.starts_with('.')) else {
                continue;
            };
            if about.is_dir() && data_type.is_none() {
                if self.folder.types.iter().any(|known| known == name) {
                    self.list(&path, Some(name), found)?;
                } else {
                    self.complain(&path, &self.no_type(name));
                }
                continue;
            }
            let (stem, ending) = name.rsplit_once('.').unwrap_or((name, ""));
            let kind = ENDINGS.iter().find(|(known, _)| ending == *known);
            let Some((_, kind)) = kind.filter(|_| about.is_file()) else { continue };
            let Some(data_type) = data_type.or_else(|| self.only_type()).map(str::to_owned) else {
                let first = self.folder.types.first().cloned().unwrap_or_default();
                self.complain(
                    &path,
                    &format!("the stream has several data types; put it into a folder of its own, such as {first}/"),
                );
                continue;
            };
            if about.len() > self.folder.bytes_max {
                self.complain(&path, &format!("{} bytes, [limits] payload allows {}", about.len(), self.folder.bytes_max));
                continue;
            }
            found.insert(path.clone(), (Name::of(stem, data_type, *kind), Mark::of(&about)));
        }
        Ok(())
    }

    fn only_type(&self) -> Option<&str> {
        match self.folder.types.as_slice() {
            [only] => Some(only),
            _ => None,
        }
    }

    fn no_type(&self, name: &str) -> String {
        let near = nearest(name, self.folder.types.iter().map(String::as_str)).unwrap_or_default();
        format!("the stream has no data type `{name}`; the nearest is `{near}`")
    }

    fn complain(&mut self, path: &Path, reason: &str) {
        if self.odd.insert(path.to_path_buf()) {
            tracing::warn!(file = %path.display(), reason, "not a model of this stream");
        }
    }

    fn read(&mut self, path: &Path) {
        let Some(file) = self.files.get_mut(path) else { return };
        match fs::read(path) {
            Ok(data) => {
                let Some(version) = file.announce(&data) else { return };
                let id = file.id(version);
                let descriptor = ModelDescriptor {
                    name: id.name.clone(),
                    description: path.display().to_string(),
                    data_type: id.data_type.clone(),
                    model_type: file.kind() as i32,
                    version: Some(id.version.clone()),
                    payload: Some(Payload::Data(data)),
                    ..ModelDescriptor::default()
                };
                self.queue.push_back(entry(&mut self.revision, &id, Some(descriptor.encode_to_vec())));
            }
            Err(reason) => {
                file.unreadable();
                tracing::warn!(file = %path.display(), %reason, "the model cannot be read");
            }
        }
    }

    /// Whether all that was there at the start has been read.
    fn has_read_all(&self, now: Instant) -> bool {
        self.scanned.is_some() && (now - self.opened > START_MAX || self.files.values().all(File::is_read))
    }
}

fn entry(revision: &mut Revision, id: &ModelId, value: Option<Vec<u8>>) -> Entry {
    let now = *revision;
    *revision += 1;
    Entry { revision: now, timestamp: -1, key: Some(Key::Model(id.clone()).to_string().into()), value, expects: None }
}

impl Feed for FolderFeed {
    fn next(&mut self, wait: Duration) -> Result<Option<Announcement>, LinkError> {
        if let Some(entry) = self.queue.pop_front() {
            return Ok(Some(Announcement::Entry(entry)));
        }
        let now = Instant::now();
        if self.caught_up && !self.folder.watch {
            std::thread::park_timeout(wait);
            return Ok(None);
        }
        if !self.caught_up && self.has_read_all(now) {
            self.caught_up = true;
            return Ok(Some(Announcement::CaughtUp));
        }
        let rests = self.scanned.map_or(Duration::ZERO, |at| (at + SCAN_EVERY).saturating_duration_since(now));
        if !rests.is_zero() {
            std::thread::park_timeout(rests.min(wait));
            return Ok(None);
        }
        self.scanned = Some(now);
        // A folder that cannot be listed for a while keeps its models.
        let listed = self.scan(now);
        listed.map_err(|error| LinkError::Reopen(format!("{}: {error}", self.folder.path.display())))?;
        Ok(self.queue.pop_front().map(Announcement::Entry))
    }
}
