//! Which source an input is.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use clap::ValueEnum;

use super::gate::{Gate, standard_input};
use super::{columns, delimited, lines};
use crate::app::pipe::Plan;
use crate::codec::Format as Records;
use crate::stream::pipe::{Chunk, Gauge, Source};

/// How the records of an input are told apart.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// One record a line: JSON, or anything where the data type is raw
    Lines,
    /// Each record after its length as a varint, as Protobuf's own libraries write many messages into a file
    Delimited,
    /// Rows of a Parquet file, columns by the names of the data type's fields
    Parquet,
    /// Rows of an Arrow IPC file or stream, likewise
    Arrow,
}

/// An input that is open.
pub(super) struct Input {
    pub(super) source: Box<dyn Source>,
    /// Bytes or rows of a file; `None` for what has no end that is known.
    pub(super) units: Option<u64>,
    /// Whether what is not read now is still there for another time.
    pub(super) stays: bool,
}

impl Source for Box<dyn Source> {
    fn next(&mut self) -> Result<Option<Chunk>, String> {
        (**self).next()
    }
}

impl Input {
    pub(super) fn open(path: &Path, format: Option<Format>, plan: &mut Plan, gauge: &Arc<Gauge>) -> Result<Self> {
        let stdin = path.as_os_str() == "-";
        let raw = plan.specs().iter().any(|spec| matches!(spec.format, Records::Raw));
        let protobuf = plan.specs().iter().all(|spec| matches!(spec.format, Records::Protobuf(_)));
        let by_type = if protobuf { Format::Delimited } else { Format::Lines };
        let format = format.or_else(|| by_name(path)).unwrap_or(by_type);
        if matches!(format, Format::Parquet | Format::Arrow) {
            return columns::open(path, format == Format::Parquet, plan, gauge);
        }
        let (gate, length) = open(path, gauge).with_context(|| format!("cannot read {}", path.display()))?;
        let source: Box<dyn Source> = match format {
            Format::Delimited => Box::new(delimited::Delimited::new(gate)),
            _ => Box::new(lines::Lines::new(gate, raw)),
        };
        Ok(Self { source, units: length.filter(|_| !stdin), stays: !stdin || length.is_some() })
    }
}

/// The bytes of a file or stdin, and how many there are where that is known.
pub(super) fn open(path: &Path, gauge: &Arc<Gauge>) -> std::io::Result<(Gate, Option<u64>)> {
    let file = if path.as_os_str() == "-" { standard_input()? } else { File::open(path)? };
    let about = file.metadata()?;
    Ok((Gate::new(file, Arc::clone(gauge))?, about.is_file().then_some(about.len())))
}

fn by_name(path: &Path) -> Option<Format> {
    match path.extension()?.to_str()? {
        "jsonl" | "ndjson" | "json" | "txt" => Some(Format::Lines),
        "parquet" | "pq" => Some(Format::Parquet),
        "arrow" | "arrows" | "feather" | "ipc" => Some(Format::Arrow),
        _ => None,
    }
}
