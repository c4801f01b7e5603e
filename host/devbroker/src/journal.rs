//! What a broker knows besides records: topics, committed offsets, transactions. Each thing has a name, and the journal is a list of
//! what became of which, one JSON line each; the last line about a thing is how it is. With a folder it survives the process.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::config::Values;
use crate::durable;
use crate::log::segment::Sync;

/// Rewritten when it is larger than this and mostly outdated.
const REWRITE: u64 = 4 << 20;

/// How a thing is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Fact {
    /// Written once.
    Cluster {
        id: String,
    },
    /// Numbers below this one were given to producers.
    Producers {
        next: i64,
    },
    Topic {
        name: String,
        id: Uuid,
        starts: Vec<i64>,
        config: Values,
    },
    NoTopic {
        name: String,
    },
    Offsets {
        group: String,
        offsets: Vec<OffsetFact>,
    },
    NoGroup {
        group: String,
    },
    Transaction(TransactionFact),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OffsetFact {
    pub(crate) topic: String,
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    pub(crate) leader_epoch: i32,
    pub(crate) metadata: String,
}

impl OffsetFact {
    /// What a client commits: `at` is the partition, the offset and the leader's epoch.
    pub(crate) fn new(topic: &str, at: (i32, i64, i32), metadata: Option<&str>) -> Self {
        let (partition, offset, leader_epoch) = at;
        Self { topic: topic.to_owned(), partition, offset, leader_epoch, metadata: metadata.unwrap_or_default().to_owned() }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TransactionFact {
    pub(crate) transactional_id: String,
    pub(crate) producer: i64,
    pub(crate) epoch: i16,
    /// Absent in journals of before it was kept.
    #[serde(default)]
    pub(crate) before: Option<(i64, i16)>,
    pub(crate) timeout_ms: i32,
    pub(crate) state: TransactionState,
    pub(crate) partitions: Vec<(String, i32)>,
    pub(crate) groups: Vec<(String, Vec<OffsetFact>)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TransactionState {
    Empty,
    Ongoing,
    /// Decided; markers and offsets may not all be written.
    PrepareCommit,
    PrepareAbort,
    CompleteCommit,
    CompleteAbort,
}

impl Fact {
    /// Facts about the same thing have the same name.
    fn thing(&self) -> (u8, &str) {
        match self {
            Self::Cluster { .. } => (0, ""),
            Self::Producers { .. } => (1, ""),
            Self::Topic { name, .. } | Self::NoTopic { name } => (2, name),
            Self::Offsets { group, .. } | Self::NoGroup { group } => (3, group),
            Self::Transaction(fact) => (4, &fact.transactional_id),
        }
    }

    /// Whether it only says that there is nothing.
    fn is_gone(&self) -> bool {
        matches!(self, Self::NoTopic { .. } | Self::NoGroup { .. })
    }
}

/// Where facts are written to.
#[derive(Debug)]
pub(crate) enum Journal {
    Memory,
    File { file: File, path: PathBuf, sync: Sync, bytes: u64, bytes_then: u64 },
}

impl Journal {
    /// Reads a journal back. A last line that is not whole was never acknowledged and is cut off.
    pub(crate) fn open(folder: &Path, sync: Sync) -> io::Result<(Self, Vec<Fact>)> {
        let path = folder.join("journal.jsonl");
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error),
        };
        let whole = text.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
        let mut latest: BTreeMap<(u8, String), Fact> = BTreeMap::new();
        for (number, line) in text[..whole].split(|&byte| byte == b'\n').enumerate().filter(|(_, line)| !line.is_empty()) {
            let fact: Fact = serde_json::from_slice(line).map_err(|error| {
                io::Error::other(format!("{}, line {}: {error}; delete the folder to begin anew", path.display(), number + 1))
            })?;
            let (kind, name) = fact.thing();
            latest.insert((kind, name.to_owned()), fact);
        }
        let facts: Vec<Fact> = latest.into_values().filter(|fact| !fact.is_gone()).collect();
        let mut journal =
            Self::File { file: OpenOptions::new().append(true).create(true).open(&path)?, path, sync, bytes: 0, bytes_then: 0 };
        journal.rewrite(&facts)?;
        Ok((journal, facts))
    }

    pub(crate) fn put(&mut self, fact: &Fact) -> io::Result<()> {
        let Self::File { file, sync, bytes, .. } = self else { return Ok(()) };
        let line = line(fact)?;
        // A line that could not be written wholly must not stand in front of the next one.
        if let Err(error) = file.write_all(&line) {
            file.set_len(*bytes)?;
            return Err(error);
        }
        *bytes += line.len() as u64;
        if *sync == Sync::Always {
            file.sync_data()?;
        }
        Ok(())
    }

    /// Whether most of it is outdated.
    pub(crate) fn is_long(&self) -> bool {
        match self {
            Self::Memory => false,
            Self::File { bytes, bytes_then, .. } => *bytes > REWRITE && *bytes > 4 * bytes_then,
        }
    }

    /// Writes it anew with these facts alone.
    pub(crate) fn rewrite(&mut self, facts: &[Fact]) -> io::Result<()> {
        let Self::File { file, path, sync, bytes, bytes_then } = self else { return Ok(()) };
        let beside = path.with_extension("new");
        let mut fresh = Vec::new();
        for fact in facts {
            fresh.extend(line(fact)?);
        }
        match fs::remove_file(&beside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        // What is written to from now on is what is renamed: opening it anew could fail, and then nothing would be kept.
        let mut written = OpenOptions::new().append(true).create_new(true).open(&beside)?;
        written.write_all(&fresh)?;
        written.sync_data()?;
        fs::rename(&beside, &*path)?;
        durable::name(path, *sync)?;
        *file = written;
        *bytes = fresh.len() as u64;
        *bytes_then = *bytes;
        Ok(())
    }
}

fn line(fact: &Fact) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(fact)?;
    line.push(b'\n');
    Ok(line)
}
