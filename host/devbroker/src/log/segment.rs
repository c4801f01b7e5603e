//! A piece of a partition's log: batches in a row, in memory or in one file. Which batch lies where is always in memory.
//!
//! A file is written before its batch is acknowledged, so it survives the end of this process, kill -9 included; whether it survives
//! the end of the machine is up to `Sync`.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use super::batch::{Batch, HEADER, Header};
use crate::durable;

/// When what was written is pushed to the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sync {
    /// When the system likes to: survives the end of the process, not that of the machine. Apache Kafka does the same by default.
    #[default]
    Never,
    /// Before it is acknowledged.
    Always,
}

/// Where segments lie.
#[derive(Debug, Clone)]
pub(crate) enum Place {
    Memory,
    Folder(PathBuf, Sync),
}

#[derive(Debug, Clone)]
pub(crate) struct Segment {
    /// Offset it begins with, whether or not there is a record at it.
    pub(crate) base: i64,
    /// When it was begun, milliseconds since 1970.
    pub(crate) begun: i64,
    pub(crate) bytes: u64,
    pub(crate) entries: Vec<Entry>,
    store: Store,
}

/// Where a batch lies in its segment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry {
    pub(crate) base: i64,
    pub(crate) last: i64,
    /// Milliseconds since 1970.
    pub(crate) max_timestamp: i64,
    at: u64,
    size: u32,
}

#[derive(Debug, Clone)]
enum Store {
    /// One for each entry.
    Memory(Vec<Bytes>),
    File(Arc<File>, PathBuf, Sync),
}

impl Segment {
    pub(crate) fn create(base: i64, place: &Place, now: i64) -> io::Result<Self> {
        let store = match place {
            Place::Memory => Store::Memory(Vec::new()),
            Place::Folder(folder, sync) => {
                let path = folder.join(format!("{base:020}.log"));
                let file = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(&path)?;
                durable::name(&path, *sync)?;
                Store::File(Arc::new(file), path, *sync)
            }
        };
        Ok(Self { base, begun: now, bytes: 0, entries: Vec::new(), store })
    }

    /// Reads a file back; what is behind the last whole batch is cut off, as it was never acknowledged. Shows every batch to `seen`.
    pub(crate) fn open(path: &Path, sync: Sync, now: i64, mut seen: impl FnMut(&Batch)) -> io::Result<Self> {
        let name = path.file_stem().and_then(|name| name.to_str()).and_then(|name| name.parse().ok());
        let base = name.ok_or_else(|| io::Error::other(format!("{} is not named by an offset", path.display())))?;
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        let length = file.metadata()?.len();
        let mut segment = Self {
            base,
            begun: now,
            bytes: 0,
            entries: Vec::new(),
            store: Store::File(Arc::new(file), path.to_path_buf(), sync),
        };
        while let Some(batch) = segment.batch_at(segment.bytes, length)? {
            segment.note(&batch.header);
            seen(&batch);
        }
        if segment.bytes < length {
            tracing::warn!(file = %path.display(), bytes = length - segment.bytes, "cut off what was not wholly written");
            segment.cut()?;
        }
        Ok(segment)
    }

    fn batch_at(&self, at: u64, length: u64) -> io::Result<Option<Batch>> {
        let Store::File(file, ..) = &self.store else { return Ok(None) };
        if at + HEADER as u64 > length {
            return Ok(None);
        }
        let mut head = [0; HEADER];
        file.read_exact_at(&mut head, at)?;
        let Ok(header) = Header::read(&head) else { return Ok(None) };
        if at + header.size as u64 > length {
            return Ok(None);
        }
        let mut bytes = BytesMut::zeroed(header.size);
        file.read_exact_at(&mut bytes, at)?;
        Ok(Batch::parse(bytes.freeze()).ok())
    }

    pub(crate) fn append(&mut self, batch: &Batch) -> io::Result<()> {
        match &mut self.store {
            Store::Memory(batches) => batches.push(batch.bytes.clone()),
            Store::File(file, _, sync) => {
                let written = file.write_all_at(&batch.bytes, self.bytes).and_then(|()| match sync {
                    Sync::Never => Ok(()),
                    Sync::Always => file.sync_data(),
                });
                if let Err(error) = written {
                    self.cut()?;
                    return Err(error);
                }
            }
        }
        self.note(&batch.header);
        Ok(())
    }

    fn note(&mut self, header: &Header) {
        let (base, last, size) = (header.base, header.last(), header.size as u32);
        self.entries.push(Entry { base, last, max_timestamp: header.max_timestamp, at: self.bytes, size });
        self.bytes += u64::from(size);
    }

    fn cut(&self) -> io::Result<()> {
        match &self.store {
            Store::Memory(_) => Ok(()),
            Store::File(file, ..) => file.set_len(self.bytes),
        }
    }

    /// How far the batches from entry `from` on go that begin before offset `to`, and their bytes: as many as `max` allows, and with
    /// `whole` one at least.
    pub(crate) fn until(&self, from: usize, to: i64, max: usize, whole: bool) -> (usize, usize) {
        let (mut until, mut size) = (from, 0);
        while let Some(entry) = self.entries.get(until)
            && entry.base < to
            && (size + entry.size as usize <= max || whole && until == from)
        {
            size += entry.size as usize;
            until += 1;
        }
        (until, size)
    }

    /// The batches of these entries, one after the other.
    pub(crate) fn read(&self, entries: Range<usize>) -> io::Result<Bytes> {
        let Some(of) = self.entries.get(entries.clone()) else { return Ok(Bytes::new()) };
        let size = of.iter().map(|entry| entry.size as usize).sum();
        match &self.store {
            Store::Memory(batches) => Ok(match batches.get(entries) {
                None | Some([]) => Bytes::new(),
                Some([one]) => one.clone(),
                Some(several) => {
                    let mut together = BytesMut::with_capacity(size);
                    several.iter().for_each(|batch| together.extend_from_slice(batch));
                    together.freeze()
                }
            }),
            Store::File(file, ..) => {
                let mut together = BytesMut::zeroed(size);
                if let Some(entry) = of.first() {
                    file.read_exact_at(&mut together, entry.at)?;
                }
                Ok(together.freeze())
            }
        }
    }

    /// The batch of an entry.
    pub(crate) fn batch(&self, index: usize) -> io::Result<Batch> {
        let bytes = self.read(index..index + 1)?;
        Batch::parse(bytes).map_err(|error| io::Error::other(format!("{}: {error}", self.describe())))
    }

    /// The same segment with other batches. Its file is written beside this one's, and takes its place with `settle`.
    pub(crate) fn rewritten(&self, batches: &[Batch]) -> io::Result<Self> {
        let store = match &self.store {
            Store::Memory(_) => Store::Memory(Vec::new()),
            Store::File(_, path, _) => {
                let file = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(beside(path))?;
                // It is pushed to the disk once, as a whole.
                Store::File(Arc::new(file), path.clone(), Sync::Never)
            }
        };
        let mut fresh = Self { base: self.base, begun: self.begun, bytes: 0, entries: Vec::new(), store };
        for batch in batches {
            fresh.append(batch)?;
        }
        if let (Store::File(file, ..), Store::File(.., sync)) = (&fresh.store, &self.store) {
            file.sync_data()?;
            let sync = *sync;
            if let Store::File(.., of) = &mut fresh.store {
                *of = sync;
            }
        }
        Ok(fresh)
    }

    /// Gives a rewritten segment's file the place of the one it was written beside.
    pub(crate) fn settle(&self) -> io::Result<()> {
        let Store::File(_, path, sync) = &self.store else { return Ok(()) };
        fs::rename(beside(path), path)?;
        durable::name(path, *sync)
    }

    /// Takes away the file of a rewritten segment that has no place any more.
    pub(crate) fn discard(&self) {
        if let Store::File(_, path, _) = &self.store
            && let Err(error) = fs::remove_file(beside(path))
        {
            tracing::debug!(%error, file = %path.display(), "nothing to take away beside a segment");
        }
    }

    pub(crate) fn remove(&self) -> io::Result<()> {
        match &self.store {
            Store::Memory(_) => Ok(()),
            Store::File(_, path, _) => fs::remove_file(path),
        }
    }

    pub(crate) fn max_timestamp(&self) -> i64 {
        self.entries.iter().map(|entry| entry.max_timestamp).max().unwrap_or(-1)
    }

    /// The time that retention counts from: where no record has one, the segment's own.
    pub(crate) fn aged(&self) -> i64 {
        match self.max_timestamp() {
            time if time < 0 => self.begun,
            time => time,
        }
    }

    pub(crate) fn last(&self) -> Option<i64> {
        self.entries.last().map(|entry| entry.last)
    }

    fn describe(&self) -> String {
        match &self.store {
            Store::Memory(_) => format!("segment {} in memory", self.base),
            Store::File(_, path, _) => path.display().to_string(),
        }
    }
}

fn beside(path: &Path) -> PathBuf {
    path.with_extension("cleaned")
}
