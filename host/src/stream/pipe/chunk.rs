//! Some records of a source, in one piece of memory.

use std::ops::Range;

/// Records as they were read, with what of the source they took up.
#[derive(Debug, Default)]
pub struct Chunk {
    bytes: Vec<u8>,
    records: Vec<Range<u32>>,
    /// How far the source has been read by this chunk: bytes, or rows where a file has rows.
    pub units: u64,
}

/// A chunk of more bytes takes no further record.
const BYTES: usize = 256 << 10;

impl Chunk {
    /// Takes over bytes of which these ranges are records. Ranges outside of the bytes are empty records.
    #[must_use]
    pub fn of(bytes: Vec<u8>, records: Vec<Range<u32>>, units: u64) -> Self {
        Self { bytes, records, units }
    }

    /// Adds what `write` appends as a record.
    pub fn add(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.bytes.len() as u32;
        write(&mut self.bytes);
        self.records.push(start..self.bytes.len() as u32);
    }

    /// Whether it has as much as is handed over at a time.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.bytes.len() >= BYTES
    }

    /// How many records it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// A record; empty where there is none of that number.
    #[must_use]
    pub fn record(&self, at: usize) -> &[u8] {
        self.records.get(at).and_then(|range| self.bytes.get(range.start as usize..range.end as usize)).unwrap_or_default()
    }
}
