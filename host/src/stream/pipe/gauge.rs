//! How far a pipe is, for whoever runs it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// Written by the link, read by anyone.
#[derive(Debug, Default)]
pub struct Gauge {
    taken: AtomicU64,
    answered: AtomicU64,
    units: AtomicU64,
    ended: AtomicBool,
    whole: AtomicBool,
    closing: AtomicBool,
    cut: AtomicBool,
    failure: Mutex<Option<String>>,
}

/// How a source ended.
#[derive(Debug)]
pub(super) enum End {
    /// Nothing comes after what was read.
    Whole,
    /// It was told to stop.
    Stopped,
    /// It cannot be read on, and why.
    Failed(String),
}

impl Gauge {
    /// Records the lane has been given.
    #[must_use]
    pub fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }

    /// Records whose answers are written.
    #[must_use]
    pub fn answered(&self) -> u64 {
        self.answered.load(Ordering::Relaxed)
    }

    /// How far the source has been read: bytes, or rows.
    #[must_use]
    pub fn units(&self) -> u64 {
        self.units.load(Ordering::Relaxed)
    }

    /// Whether no more records come, and all that came are answered.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.ended() && self.taken() == self.answered()
    }

    /// Whether the source was read to its end.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.whole.load(Ordering::Relaxed)
    }

    /// Why the source could not be read to its end.
    #[must_use]
    pub fn failure(&self) -> Option<String> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Nothing is to be taken from the source any more; records that were taken are still answered.
    pub fn close(&self) {
        self.closing.store(true, Ordering::Relaxed);
    }

    /// Whether that was said. A source looks before it takes anything out of what would be lost otherwise, such as a pipe.
    #[must_use]
    pub fn closing(&self) -> bool {
        self.closing.load(Ordering::Relaxed)
    }

    /// The source stops here because of it; its next answer is its last, whatever it is.
    pub fn cut(&self) {
        self.cut.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_cut(&self) -> bool {
        self.cut.load(Ordering::Relaxed)
    }

    pub(super) fn ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }

    pub(super) fn end(&self, end: End) {
        match end {
            End::Whole => self.whole.store(true, Ordering::Relaxed),
            End::Stopped => {}
            End::Failed(reason) => *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(reason),
        }
        self.ended.store(true, Ordering::Relaxed);
    }

    pub(super) fn take(&self, records: u64, units: u64) {
        self.taken.fetch_add(records, Ordering::Relaxed);
        self.units.fetch_add(units, Ordering::Relaxed);
    }

    pub(super) fn answer(&self, up_to: u64) {
        self.answered.store(up_to, Ordering::Relaxed);
    }
}
