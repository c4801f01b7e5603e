//! What the demo comes to.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use sandstream_traffic::Verdict;
use serde::Serialize;

use crate::board::{Seen, Switch};
use crate::story::Rejected;

#[derive(Serialize)]
pub(crate) struct Report {
    /// Milliseconds from the start of the process to the first result.
    first_score_ms: Option<f64>,
    records_in: u64,
    results: u64,
    dead_letters: u64,
    lost: u64,
    duplicated: u64,
    out_of_order: u64,
    swaps: Vec<Switch>,
    rejected: Vec<Rejected>,
    results_by_model: BTreeMap<String, u64>,
}

impl Report {
    pub(crate) fn new(seen: &Seen, verdict: &Verdict, rejected: Vec<Rejected>) -> Self {
        Self {
            first_score_ms: seen.first_score_ms,
            records_in: verdict.sent,
            results: verdict.results,
            dead_letters: verdict.dead_letters,
            lost: verdict.missing,
            duplicated: verdict.duplicated,
            out_of_order: verdict.out_of_order,
            swaps: seen.switches.clone(),
            rejected,
            results_by_model: seen.by_model.clone(),
        }
    }

    pub(crate) fn print(&self) {
        println!("\n{:<14} {:>10}", "model", "results");
        for (model, results) in &self.results_by_model {
            println!("{model:<14} {results:>10}");
        }
        println!("\n{:<14} {:<14} {:>12} {:>18}", "from", "to", "gap ms", "p99.9 elsewhere ms");
        for switch in &self.swaps {
            println!("{:<14} {:<14} {:>12.0} {:>18.0}", switch.from, switch.to, switch.gap_ms, switch.control_p999_ms);
        }
        println!();
        for refused in &self.rejected {
            println!("out of service: {}: {}", refused.model, refused.reason);
        }
        let first = self.first_score_ms.map_or_else(|| "never".to_owned(), |ms| format!("after {ms:.0} ms"));
        println!(
            "\nfirst result {first}; {} records in, {} results, {} dead letters; {} lost, {} doubled, {} out of order",
            self.records_in, self.results, self.dead_letters, self.lost, self.duplicated, self.out_of_order
        );
    }

    pub(crate) fn write(&self, file: Option<&Path>) -> Result<()> {
        let Some(file) = file else { return Ok(()) };
        let text = serde_json::to_string_pretty(self)?;
        std::fs::write(file, text + "\n").with_context(|| format!("cannot write the report to {}", file.display()))
    }
}
