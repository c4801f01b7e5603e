//! How far the lane is in each of its partitions.

use crate::stream::{Offsets, Partition};

/// Which version of a data type was last written to the activations; 0 is none since the assignment.
pub(super) type Epoch = u32;

#[derive(Debug)]
pub(super) struct Position {
    pub(super) partition: Partition,
    /// Offset after the last delivered row, once there is one that is not committed.
    pub(super) next: Option<i64>,
    /// The row of the slice from which on its rows wait.
    pub(super) cut: Option<i64>,
    active: Box<[Epoch]>,
    active_committed: Box<[Epoch]>,
}

impl Position {
    /// Notes that `epoch` answers for a data type from now on; whether that is news.
    pub(super) fn activate(&mut self, data_type: u16, epoch: Epoch) -> bool {
        std::mem::replace(&mut self.active[data_type as usize], epoch) != epoch
    }
}

/// All partitions that are the lane's, ordered.
#[derive(Debug, Default)]
pub(super) struct Positions {
    all: Vec<Position>,
    data_types: usize,
}

impl Positions {
    pub(super) fn new(data_types: usize) -> Self {
        Self { all: Vec::new(), data_types }
    }

    /// They are ours from now on, whatever they were before.
    pub(super) fn assign(&mut self, partitions: &[Partition]) {
        self.remove(partitions);
        for partition in partitions {
            let none: Box<[Epoch]> = vec![0; self.data_types].into();
            let position =
                Position { partition: *partition, next: None, cut: None, active: none.clone(), active_committed: none };
            self.all.push(position);
        }
        self.all.sort_unstable_by_key(|position| position.partition);
    }

    pub(super) fn remove(&mut self, partitions: &[Partition]) {
        self.all.retain(|position| !partitions.contains(&position.partition));
    }

    pub(super) fn clear(&mut self) {
        self.all.clear();
    }

    pub(super) fn place(&self, partition: Partition) -> Option<u32> {
        self.all.binary_search_by_key(&partition, |position| position.partition).ok().map(|at| at as u32)
    }

    pub(super) fn at(&mut self, place: u32) -> &mut Position {
        &mut self.all[place as usize]
    }

    /// Forgets where the last slice was cut.
    pub(super) fn uncut(&mut self) {
        for position in &mut self.all {
            position.cut = None;
        }
    }

    /// Where partitions were cut.
    pub(super) fn cuts(&self) -> impl Iterator<Item = (u32, Partition, i64)> + '_ {
        let all = self.all.iter().enumerate();
        all.filter_map(|(place, position)| Some((place as u32, position.partition, position.cut?)))
    }

    /// Collects what is to be committed.
    pub(super) fn collect(&self, into: &mut Offsets) {
        into.clear();
        for position in &self.all {
            if let Some(next) = position.next {
                into.set(position.partition, next);
            }
        }
    }

    /// What was delivered is committed.
    pub(super) fn committed(&mut self) {
        for position in &mut self.all {
            position.next = None;
            position.active_committed.copy_from_slice(&position.active);
        }
    }

    /// What was delivered since the last commit is undone.
    pub(super) fn undo(&mut self) {
        for position in &mut self.all {
            position.next = None;
            position.cut = None;
            position.active.copy_from_slice(&position.active_committed);
        }
    }
}
