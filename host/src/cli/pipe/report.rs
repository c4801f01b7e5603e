//! The figures of a pipe, as JSON.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::json;

use super::outlet::Written;
use crate::stream::pipe::Gauge;
use crate::telemetry::LaneStats;

/// Writes them to a file that is open. `whole`: whether all records of the input are answered.
pub(super) fn write(
    (path, mut file): (&Path, File),
    gauge: &Gauge,
    stats: &LaneStats,
    written: &Written,
    took: Duration,
    whole: bool,
) -> Result<()> {
    let figures = written.figures();
    let report = json!({
        "records_in": gauge.taken(),
        "answered": gauge.answered(),
        "results": figures.results,
        "dead_letters": figures.dead_letters,
        "whole_input": whole,
        "seconds": took.as_secs_f64(),
        "records_per_s": gauge.answered() as f64 / took.as_secs_f64(),
        "score_seconds": stats.score.total().as_secs_f64(),
        "switches": figures.switches,
        "models": figures.first,
    });
    let text = serde_json::to_string_pretty(&report)? + "\n";
    file.write_all(text.as_bytes()).with_context(|| format!("cannot write {}", path.display()))
}
