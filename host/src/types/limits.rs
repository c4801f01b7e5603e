//! What a model may use.

use std::time::Duration;

/// Bounds of one model. The defaults are CONTRACTS' own; a grant replaces single fields up to the host's maximum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Linear memory of all instances of one session in total, bytes.
    pub memory_bytes: u64,
    /// Table elements of one session in total.
    pub table_elements: u64,
    /// Core instances of one session.
    pub instances: u32,
    /// Stack of a call, bytes. One value for the whole host.
    pub stack_bytes: usize,
    /// Time for instantiation and `load`.
    pub load: Duration,
    /// Time for a call of `score`: base ..
    pub call_base: Duration,
    /// .. plus this for every row.
    pub call_per_row: Duration,
    /// Time of the compiler.
    pub compile: Duration,
    /// Memory of the compiler, bytes.
    pub compile_bytes: u64,
    /// Log lines a session may write in a second.
    pub log_lines_per_s: u32,
    /// Length of a log line, bytes.
    pub log_line_bytes: usize,
    /// Rows that a call may put through the models it opens, for each row of its own.
    pub inference_rows: u32,
    /// Size of a payload or artifact, bytes.
    pub payload_bytes: u64,
    /// Whether outputs may depend on how rows are grouped into calls.
    pub stateful: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_bytes: 64 << 20,
            table_elements: 20_000,
            instances: 16,
            stack_bytes: 512 << 10,
            load: Duration::from_secs(10),
            call_base: Duration::from_millis(20),
            call_per_row: Duration::from_micros(50),
            compile: Duration::from_secs(60),
            compile_bytes: 1 << 30,
            log_lines_per_s: 100,
            log_line_bytes: 1024,
            inference_rows: 8,
            payload_bytes: 512 << 20,
            stateful: false,
        }
    }
}

impl Limits {
    /// Time for a call of `score` with so many rows.
    #[must_use]
    pub fn call(&self, rows: u32) -> Duration {
        self.call_base + self.call_per_row * rows
    }

    /// The most rows whose call is sure to end within `step`; at least one.
    #[must_use]
    pub fn rows_within(&self, step: Duration) -> u32 {
        let spare = step.saturating_sub(self.call_base).as_nanos();
        let per_row = self.call_per_row.as_nanos().max(1);
        u32::try_from(spare / per_row).unwrap_or(u32::MAX).max(1)
    }
}
