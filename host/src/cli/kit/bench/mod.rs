//! `sandstream bench`: what a guest costs. Calls of the guest and of its twin, which crosses the border with the same values and
//! computes nothing, are timed in turns; the twin's share is what the way over the border costs at least. What the guest's own
//! bindings do with the values (make Python objects of them, say) is the guest's part.

mod figures;
mod rows;
mod twin;

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use serde_json::json;

use super::guest::{Guest, explained};
use crate::backend::{Backend as _, Rejected};
use crate::cli::table::{Table, bytes, print};
use figures::{Figures, measure};

/// Rows of a call.
const BATCHES: [u32; 3] = [1, 64, 1024];

/// For the share of a core that a usual stream would take.
const STREAM_RATE: f64 = 10_000.0;

#[derive(clap::Args)]
#[command(after_help = "Examples:
  sandstream bench                         the guest in this folder
  sandstream bench --report bench.json

Rows are those of the golden file that are scored, again and again, or made-up ones. Medians of 7 rounds, guest and twin in turns;
smallest and largest beside them. The border is timed with a component of the same signature that computes nothing. What a lane
could score at most is the guest alone: reading and writing Kafka come on top (`cargo xtask bench throughput`).")]
pub(in crate::cli) struct Args {
    /// The guest's folder
    #[arg(long, value_name = "DIR", default_value = ".")]
    dir: PathBuf,
    /// The data type of the records [default: the manifest's first]
    #[arg(long, value_name = "NAME")]
    data_type: Option<String>,
    /// Write the figures as JSON
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(in crate::cli) fn run(args: &Args) -> Result<ExitCode> {
    let guest = Guest::open(&args.dir)?;
    let model = guest.load()?;
    let codec = guest.records(args.data_type.as_deref(), model.signature())?;
    let inputs = rows::inputs(&guest, &*model, &codec, BATCHES[BATCHES.len() - 1])?;
    let backends = guest.backends(true)?;
    let twin = backends
        .load(&twin::payload(model.signature())?, &guest.manifest.limits)
        .map_err(|Rejected { reason, .. }| anyhow::anyhow!("the guest's twin: {reason}"))?;
    let figures = measure(&*model, &*twin, &inputs, &BATCHES).map_err(|reason| anyhow::anyhow!("{}", explained(&reason)))?;
    let value = json(&guest, &figures);
    if let Some(path) = &args.report {
        let text = serde_json::to_string_pretty(&value)?;
        std::fs::write(path, text + "\n").with_context(|| format!("cannot write {}", path.display()))?;
    }
    print(args.json, &value, &table(&figures))?;
    if !args.json {
        writeln!(io::stdout().lock(), "{}", meaning(&figures)).context("stdout")?;
    }
    Ok(ExitCode::SUCCESS)
}

fn table(figures: &Figures) -> Table {
    let mut table = Table::new(&["batch", "ns/row", "(min .. max)", "border ns/row", "share", "call", "of at most"]);
    for batch in &figures.batches {
        let (guest, rows) = (&batch.guest, f64::from(batch.rows));
        table.row([
            batch.rows.to_string(),
            format!("{:.1}", guest.median),
            format!("({:.1} .. {:.1})", guest.min, guest.max),
            format!("{:.1}", batch.twin.median),
            format!("{:.0} %", batch.share() * 100.0),
            format!("{:.3} ms", guest.median * rows / 1e6),
            format!("{:.0} ms", batch.limit.as_secs_f64() * 1e3),
        ]);
    }
    table
}

/// What the figures mean for a host and its stream.
fn meaning(figures: &Figures) -> String {
    let per_row = figures.per_row();
    let memory = figures.memory_bytes.map_or_else(String::new, |memory| {
        format!("memory  {} a session; a stream holds one for each lane and one to spare\n", bytes(memory as usize))
    });
    format!(
        "{memory}stream  a lane could score {} records/s at most; {} records/s take {:.2} % of a core",
        thousands(1e9 / per_row),
        thousands(STREAM_RATE),
        per_row * STREAM_RATE / 1e7
    )
}

/// A count with a comma after every three digits.
fn thousands(count: f64) -> String {
    let digits = format!("{count:.0}");
    let mut shown = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i) % 3 == 0 {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

fn json(guest: &Guest, figures: &Figures) -> serde_json::Value {
    let batches = figures.batches.iter().map(|batch| {
        json!({
            "rows": batch.rows,
            "ns_per_row": batch.guest.json(),
            "border_ns_per_row": batch.twin.json(),
            "border_share": batch.share(),
            "call_limit_ms": batch.limit.as_secs_f64() * 1e3,
        })
    });
    let per_row = figures.per_row();
    json!({
        "name": guest.project.name, "language": guest.language.name(), "batches": batches.collect::<Vec<_>>(),
        "memory_bytes": figures.memory_bytes, "lane_records_per_s_max": 1e9 / per_row,
        "core_share_at_10000_per_s": per_row * STREAM_RATE / 1e9,
    })
}
