//! A guest's log lines: they reach the host's log cut to a length, held to a rate, and with nothing in them that a terminal or a
//! log reader would take for more than text.

use std::fmt::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::bindings::sandstream::model::log::Level;
use crate::types::Limits;

const SECOND: Duration = Duration::from_secs(1);

/// One session's log.
pub(super) struct Log {
    label: Arc<str>,
    lines_per_s: u32,
    line_bytes: usize,
    window: Instant,
    lines: u32,
    dropped: u64,
    last_error: Option<String>,
}

impl Log {
    pub(super) fn new(label: Arc<str>, limits: &Limits) -> Self {
        Self {
            label,
            lines_per_s: limits.log_lines_per_s,
            line_bytes: limits.log_line_bytes,
            window: Instant::now(),
            lines: 0,
            dropped: 0,
            last_error: None,
        }
    }

    /// Forgets the last error: a new call begins.
    pub(super) fn begin(&mut self) {
        self.last_error = None;
    }

    /// The last error line of this call. The guest kit's panic hook writes one, so after a trap it says why.
    pub(super) fn last_error(&self) -> Option<&str> {
        self.last_error.as_deref()
    }

    pub(super) fn emit(&mut self, level: Level, message: &str) {
        // An error is kept even when its line is over the rate: the trap that may follow is explained by it.
        let kept = matches!(level, Level::Error).then(|| clean(message, self.line_bytes));
        if self.admit() {
            let line = kept.clone().unwrap_or_else(|| clean(message, self.line_bytes));
            let model = &*self.label;
            match level {
                Level::Debug => tracing::debug!(target: "guest", model, "{line}"),
                Level::Info => tracing::info!(target: "guest", model, "{line}"),
                Level::Warn => tracing::warn!(target: "guest", model, "{line}"),
                Level::Error => tracing::error!(target: "guest", model, "{line}"),
            }
        }
        if kept.is_some() {
            self.last_error = kept;
        }
    }

    fn admit(&mut self) -> bool {
        if self.window.elapsed() >= SECOND {
            self.report_dropped();
            self.window = Instant::now();
            self.lines = 0;
        }
        let admitted = self.lines < self.lines_per_s;
        if admitted {
            self.lines += 1;
        } else {
            self.dropped += 1;
        }
        admitted
    }

    fn report_dropped(&mut self) {
        let dropped = std::mem::take(&mut self.dropped);
        if dropped > 0 {
            tracing::warn!(target: "guest", model = &*self.label, dropped, "log lines over the rate were dropped");
        }
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.report_dropped();
    }
}

/// `text` as one line of at most `bytes` bytes: what controls a terminal or turns the direction of writing is escaped.
pub(in crate::backend) fn clean(text: &str, bytes: usize) -> String {
    let mut line = String::with_capacity(text.len().min(bytes));
    for c in text.chars() {
        let before = line.len();
        if c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}') {
            // Writing to a String does not fail.
            let _ = write!(line, "{}", c.escape_default());
        } else {
            line.push(c);
        }
        if line.len() > bytes {
            line.truncate(before);
            line.push('…');
            break;
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::clean;

    #[test]
    fn a_line_is_cut_and_escaped() {
        let cases = [
            ("plain", 100, "plain"),
            ("a\u{1b}[2Jb\nc", 100, "a\\u{1b}[2Jb\\nc"),
            ("right\u{202e}left", 100, "right\\u{202e}left"),
            ("grüße", 3, "gr…"),
            ("grüße", 4, "grü…"),
            ("\u{1b}\u{1b}", 7, "\\u{1b}…"),
            ("", 0, ""),
        ];
        for (text, bytes, line) in cases {
            assert_eq!(clean(text, bytes), line, "{text:?} cut to {bytes}");
        }
    }
}
