//! Rows a model fell over. A batch whose call ended in a fault is not asked about again as a whole: its rows are suspects and
//! have a call each, so that the poison among them is found. They are remembered by position, through holds and aborts, until
//! they are committed or another version answers.

use std::collections::BTreeMap;

use super::witness::Evidence;
use crate::backend::Fault;
use crate::stream::{Offsets, Partition};
use crate::types::Revision;

/// What is known of a row.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Suspicion {
    /// It was in a call that failed, and was alone in so many that did not end.
    Suspect { late: u8 },
    /// The call failed by it.
    Guilty(Fault),
}

/// How often a row may be alone in a call that does not end before that is held against it: the machine may have been busy.
const LATE_MAX: u8 = 2;

#[derive(Debug)]
pub(super) struct Suspects {
    types: Vec<OfType>,
    rows_max: usize,
    strikes_max: u32,
}

#[derive(Debug, Default)]
struct OfType {
    /// Of which version it is known.
    revision: Revision,
    rows: BTreeMap<(Partition, i64), Suspicion>,
    strikes: u32,
    evidence: Evidence,
}

impl Suspects {
    /// `batch_max` bounds what is remembered: a few batches for each data type.
    pub(super) fn new(data_types: usize, batch_max: usize, strikes_max: u32) -> Self {
        let types = (0..data_types).map(|_| OfType::default()).collect();
        Self { types, rows_max: 4 * batch_max, strikes_max }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.types.iter().all(|of_type| of_type.rows.is_empty())
    }

    pub(super) fn knows(&self, data_type: u16, partition: Partition, offset: i64) -> bool {
        self.get(data_type, partition, offset).is_some()
    }

    pub(super) fn get(&self, data_type: u16, partition: Partition, offset: i64) -> Option<&Suspicion> {
        let rows = &self.types[data_type as usize].rows;
        if rows.is_empty() { None } else { rows.get(&(partition, offset)) }
    }

    /// What is known of another version does not count for this one.
    pub(super) fn under(&mut self, data_type: u16, revision: Revision) {
        let of_type = &mut self.types[data_type as usize];
        if of_type.revision != revision {
            *of_type = OfType { revision, ..OfType::default() };
        }
    }

    /// A row was in a call that failed.
    pub(super) fn suspect(&mut self, data_type: u16, partition: Partition, offset: i64) {
        self.types[data_type as usize].rows.entry((partition, offset)).or_insert(Suspicion::Suspect { late: 0 });
    }

    /// A row was alone in a call that failed. Whether that is held against it.
    pub(super) fn alone(&mut self, data_type: u16, partition: Partition, offset: i64, fault: &Fault) -> bool {
        let row = self.types[data_type as usize].rows.entry((partition, offset)).or_insert(Suspicion::Suspect { late: 0 });
        if let (Fault::Late, Suspicion::Suspect { late }) = (fault, &mut *row) {
            *late += 1;
            if *late < LATE_MAX {
                return false;
            }
        }
        *row = Suspicion::Guilty(fault.clone());
        true
    }

    /// A row was alone in a call that went well.
    pub(super) fn clear(&mut self, data_type: u16, partition: Partition, offset: i64) {
        self.types[data_type as usize].rows.remove(&(partition, offset));
    }

    /// Rows that have still to be told apart.
    pub(super) fn undecided(&self, data_type: u16) -> u64 {
        let rows = self.types[data_type as usize].rows.values();
        rows.filter(|suspicion| matches!(suspicion, Suspicion::Suspect { .. })).count() as u64
    }

    /// What speaks against the version itself.
    pub(super) fn evidence(&mut self, data_type: u16) -> &mut Evidence {
        &mut self.types[data_type as usize].evidence
    }

    /// Counts a fault of a version; whether there were too many.
    pub(super) fn strike(&mut self, data_type: u16, fault: &Fault) -> bool {
        let of_type = &mut self.types[data_type as usize];
        // To refuse a call is the model's right.
        of_type.strikes += u32::from(!matches!(fault, Fault::Refused(_)));
        of_type.strikes > self.strikes_max || of_type.rows.len() > self.rows_max
    }

    /// These offsets are committed: nothing before them comes again.
    pub(super) fn committed(&mut self, next: &Offsets) {
        for of_type in &mut self.types {
            if !of_type.rows.is_empty() {
                of_type.rows.retain(|(partition, offset), _| next.get(*partition).is_none_or(|next| *offset >= next));
            }
            // A trickle of poison, each drop of it found and committed, says nothing against the version.
            if of_type.rows.is_empty() {
                of_type.strikes = 0;
            }
        }
    }

    /// These partitions are somebody else's.
    pub(super) fn remove(&mut self, partitions: &[Partition]) {
        for of_type in &mut self.types {
            of_type.rows.retain(|(partition, _), _| !partitions.contains(partition));
        }
    }
}
