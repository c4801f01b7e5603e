//! Which source an input is.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use anyhow::{Context, Result};
use clap::ValueEnum;

use super::{columns, delimited, lines};
use crate::app::pipe::Plan;
use crate::codec::Format as Records;
use crate::stream::pipe::{Chunk, Source};

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
}

impl Source for Box<dyn Source> {
    fn next(&mut self) -> Result<Option<Chunk>, String> {
        (**self).next()
    }
}

impl Input {
    pub(super) fn open(path: &Path, format: Option<Format>, plan: &mut Plan) -> Result<Self> {
        let stdin = path.as_os_str() == "-";
        let raw = plan.specs().iter().any(|spec| matches!(spec.format, Records::Raw));
        let protobuf = plan.specs().iter().all(|spec| matches!(spec.format, Records::Protobuf(_)));
        let by_type = if protobuf { Format::Delimited } else { Format::Lines };
        let format = format.or_else(|| by_name(path)).unwrap_or(by_type);
        if matches!(format, Format::Parquet | Format::Arrow) {
            return columns::open(path, format == Format::Parquet, plan);
        }
        let what = || format!("cannot read {}", path.display());
        let (reader, units): (Box<dyn Read + Send>, _) = if stdin {
            (Box::new(io::stdin()), None)
        } else {
            let file = File::open(path).with_context(what)?;
            let about = file.metadata().with_context(what)?;
            (Box::new(file), about.is_file().then_some(about.len()))
        };
        let source: Box<dyn Source> = match format {
            Format::Delimited => Box::new(delimited::Delimited::new(reader)),
            _ => Box::new(lines::Lines::new(reader, raw)),
        };
        Ok(Self { source, units })
    }
}

fn by_name(path: &Path) -> Option<Format> {
    match path.extension()?.to_str()? {
        "jsonl" | "ndjson" | "json" | "txt" => Some(Format::Lines),
        "parquet" | "pq" => Some(Format::Parquet),
        "arrow" | "arrows" | "feather" | "ipc" => Some(Format::Arrow),
        _ => None,
    }
}
