//! Figures: how they are summed up, printed and written.

use std::path::Path;

use anyhow::{Context, Result};
use serde::Serialize;

/// Median, minimum and maximum of some rounds.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Figure {
    /// Median.
    pub(crate) median: f64,
    /// Smallest.
    pub(crate) min: f64,
    /// Largest.
    pub(crate) max: f64,
}

impl Figure {
    /// Sums up rounds; NaN where there was none.
    pub(crate) fn of(rounds: &[f64]) -> Self {
        let mut sorted = rounds.to_vec();
        sorted.sort_by(f64::total_cmp);
        let at = |i: usize| sorted.get(i).copied().unwrap_or(f64::NAN);
        let middle = sorted.len() / 2;
        let median = if sorted.len().is_multiple_of(2) { (at(middle.wrapping_sub(1)) + at(middle)) / 2.0 } else { at(middle) };
        Self { median, min: at(0), max: at(sorted.len().wrapping_sub(1)) }
    }
}

/// Prints a report as a table: what the file has, without its punctuation.
pub(crate) fn print(report: &impl Serialize) -> Result<()> {
    for line in serde_json::to_string_pretty(report)?.lines() {
        let (indent, line) = line.split_at(line.len() - line.trim_start().len());
        if let Some((name, value)) = line.trim_end_matches([',', '{']).split_once(": ") {
            println!("{:<32} {value}", indent[2..].to_owned() + name.trim_matches('"'));
        }
    }
    Ok(())
}

/// Writes a report where `--report` asks for one.
pub(crate) fn write(file: Option<&Path>, report: &impl Serialize) -> Result<()> {
    if let Some(file) = file {
        let text = serde_json::to_string_pretty(report)?;
        std::fs::write(file, text + "\n").with_context(|| format!("cannot write the report to {}", file.display()))?;
    }
    Ok(())
}
