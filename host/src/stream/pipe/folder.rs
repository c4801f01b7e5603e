//! A folder of models as a control log: a file that comes is an announcement, one that is replaced is another version, one that
//! goes is a retirement.

mod file;
mod listing;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use prost::Message as _;

use self::file::{File, Mark};
use self::listing::Listing;
use crate::stream::{Announcement, Entry, Feed, LinkError};
use crate::types::control::Key;
use crate::types::proto::ModelDescriptor;
use crate::types::proto::model_descriptor::Payload;
use crate::types::{Digest, ModelId, Revision};

/// How often the folder is looked through.
const SCAN_EVERY: Duration = Duration::from_millis(100);
/// A file is read when nothing has written to it for so long: it may be on its way.
const SETTLED: Duration = Duration::from_millis(300);
/// So long the files that are there at the start are waited for before the log counts as read.
const START_MAX: Duration = Duration::from_secs(10);

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
    /// What was ever announced, and with which contents: a version means the same bytes for ever, also when its file has gone.
    taken: HashMap<ModelId, Digest>,
    /// Paths about which it has complained.
    odd: BTreeSet<PathBuf>,
    /// Folders that cannot be listed at the moment, and that this was said of.
    unlisted: BTreeSet<PathBuf>,
    queue: VecDeque<Entry>,
    revision: Revision,
    opened: Instant,
    /// When it was looked through last.
    looked: Option<Instant>,
    /// Whether it could be listed since it was opened.
    listed: bool,
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
            taken: HashMap::new(),
            odd: BTreeSet::new(),
            unlisted: BTreeSet::new(),
            queue: VecDeque::new(),
            revision: 0,
            opened: Instant::now(),
            looked: None,
            listed: false,
            caught_up: false,
        })
    }

    /// Looks the folder through. While it cannot be listed, it keeps its models.
    fn scan(&mut self, now: Instant) {
        let listing = Listing::of(&self.folder);
        for (path, reason) in &listing.odd {
            self.complain(path, "not a model of this stream", reason);
        }
        self.tell_unlisted(&listing);
        if listing.unlisted.contains_key(&self.folder.path) {
            return;
        }
        self.listed = true;
        for (path, (name, mark)) in &listing.found {
            let file = self.files.entry(path.clone()).or_insert_with(|| File::new(name.clone(), *mark, now, SystemTime::now()));
            file.look(*mark, now);
        }
        let missing = self.files.iter_mut().filter(|(path, _)| !listing.found.contains_key(*path) && !listing.hides(path));
        missing.for_each(|(_, file)| file.miss(now));
        // In this order: a file that was moved holds its model in its new place before the old one is forgotten.
        self.read_settled(&listing, now);
        self.retire(now);
    }

    fn read_settled(&mut self, listing: &Listing, now: Instant) {
        let settled = self.files.iter().filter(|(path, file)| listing.found.contains_key(*path) && file.is_settled(now, SETTLED));
        let mut settled: Vec<(Mark, PathBuf)> = settled.map(|(path, file)| (file.mark(), path.clone())).collect();
        settled.sort_by(|a, b| (a.0.modified, &a.1).cmp(&(b.0.modified, &b.1)));
        settled.into_iter().for_each(|(_, path)| self.read(&path));
    }

    /// Forgets files that have gone. A model goes with the last file that holds it, and not while one of its name is on its way.
    fn retire(&mut self, now: Instant) {
        let coming = self.files.values().filter(|file| file.is_there() && !file.is_read());
        let coming: BTreeSet<_> = coming.map(File::names).collect();
        let mut gone = BTreeSet::new();
        self.files.retain(|_, file| {
            let goes = file.is_gone(now, SETTLED) && !coming.contains(&file.names());
            if goes {
                gone.extend(file.take_ids());
            }
            !goes
        });
        for id in gone {
            if !self.files.values().any(|file| file.holds(&id)) {
                self.queue.push_back(entry(&mut self.revision, &id, None));
            }
        }
    }

    /// Says once that a folder cannot be listed, and once that it can again.
    fn tell_unlisted(&mut self, listing: &Listing) {
        for (folder, reason) in &listing.unlisted {
            if self.unlisted.insert(folder.clone()) {
                tracing::warn!(folder = %folder.display(), %reason, "this folder cannot be listed; its models stay");
            }
        }
        self.unlisted.retain(|folder| {
            let still = listing.unlisted.contains_key(folder);
            if !still {
                tracing::warn!(folder = %folder.display(), "this folder can be listed again");
            }
            still
        });
    }

    fn complain(&mut self, path: &Path, what: &str, reason: &str) {
        if self.odd.insert(path.to_path_buf()) {
            tracing::warn!(file = %path.display(), reason, "{what}");
        }
    }

    fn read(&mut self, path: &Path) {
        let Some(file) = self.files.get_mut(path) else { return };
        let data = match fs::read(path) {
            Ok(data) => data,
            Err(reason) => {
                file.unreadable();
                return tracing::warn!(file = %path.display(), %reason, "the model cannot be read");
            }
        };
        let digest = Digest::of(&data);
        if !file.is_news(digest) {
            return;
        }
        let kind = file.kind();
        let plain = file.id(digest);
        let id = self.free(&plain, digest);
        self.find_double(path, &plain, &id);
        if let Some(file) = self.files.get_mut(path) {
            file.announced(id.version.clone());
        }
        self.taken.insert(id.clone(), digest);
        let descriptor = ModelDescriptor {
            name: id.name.clone(),
            description: path.display().to_string(),
            data_type: id.data_type.clone(),
            model_type: kind as i32,
            version: Some(id.version.clone()),
            payload: Some(Payload::Data(data)),
            ..ModelDescriptor::default()
        };
        self.queue.push_back(entry(&mut self.revision, &id, Some(descriptor.encode_to_vec())));
    }

    /// The name these contents are announced under. A version that was announced with others gets a number behind it, and so do
    /// contents that come back after others, as they have to answer again.
    fn free(&self, plain: &ModelId, digest: Digest) -> ModelId {
        let is_free = |id: &ModelId| {
            self.taken.get(id).is_none_or(|known| *known == digest) && !self.files.values().any(|file| file.was(id))
        };
        let (mut id, mut times) = (plain.clone(), 1);
        while !is_free(&id) {
            times += 1;
            id.version = format!("{}-{times}", plain.version);
        }
        id
    }

    /// Complains when another file that is there says that it is the same model.
    fn find_double(&mut self, path: &Path, plain: &ModelId, id: &ModelId) {
        let is_double = |(other, file): &(&PathBuf, &File)| {
            other.as_path() != path && file.is_there() && file.current().as_ref() == Some(plain)
        };
        let Some(other) = self.files.iter().find(is_double).map(|(other, _)| other.display().to_string()) else { return };
        let counts = if id == plain { "they count once".to_owned() } else { format!("this one counts as `{id}`") };
        let reason = format!("{other} is `{plain}`, too, and {counts}; give it a name or version of its own, or remove one");
        self.complain(path, "two files are the same model", &reason);
    }

    /// Whether all that was there at the start has been read.
    fn has_read_all(&self, now: Instant) -> bool {
        self.listed && (now - self.opened > START_MAX || self.files.values().all(File::is_read))
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
        let rests = self.looked.map_or(Duration::ZERO, |at| (at + SCAN_EVERY).saturating_duration_since(now));
        if !rests.is_zero() {
            std::thread::park_timeout(rests.min(wait));
            return Ok(None);
        }
        self.looked = Some(now);
        self.scan(now);
        Ok(self.queue.pop_front().map(Announcement::Entry))
    }
}
