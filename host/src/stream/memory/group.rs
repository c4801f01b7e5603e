//! A consumer group with cooperative rebalance: a partition goes to its new owner when the old one has let go of it.

use std::collections::{BTreeMap, BTreeSet};

use super::fault::Chance;
use crate::stream::{Event, Offsets, Partition};

#[derive(Debug, Default)]
pub(super) struct Group {
    all: BTreeSet<Partition>,
    members: BTreeMap<u64, Member>,
    committed: Offsets,
    joined: u64,
}

#[derive(Debug, Default)]
struct Member {
    owned: BTreeSet<Partition>,
    target: BTreeSet<Partition>,
    /// Wanted back; the member has been told and has not released them.
    asked: Vec<Partition>,
}

impl Group {
    pub(super) fn committed(&self, partition: Partition) -> Option<i64> {
        self.committed.get(partition)
    }

    pub(super) fn commit(&mut self, next: &Offsets) {
        for (partition, offset) in next.iter() {
            self.committed.set(partition, offset);
        }
    }

    /// A new member, whose number nobody had before.
    pub(super) fn join(&mut self, partitions: impl Iterator<Item = Partition>) -> u64 {
        self.all.extend(partitions);
        self.joined += 1;
        self.members.insert(self.joined, Member::default());
        self.assign(&self.members.keys().copied().collect::<Vec<_>>());
        self.joined
    }

    /// A member goes or is expelled; what it owned is free at once.
    pub(super) fn leave(&mut self, member: u64) {
        if self.members.remove(&member).is_some() {
            self.assign(&self.members.keys().copied().collect::<Vec<_>>());
        }
    }

    pub(super) fn has(&self, member: u64) -> bool {
        self.members.contains_key(&member)
    }

    /// Whether a member may commit offsets of these partitions.
    pub(super) fn owns(&self, member: u64, next: &Offsets) -> bool {
        self.members.get(&member).is_some_and(|member| next.iter().all(|(partition, _)| member.owned.contains(&partition)))
    }

    /// Other members get the larger shares, and nobody keeps anything just because it has it.
    pub(super) fn shuffle(&mut self, seed: u64) {
        let mut chance = Chance(seed);
        let mut order: Vec<u64> = self.members.keys().copied().collect();
        for i in (1..order.len()).rev() {
            order.swap(i, (chance.next() % (i as u64 + 1)) as usize);
        }
        let Some(count) = std::num::NonZeroUsize::new(order.len()) else { return };
        let mut targets = vec![BTreeSet::new(); count.get()];
        for (i, partition) in self.all.iter().enumerate() {
            targets[i % count].insert(*partition);
        }
        for (member, target) in order.iter().zip(targets) {
            if let Some(member) = self.members.get_mut(member) {
                member.target = target;
            }
        }
    }

    /// Deals the partitions evenly; a member keeps what it owns as far as its share allows.
    fn assign(&mut self, order: &[u64]) {
        if order.is_empty() {
            return;
        }
        let (share, larger) = (self.all.len() / order.len(), self.all.len() % order.len());
        let shares = order.iter().enumerate().map(|(i, member)| (*member, share + usize::from(i < larger)));
        let mut free = self.all.clone();
        for (id, share) in shares.clone() {
            let Some(member) = self.members.get_mut(&id) else { continue };
            member.target = member.owned.iter().take(share).copied().collect();
            free.retain(|partition| !member.target.contains(partition));
        }
        for (id, share) in shares {
            let Some(member) = self.members.get_mut(&id) else { continue };
            while member.target.len() < share {
                let Some(partition) = free.pop_first() else { break };
                member.target.insert(partition);
            }
        }
    }

    /// What a member is to be told next. It gets nothing new while it is asked for partitions.
    pub(super) fn event(&mut self, id: u64) -> Option<Event> {
        let member = self.members.get(&id)?;
        if !member.asked.is_empty() {
            return None;
        }
        let unwanted: Vec<_> = member.owned.difference(&member.target).copied().collect();
        let wanted = member.target.difference(&member.owned);
        let free: Vec<_> = wanted.filter(|p| !self.members.values().any(|other| other.owned.contains(p))).copied().collect();
        let member = self.members.get_mut(&id)?;
        if !unwanted.is_empty() {
            member.asked.clone_from(&unwanted);
            return Some(Event::Revoking(unwanted));
        }
        if !free.is_empty() {
            member.owned.extend(&free);
            return Some(Event::Assigned(free));
        }
        None
    }

    /// Whether a member has been asked for partitions and has not answered.
    pub(super) fn is_asked(&self, id: u64) -> bool {
        self.members.get(&id).is_some_and(|member| !member.asked.is_empty())
    }

    /// The member lets go of what it was asked for.
    pub(super) fn release(&mut self, id: u64) {
        if let Some(member) = self.members.get_mut(&id) {
            for partition in std::mem::take(&mut member.asked) {
                member.owned.remove(&partition);
            }
        }
    }
}
