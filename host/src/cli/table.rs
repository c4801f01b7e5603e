//! What commands print: a table for people, or the same as JSON for programs.

use std::io::{self, Write as _};

use anyhow::{Context, Result};
use serde_json::Value;

/// Rows under headings.
pub(super) struct Table {
    heads: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(super) fn new(heads: &[&str]) -> Self {
        Self { heads: heads.iter().map(|head| (*head).to_owned()).collect(), rows: Vec::new() }
    }

    pub(super) fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.into());
    }

    /// Every column as wide as its widest cell; the last one ends where its text does.
    pub(super) fn show(&self) -> String {
        let all = || std::iter::once(&self.heads).chain(&self.rows);
        let width = |column: usize| all().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..self.heads.len()).map(width).collect();
        let line = |row: &Vec<String>| {
            let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
            cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        };
        all().map(line).collect::<Vec<_>>().join("\n")
    }
}

/// Prints the one or the other to stdout.
pub(super) fn print(json: bool, value: &Value, table: &Table) -> Result<()> {
    let text = if json { serde_json::to_string_pretty(value)? } else { table.show() };
    writeln!(io::stdout().lock(), "{text}").context("stdout")
}

/// Bytes as people write them.
pub(super) fn bytes(count: usize) -> String {
    const UNITS: [(&str, usize); 3] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    let unit = UNITS.iter().find(|(_, size)| count >= *size);
    unit.map_or_else(|| format!("{count} B"), |(unit, size)| format!("{:.1} {unit}", count as f64 / *size as f64))
}
