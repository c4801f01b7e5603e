//! The figures of a pipe, as JSON.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::json;

use super::outlet::Written;
use crate::app::pipe::dead_letters;
use crate::stream::pipe::Gauge;
use crate::telemetry::LaneStats;

pub(super) fn write(file: &Path, gauge: &Gauge, stats: &LaneStats, written: &Written, took: Duration, whole: bool) -> Result<()> {
    let switches = written.switches();
    let report = json!({
        "records_in": gauge.taken(),
        "answered": gauge.answered(),
        "results": gauge.answered().saturating_sub(dead_letters(stats)),
        "dead_letters": dead_letters(stats),
        "whole_input": whole,
        "seconds": took.as_secs_f64(),
        "records_per_s": gauge.answered() as f64 / took.as_secs_f64(),
        "score_seconds": stats.score.total().as_secs_f64(),
        "switches": switches.count,
        "models": switches.first,
    });
    let text = serde_json::to_string_pretty(&report)?;
    std::fs::write(file, text + "\n").with_context(|| format!("cannot write {}", file.display()))
}
