//! The seam to Kafka. A *link* is one lane's consumer and producer, joined because one transaction spans both; a *feed* is the
//! control log; *chunks* are payloads too large for it. Three implementations: `kafka`; `memory`, which is deterministic and can be told to fail; and `pipe`, between
//! files.

pub mod kafka;
pub mod memory;
pub mod pipe;

use std::time::{Duration, Instant};

use crate::types::{Batch, Revision};

/// A partition of one of the stream's input topics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Partition {
    /// Index into the stream's input topics.
    pub topic: u16,
    /// Number of the partition.
    pub number: i32,
}

/// What is promised about results.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Delivery {
    /// Results and offsets are committed in one transaction.
    #[default]
    ExactlyOnce,
    /// Offsets are committed when the results before them are known to be there; after a failure some come twice.
    AtLeastOnce,
}

/// The next offset to read, by partition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Offsets(Vec<(Partition, i64)>);

impl Offsets {
    /// Sets the offset of a partition.
    pub fn set(&mut self, partition: Partition, offset: i64) {
        match self.0.binary_search_by_key(&partition, |entry| entry.0) {
            Ok(at) => self.0[at].1 = offset,
            Err(at) => self.0.insert(at, (partition, offset)),
        }
    }

    /// Offset of a partition.
    #[must_use]
    pub fn get(&self, partition: Partition) -> Option<i64> {
        self.0.binary_search_by_key(&partition, |entry| entry.0).ok().map(|at| self.0[at].1)
    }

    /// Forgets a partition.
    pub fn remove(&mut self, partition: Partition) {
        self.0.retain(|entry| entry.0 != partition);
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Whether there is no partition.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All, in the order of the partitions.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (Partition, i64)> + '_ {
        self.0.iter().copied()
    }
}

/// What `fill` came back with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Records were added to the batch, possibly none.
    Filled,
    /// These partitions are the lane's from now on; `fill` delivers their records from their committed offsets. None of them is
    /// paused, whatever was held before.
    Assigned(Vec<Partition>),
    /// These partitions are wanted back: finish what is in hand, commit, then `release`. Other partitions go on.
    Revoking(Vec<Partition>),
    /// These partitions are another member's already: forget them, `abort`, then `release`. Nothing of theirs can be committed.
    Lost(Vec<Partition>),
}

/// What is to be done about a failure of a link.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// The transaction cannot be committed: `abort`, which rewinds, and go on.
    #[error("the transaction must be aborted: {0}")]
    Abort(String),
    /// The outcome is unknown or the client is beyond use: `reopen`, and go on from the committed offsets.
    #[error("the connection must be opened again: {0}")]
    Reopen(String),
    /// Nothing the host can do helps: the stream stops and says so.
    #[error("{0}")]
    Fatal(String),
    /// Another host runs under this one's name: the whole host ends, as its other streams will meet the same one.
    #[error("{0}")]
    Namesake(String),
}

/// Where an outgoing record goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sink {
    /// The output topic of the input topic with this index.
    Output(u16),
    /// Its dead-letter topic.
    DeadLetters(u16),
    /// The activations topic.
    Activations,
}

/// Headers of an outgoing record: those of the record it came from, then more.
#[derive(Debug, Clone, Copy, Default)]
pub struct Headers<'a> {
    /// A record of a batch whose headers are kept.
    pub kept: Option<(&'a Batch, usize)>,
    /// Headers added to them.
    pub added: &'a [(&'a str, &'a [u8])],
}

impl<'a> Headers<'a> {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.kept.map_or(0, |(batch, at)| batch.headers(&batch.records()[at]).len()) + self.added.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Calls `each` for every header, in order.
    pub fn for_each(&self, mut each: impl FnMut(&'a [u8], Option<&'a [u8]>)) {
        if let Some((batch, at)) = self.kept {
            batch.headers(&batch.records()[at]).for_each(|(name, value)| each(name, value));
        }
        for (name, value) in self.added {
            each(name.as_bytes(), Some(value));
        }
    }
}

/// A record to be produced; its bytes are copied before `send` returns.
#[derive(Debug, Clone, Copy)]
pub struct Outgoing<'a> {
    /// Topic.
    pub sink: Sink,
    /// Partition; `None` is murmur2 of the key, as Java's clients do it.
    pub partition: Option<i32>,
    /// Key.
    pub key: Option<&'a [u8]>,
    /// Value; `None` is a tombstone.
    pub value: Option<&'a [u8]>,
    /// Milliseconds since the epoch; -1 is now.
    pub timestamp: i64,
    /// Headers.
    pub headers: Headers<'a>,
}

/// One lane's consumer and producer. All calls come from one thread.
pub trait Link: Send {
    /// Adds queued records to `batch` until it is full or nothing is queued, waiting for the first at most until `until`.
    /// A rebalance is reported by itself, never on a batch that was just filled.
    ///
    /// # Errors
    /// See [`LinkError`]; so for all.
    fn fill(&mut self, batch: &mut Batch, until: Instant) -> Result<Event, LinkError>;

    /// Serves the connection without taking records, for a lane that still has some in hand. `None`: nothing happened.
    fn events(&mut self) -> Result<Option<Event>, LinkError>;

    /// Queues a record, and begins a transaction if none is open. Waits where the queue is full.
    fn send(&mut self, out: Outgoing<'_>) -> Result<(), LinkError>;

    /// Commits what was sent and the offsets `next`; returns when it is certain.
    fn commit(&mut self, next: &Offsets) -> Result<(), LinkError>;

    /// Drops what was sent since the last commit and rewinds every assigned partition to its committed position, records that
    /// were fetched and not committed included. At least once: only rewinds.
    fn abort(&mut self) -> Result<(), LinkError>;

    /// New clients under the same identity; the committed offsets are read again. Partitions come back with `Assigned`.
    fn reopen(&mut self) -> Result<(), LinkError>;

    /// Answers the `Revoking` or `Lost` that was reported last.
    fn release(&mut self) -> Result<(), LinkError>;

    /// Seeks these partitions back to these offsets and pauses them. Polling goes on; others flow.
    fn hold(&mut self, from: &Offsets) -> Result<(), LinkError>;

    /// Lets all held partitions flow again.
    fn resume(&mut self) -> Result<(), LinkError>;

    /// Number of partitions of a sink's topic, known from the start.
    fn partitions(&self, sink: Sink) -> i32;
}

/// What the control log says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Announcement {
    /// A record.
    Entry(Entry),
    /// Everything that was there when the feed was opened has been delivered. Comes once.
    CaughtUp,
}

/// A record of the control log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its offset.
    pub revision: Revision,
    /// Milliseconds since the epoch.
    pub timestamp: i64,
    /// Key; a tutorial's descriptor has none.
    pub key: Option<Vec<u8>>,
    /// Value; `None` is a retirement.
    pub value: Option<Vec<u8>>,
    /// Value of the header `sandstream-expects`, as it came.
    pub expects: Option<Vec<u8>>,
}

/// The control log, from its beginning, in order, for ever.
pub trait Feed: Send {
    /// The next announcement, waiting at most `wait`. `None`: nothing came.
    ///
    /// # Errors
    /// `Reopen` and `Abort` mean: call again; `Fatal` that the log cannot be read (more than one partition, no permission).
    fn next(&mut self, wait: Duration) -> Result<Option<Announcement>, LinkError>;
}

/// A record of the chunks topic: its key, and where it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChunkAt {
    /// Its key, which no other chunk has.
    pub key: String,
    /// Its partition.
    pub partition: i32,
    /// Its offset. A copy that was written later has replaced it there or will do so.
    pub offset: i64,
}

/// What a fetch of chunks comes across.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fetched<'a> {
    /// The chunk of this number among those that were asked for.
    Chunk(usize, &'a [u8]),
    /// Nothing yet.
    Nothing,
}

/// Why chunks do not come.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChunksError {
    /// Nothing has its key from its offset on.
    #[error("it is not there: topic `{topic}` has nothing of that key from there on")]
    Missing {
        /// Number of the chunk among those that were asked for.
        number: usize,
        /// The topic.
        topic: String,
    },
    /// Whoever asked does not want them any more.
    #[error("nobody waits for them any more")]
    Unwanted,
    /// They cannot be read at all.
    #[error("{0}")]
    Unreadable(String),
}

/// Payloads that are too large for a record of the control log, in pieces beside it.
pub trait Chunks: Send + Sync {
    /// Hands over the values of these records, each once, in the order in which they are read; an empty one where the record has
    /// none. Nothing else is kept, and between records `take` is told that nothing came. It ends early when `take` returns false.
    ///
    /// # Errors
    /// See [`ChunksError`]. Waits are bounded.
    fn fetch(&self, wanted: &[ChunkAt], take: &mut dyn FnMut(Fetched<'_>) -> bool) -> Result<(), ChunksError>;
}

/// Where state is published for others to see: the status topic. Later values of a key replace earlier ones.
pub trait Notices: Send {
    /// Publishes without waiting; what cannot be delivered is dropped and counted, as the next one tells more.
    fn put(&mut self, key: &str, value: &[u8]);
}
