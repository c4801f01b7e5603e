//! The records in hand and what becomes of them.

use std::ops::Range;

use super::letter::Letter;
use super::positions::Positions;
use crate::stream::Partition;
use crate::types::Batch;

/// What becomes of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// Not known yet; at delivery it means that the partition was cut before this row.
    Open,
    /// A result: its bytes in `Hand::results`, and which of the slice's versions gave it.
    Result { start: usize, length: u32, version: u16 },
    /// A dead letter: index into `Hand::letters`.
    Dead(u32),
    /// It waits for a model, and everything behind it in its partition waits too.
    Held,
}

/// The place of a row whose partition is not ours any more or will come again.
pub(super) const GONE: u32 = u32::MAX;

/// A batch, worked on slice by slice: a slice is what is scored and delivered in one step.
#[derive(Debug)]
pub(super) struct Hand {
    pub(super) batch: Batch,
    /// Data type of each record; `None` is one that is not declared or cannot be told.
    pub(super) types: Vec<Option<u16>>,
    /// Index of each record's partition in `Positions`, or [`GONE`].
    pub(super) places: Vec<u32>,
    /// The slice, as indices of records.
    pub(super) slice: Range<usize>,
    /// Fates of the slice's rows.
    pub(super) fates: Vec<Fate>,
    /// Encoded results of the slice.
    pub(super) results: Vec<u8>,
    /// Dead letters of the slice.
    pub(super) letters: Vec<Letter>,
}

impl Hand {
    pub(super) fn new(records_max: usize, bytes_max: usize) -> Self {
        Self {
            batch: Batch::new(records_max, bytes_max),
            types: Vec::with_capacity(records_max),
            places: Vec::with_capacity(records_max),
            slice: 0..0,
            fates: Vec::with_capacity(records_max),
            results: Vec::new(),
            letters: Vec::new(),
        }
    }

    /// Lets go of everything.
    pub(super) fn clear(&mut self) {
        self.batch.clear();
        self.types.clear();
        self.places.clear();
        self.slice = 0..0;
        self.forget_fates();
    }

    fn forget_fates(&mut self) {
        self.fates.clear();
        self.results.clear();
        self.letters.clear();
    }

    /// Whether no record is left to be worked on.
    pub(super) fn is_done(&self) -> bool {
        self.slice.end >= self.batch.len()
    }

    /// Begins the slice that ends before record `end`; it starts where the last one ended.
    pub(super) fn begin(&mut self, end: usize) {
        self.forget_fates();
        self.slice = self.slice.end..end;
        self.fates.resize(self.slice.len(), Fate::Open);
        // One unusually large batch does not keep its memory for ever.
        self.results.shrink_to(4 << 20);
    }

    /// The slice is to be worked on once more: nothing of it was produced.
    pub(super) fn again(&mut self) {
        self.slice = self.slice.start..self.slice.start;
    }

    pub(super) fn set(&mut self, record: usize, fate: Fate) {
        self.fates[record - self.slice.start] = fate;
    }

    pub(super) fn kill(&mut self, record: usize, letter: Letter) {
        let index = self.letters.len() as u32;
        self.letters.push(letter);
        self.set(record, Fate::Dead(index));
    }

    pub(super) fn partition(&self, record: usize) -> Partition {
        let record = &self.batch.records()[record];
        Partition { topic: record.topic, number: record.partition }
    }

    /// Finds the places of the records from `from` on. Neighbours are mostly of one partition, so the last answer is tried first.
    pub(super) fn locate(&mut self, from: usize, positions: &Positions) {
        let mut last: Option<(Partition, u32)> = None;
        for record in from..self.batch.len() {
            let partition = self.partition(record);
            let place = match last {
                Some((known, place)) if known == partition => place,
                _ => positions.place(partition).unwrap_or(GONE),
            };
            last = Some((partition, place));
            match self.places.get_mut(record) {
                Some(known) if *known == GONE => {}
                Some(known) => *known = place,
                None => self.places.push(place),
            }
        }
    }

    /// Drops the records from `from` on whose place is given.
    pub(super) fn drop_place(&mut self, from: usize, place: u32) {
        for known in &mut self.places[from..] {
            if *known == place {
                *known = GONE;
            }
        }
    }
}
