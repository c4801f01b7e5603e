//! The partitions a lane has, and where each of them stands.

use super::super::{Offsets, Partition};

/// One assigned partition.
#[derive(Debug, Clone)]
pub(super) struct Slot {
    pub(super) partition: Partition,
    /// The smallest offset that may come next: what is below has been delivered, or belongs to a time before a rewind.
    next: i64,
    /// Where an abort goes back to: what was committed last, or the first record since the assignment. `None`: nothing was read.
    start: Option<i64>,
    /// Where it goes on when it is no longer held.
    held: Option<i64>,
}

/// All of them. A lane has tens at most, and records come in runs of one partition, so the last one found is tried first.
#[derive(Debug, Default)]
pub(super) struct Slots {
    slots: Vec<Slot>,
    last: usize,
}

impl Slots {
    pub(super) fn assign(&mut self, partition: Partition) {
        self.remove(partition);
        self.slots.push(Slot { partition, next: 0, start: None, held: None });
    }

    pub(super) fn remove(&mut self, partition: Partition) {
        self.slots.retain(|slot| slot.partition != partition);
        self.last = 0;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    pub(super) fn partitions(&self) -> Vec<Partition> {
        self.slots.iter().map(|slot| slot.partition).collect()
    }

    /// Whether a fetched record is wanted: its partition is assigned and flows, and it does not come from before a rewind.
    pub(super) fn accept(&mut self, partition: Partition, offset: i64) -> bool {
        let Some(slot) = self.find(partition) else { return false };
        if slot.held.is_some() || offset < slot.next {
            return false;
        }
        slot.next = offset + 1;
        slot.start.get_or_insert(offset);
        true
    }

    fn find(&mut self, partition: Partition) -> Option<&mut Slot> {
        if self.slots.get(self.last).is_none_or(|slot| slot.partition != partition) {
            self.last = self.slots.iter().position(|slot| slot.partition == partition)?;
        }
        self.slots.get_mut(self.last)
    }

    pub(super) fn committed(&mut self, next: &Offsets) {
        for (partition, offset) in next.iter() {
            if let Some(slot) = self.find(partition) {
                slot.start = Some(offset);
            }
        }
    }

    /// Sets where a partition goes on, as the brokers tell it.
    pub(super) fn restart(&mut self, partition: Partition, offset: i64) {
        if let Some(slot) = self.find(partition) {
            slot.start = Some(offset);
        }
    }

    /// Takes every partition back to its start and lets it flow. Returns where each has to be sought to; one of which nothing was
    /// read stands where it should.
    pub(super) fn rewind(&mut self) -> Vec<(Partition, i64)> {
        let mut seeks = Vec::new();
        for slot in &mut self.slots {
            slot.held = None;
            if let Some(start) = slot.start {
                slot.next = start;
                seeks.push((slot.partition, start));
            }
        }
        seeks
    }

    /// Holds a partition: it goes on at `offset`, later. False where it is not assigned.
    pub(super) fn hold(&mut self, partition: Partition, offset: i64) -> bool {
        let Some(slot) = self.find(partition) else { return false };
        (slot.held, slot.next) = (Some(offset), offset);
        true
    }

    /// Lets all held partitions flow; returns where each goes on.
    pub(super) fn resume(&mut self) -> Vec<(Partition, i64)> {
        self.slots.iter_mut().filter_map(|slot| slot.held.take().map(|offset| (slot.partition, offset))).collect()
    }
}
