//! What a lane has to know, checked already.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::codec::{Codec, Selector};

/// An input topic.
#[derive(Debug, Clone)]
pub struct Input {
    /// Its name.
    pub topic: String,
    /// Its partitions. A sink with as many keeps a record's partition; another one's is murmur2 of the key.
    pub partitions: i32,
}

/// A declared data type of the stream.
#[derive(Clone)]
pub struct DataType {
    /// Its name.
    pub name: String,
    /// Its format.
    pub codec: Arc<dyn Codec>,
}

impl fmt::Debug for DataType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DataType").field("name", &self.name).finish_non_exhaustive()
    }
}

/// How the data type of a record is found.
#[derive(Clone)]
pub enum TypeOf {
    /// All records are of this one, an index into the stream's data types.
    Constant(usize),
    /// The value of this header is its name; the last one counts.
    Header(String),
    /// The value of a field of the record is its name.
    Field(Selector),
}

impl fmt::Debug for TypeOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Constant(index) => write!(f, "Constant({index})"),
            Self::Header(name) => write!(f, "Header({name})"),
            Self::Field(_) => f.write_str("Field(..)"),
        }
    }
}

/// What becomes of records whose data type is declared and has no live model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnNoModel {
    /// They wait.
    Hold,
    /// They wait so long, counted from when the control log has been read to its end, and are dead letters then.
    DeadLetterAfter(Duration),
}

/// What a lane has to know.
#[derive(Debug, Clone)]
pub struct Config {
    /// Name of the stream.
    pub stream: String,
    /// Number of the lane, and of its seat in every version.
    pub lane: usize,
    /// Consumer group.
    pub group: String,
    /// Input topics, in the order of the indices in records and sinks.
    pub inputs: Vec<Input>,
    /// Data types, in the order of a snapshot's routes.
    pub types: Vec<DataType>,
    /// How a record's data type is found.
    pub type_of: TypeOf,
    /// The most records in hand.
    pub batch_max: usize,
    /// The most memory the lane's buffers take, bytes. A quarter holds the records; what is made of them is about as large.
    pub memory_max: usize,
    /// A transaction is committed when it is so old ..
    pub commit_every: Duration,
    /// .. or has so many records.
    pub commit_records: usize,
    /// After this the broker would end a transaction; it is committed long before.
    pub transaction_max: Duration,
    /// A step's calls of models end within this.
    pub step_max: Duration,
    /// How long a step waits for a record when there is none.
    pub poll_max: Duration,
    /// Held records are tried again after this, if nothing has changed before.
    pub hold_retry: Duration,
    /// Records of a declared data type without a live model.
    pub on_no_model: OnNoModel,
    /// Where more than this share of the records are dead letters, the stream waits until the models change or it is restarted.
    pub dead_letter_share_max: Option<f64>,
    /// The largest record a topic takes, bytes: a larger result is a dead letter, a larger dead letter an envelope.
    pub record_bytes_max: usize,
    /// Traps and calls without an end that one version may have on one lane while the rows of one failed batch are told apart;
    /// more quarantine it.
    pub strikes_max: u32,
}

impl Config {
    /// A configuration with the defaults of CONTRACTS for everything that has one.
    #[must_use]
    pub fn new(stream: &str, group: &str, inputs: Vec<Input>, types: Vec<DataType>, type_of: TypeOf) -> Self {
        Self {
            stream: stream.to_owned(),
            lane: 0,
            group: group.to_owned(),
            inputs,
            types,
            type_of,
            batch_max: 1024,
            memory_max: 512 << 20,
            commit_every: Duration::from_millis(100),
            commit_records: 50_000,
            transaction_max: Duration::from_secs(10),
            step_max: Duration::from_secs(1),
            poll_max: Duration::from_millis(100),
            hold_retry: Duration::from_millis(200),
            on_no_model: OnNoModel::Hold,
            dead_letter_share_max: None,
            record_bytes_max: 1_000_000,
            strikes_max: 64,
        }
    }

    /// How old a transaction becomes at most: it must not outlive its timeout while a step's calls are made.
    pub(super) fn commit_age(&self) -> Duration {
        let safe = (self.transaction_max / 2).saturating_sub(self.step_max);
        self.commit_every.min(safe)
    }
}
