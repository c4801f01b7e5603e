//! Bounds of a session's memory and tables, in total over all its instances. Growth beyond is refused, as a full machine would
//! refuse it; what the guest makes of that is its own affair, and the message is kept for when it traps.

use wasmtime::ResourceLimiter;

use crate::types::Limits;

pub(super) struct Limiter {
    memory: Bound,
    table: Bound,
    instances: usize,
    refused: Option<String>,
}

struct Bound {
    what: &'static str,
    used: u64,
    max: u64,
}

impl Bound {
    /// Takes what growing from `current` to `desired` takes, or says why not. It is not given back when the growth fails
    /// afterwards: the engine reports such failures also for growth it never asked about, which a guest could make use of.
    fn grow(&mut self, current: usize, desired: usize, declared: Option<usize>) -> Result<(), String> {
        let total = self.used.saturating_add(desired.saturating_sub(current) as u64);
        if total > self.max {
            return Err(format!("it asked for {total} {} in total; its limit is {}", self.what, self.max));
        }
        if let Some(max) = declared.filter(|max| desired > *max) {
            return Err(format!("it asked for {desired} {}; the one it grows takes at most {max}", self.what));
        }
        self.used = total;
        Ok(())
    }
}

impl Limiter {
    pub(super) fn new(limits: &Limits) -> Self {
        let bound = |what, max| Bound { what, used: 0, max };
        Self {
            memory: bound("bytes of memory", limits.memory_bytes),
            table: bound("table elements", limits.table_elements),
            instances: limits.instances as usize,
            refused: None,
        }
    }

    /// Bytes of memory that were granted so far.
    pub(super) fn memory_bytes(&self) -> u64 {
        self.memory.used
    }

    /// Forgets what was refused: a new call begins.
    pub(super) fn begin(&mut self) {
        self.refused = None;
    }

    /// What was refused in this call.
    pub(super) fn refused(&self) -> Option<&str> {
        self.refused.as_deref()
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(&mut self, current: usize, desired: usize, declared: Option<usize>) -> wasmtime::Result<bool> {
        self.refused = self.memory.grow(current, desired, declared).err();
        Ok(self.refused.is_none())
    }

    fn table_growing(&mut self, current: usize, desired: usize, declared: Option<usize>) -> wasmtime::Result<bool> {
        self.refused = self.table.grow(current, desired, declared).err();
        Ok(self.refused.is_none())
    }

    fn instances(&self) -> usize {
        self.instances
    }
}
