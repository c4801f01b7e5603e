//! Faults to order, for tests: the next requests of a kind are answered late, not at all, or carried out without an answer.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use kafka_protocol::messages::ApiKey;

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It is carried out, after a while.
    Delay(Duration),
    /// It is not carried out, and the connection ends.
    Drop,
    /// It is carried out, and the connection ends before the answer: the client cannot know.
    ApplyThenDisconnect,
}

/// The faults that are ordered.
#[derive(Debug, Default)]
pub struct Faults(Mutex<VecDeque<(ApiKey, Fault)>>);

impl Faults {
    /// Orders a fault for the next `times` requests of a kind, behind those that are ordered for it already.
    pub fn order(&self, api: ApiKey, fault: Fault, times: usize) {
        let mut ordered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        ordered.extend(std::iter::repeat_n((api, fault), times));
    }

    /// How many are ordered and have not happened yet.
    pub fn left(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    pub(crate) fn take(&self, api: ApiKey) -> Option<Fault> {
        let mut ordered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = ordered.iter().position(|(of, _)| *of == api)?;
        ordered.remove(at).map(|(_, fault)| fault)
    }
}
