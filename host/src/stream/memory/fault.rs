//! Failures on request: single ones for tests, seeded ones for simulation.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Something that goes wrong in a call of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// `send`: the record is refused and the transaction cannot be committed.
    Send,
    /// `commit`: refused, nothing was applied; the transaction must be aborted.
    CommitRefused,
    /// `commit`: no answer came although it was applied.
    CommitApplied,
    /// `commit`: no answer came and it was not applied; the transaction is open.
    CommitUnapplied,
    /// `abort`: the client is beyond use.
    Abort,
    /// `fill`: the connection is beyond use.
    Fill,
    /// `fill`: the group has expelled the member, which does not know it yet.
    Expelled,
}

/// How many of 10,000 calls go wrong in which way.
#[derive(Debug, Clone, Copy, Default)]
pub struct Rates {
    /// [`Fault::Send`]
    pub send: u16,
    /// [`Fault::CommitRefused`]
    pub commit_refused: u16,
    /// [`Fault::CommitApplied`]
    pub commit_applied: u16,
    /// [`Fault::CommitUnapplied`]
    pub commit_unapplied: u16,
    /// [`Fault::Abort`]
    pub abort: u16,
    /// [`Fault::Fill`]
    pub fill: u16,
    /// [`Fault::Expelled`]
    pub expelled: u16,
}

/// The faults of one link; a clone is another handle on the same.
#[derive(Debug, Clone, Default)]
pub struct Faults(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    chance: Option<Chance>,
    rates: Rates,
    queued: VecDeque<Fault>,
    happened: u64,
}

impl Faults {
    /// None, until one is injected.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Faults, sizes of fetches and orders of partitions that follow from `seed`.
    #[must_use]
    pub fn seeded(seed: u64, rates: Rates) -> Self {
        Self(Arc::new(Mutex::new(Inner { chance: Some(Chance(seed)), rates, ..Inner::default() })))
    }

    /// Lets the next call that can fail this way fail. Injected faults happen in their order.
    pub fn inject(&self, fault: Fault) {
        self.locked().queued.push_back(fault);
    }

    /// No more faults; sizes and orders keep following from the seed.
    pub fn stop(&self) {
        let mut inner = self.locked();
        inner.rates = Rates::default();
        inner.queued.clear();
    }

    /// How many happened.
    #[must_use]
    pub fn happened(&self) -> u64 {
        self.locked().happened
    }

    fn locked(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether one of `possible` happens now.
    pub(super) fn now(&self, possible: &[Fault]) -> Option<Fault> {
        let mut inner = self.locked();
        let fault = inner.queued_for(possible).or_else(|| inner.drawn_for(possible));
        inner.happened += u64::from(fault.is_some());
        fault
    }

    /// A number below `n`: by chance with a seed, else the highest.
    pub(super) fn below(&self, n: usize) -> usize {
        match &mut self.locked().chance {
            Some(chance) => (chance.next() % n.max(1) as u64) as usize,
            None => n.saturating_sub(1),
        }
    }
}

impl Inner {
    fn queued_for(&mut self, possible: &[Fault]) -> Option<Fault> {
        if possible.contains(self.queued.front()?) { self.queued.pop_front() } else { None }
    }

    fn drawn_for(&mut self, possible: &[Fault]) -> Option<Fault> {
        let mut drawn = self.chance.as_mut()?.next() % 10_000;
        for fault in possible {
            let rate = u64::from(self.rates.of(*fault));
            if drawn < rate {
                return Some(*fault);
            }
            drawn -= rate;
        }
        None
    }
}

impl Rates {
    fn of(&self, fault: Fault) -> u16 {
        match fault {
            Fault::Send => self.send,
            Fault::CommitRefused => self.commit_refused,
            Fault::CommitApplied => self.commit_applied,
            Fault::CommitUnapplied => self.commit_unapplied,
            Fault::Abort => self.abort,
            Fault::Fill => self.fill,
            Fault::Expelled => self.expelled,
        }
    }
}

/// SplitMix64: the same numbers for the same seed, everywhere and for ever.
#[derive(Debug)]
pub(super) struct Chance(pub(super) u64);

impl Chance {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }
}
