//! Rows of a file: CSV cells or JSON lines, decoded one by one.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use anyhow::{Context, Result, bail};
use clap::ValueEnum;

use super::Args;
use crate::codec::{self, Declared, Decoder, Spec};
use crate::types::{Kind, RowFill, Rows, Schema};

/// A line of JSON is not longer than this, bytes.
const LINE_MAX: u64 = 64 << 20;

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// Cells, with a header line unless --columns names them
    Csv,
    /// One JSON object per line
    Jsonl,
}

/// One character, or `\t`.
pub(super) fn delimiter(text: &str) -> Result<u8, String> {
    match text.as_bytes() {
        [one] => Ok(*one),
        b"\\t" => Ok(b'\t'),
        _ => Err("expected one character, or \\t".to_owned()),
    }
}

/// Rows that are still to be read.
#[expect(clippy::large_enum_variant, reason = "there is one of them")]
pub(super) enum Input {
    Csv {
        reader: csv::Reader<Box<dyn Read>>,
        columns: Vec<String>,
        cells: csv::ByteRecord,
        plan: Vec<Cell>,
        fill: RowFill,
        delimiter: u8,
    },
    Jsonl {
        reader: Box<dyn BufRead>,
        line: Vec<u8>,
        decoder: Option<Box<dyn Decoder>>,
    },
}

/// A cell that is wanted.
pub(super) struct Cell {
    column: usize,
    kind: Kind,
    slot: u16,
}

impl Input {
    pub(super) fn open(args: &Args) -> Result<Self> {
        let format = match args.format {
            Some(format) => format,
            None => by_name(&args.input)?,
        };
        let source: Box<dyn Read> = if args.input.as_os_str() == "-" {
            Box::new(io::stdin())
        } else {
            Box::new(File::open(&args.input).with_context(|| format!("cannot read {}", args.input.display()))?)
        };
        if format == Format::Jsonl {
            return Ok(Self::Jsonl { reader: Box::new(BufReader::new(source)), line: Vec::new(), decoder: None });
        }
        let has_headers = args.columns.is_empty();
        let mut builder = csv::ReaderBuilder::new();
        let mut reader = builder.delimiter(args.delimiter).has_headers(has_headers).flexible(true).from_reader(source);
        let columns = if has_headers {
            let header = reader.headers().with_context(|| format!("{}: the header line", args.input.display()))?;
            header.iter().map(|name| name.trim().to_owned()).collect()
        } else {
            args.columns.iter().map(|name| name.trim().to_owned()).collect()
        };
        Ok(Self::Csv {
            reader,
            columns,
            cells: csv::ByteRecord::new(),
            plan: Vec::new(),
            fill: RowFill::default(),
            delimiter: args.delimiter,
        })
    }

    /// Names of the columns, where the file has columns.
    pub(super) fn columns(&self) -> Option<&[String]> {
        match self {
            Self::Csv { columns, .. } => Some(columns),
            Self::Jsonl { .. } => None,
        }
    }

    /// Prepares the decoding of these fields of the schema.
    pub(super) fn decode(&mut self, schema: &Schema, wanted: &[u16]) -> Result<()> {
        match self {
            Self::Csv { plan, fill, .. } => {
                let cell = |index: &u16| {
                    let field = &schema.fields()[usize::from(*index)];
                    Cell { column: usize::from(*index), kind: field.kind, slot: field.slot }
                };
                *plan = wanted.iter().map(cell).collect();
                *fill = RowFill::missing(schema);
            }
            Self::Jsonl { decoder, .. } => {
                let declared = |field: &crate::types::Field| Declared { name: field.name.clone(), kind: Some(field.kind) };
                let fields = schema.fields().iter().map(declared).collect();
                let spec = Spec { data_type: "input".into(), format: codec::Format::Json, fields, features: Vec::new() };
                *decoder = Some(codec::open(&spec)?.decoder(wanted));
            }
        }
        Ok(())
    }

    /// The raw bytes of the next row; false at the end.
    pub(super) fn next(&mut self, raw: &mut Vec<u8>) -> Result<bool> {
        raw.clear();
        match self {
            Self::Csv { reader, cells, delimiter, .. } => {
                if !reader.read_byte_record(cells).context("cannot read on")? {
                    return Ok(false);
                }
                for (i, cell) in cells.iter().enumerate() {
                    if i > 0 {
                        raw.push(*delimiter);
                    }
                    raw.extend_from_slice(cell);
                }
                Ok(true)
            }
            Self::Jsonl { reader, line, .. } => loop {
                line.clear();
                if reader.by_ref().take(LINE_MAX).read_until(b'\n', line).context("cannot read on")? == 0 {
                    return Ok(false);
                }
                if line.len() as u64 == LINE_MAX {
                    bail!("a line is longer than {LINE_MAX} bytes");
                }
                let text = line.trim_ascii();
                if !text.is_empty() {
                    raw.extend_from_slice(text);
                    return Ok(true);
                }
            },
        }
    }

    /// Decodes the row that was read last. On an error the rows are as before.
    pub(super) fn row(&mut self, record: u32, raw: &[u8], rows: &mut Rows) -> Result<(), String> {
        match self {
            Self::Csv { columns, cells, plan, fill, .. } => {
                if cells.len() != columns.len() {
                    return Err(format!("expected {} cells, got {}", columns.len(), cells.len()));
                }
                rows.begin(record, fill);
                for cell in plan {
                    if let Err(expected) = cell.read(cells.get(cell.column).unwrap_or_default(), rows) {
                        rows.abandon();
                        let got = String::from_utf8_lossy(cells.get(cell.column).unwrap_or_default());
                        return Err(format!("column `{}`: expected {expected}, got `{got}`", columns[cell.column]));
                    }
                }
                Ok(())
            }
            Self::Jsonl { decoder: Some(decoder), .. } => decoder.decode(record, raw, rows).map_err(|error| error.to_string()),
            Self::Jsonl { decoder: None, .. } => Err("nothing says how to decode a row".to_owned()),
        }
    }
}

impl Cell {
    fn read(&self, bytes: &[u8], rows: &mut Rows) -> Result<(), &'static str> {
        let text = bytes.trim_ascii();
        if matches!(text, b"" | b"NA" | b"NaN") {
            return Ok(());
        }
        match self.kind {
            Kind::Number => rows.set_number(self.slot, fast_float2::parse(text).map_err(|_| "a number")?),
            Kind::Integer => {
                let parsed = std::str::from_utf8(text).ok().and_then(|text| text.parse().ok());
                rows.set_integer(self.slot, Some(parsed.ok_or("a whole number")?));
            }
            Kind::Text => rows.set_text(self.slot, Some(std::str::from_utf8(bytes).map_err(|_| "a text in UTF-8")?.as_bytes())),
            Kind::Bytes => rows.set_text(self.slot, Some(bytes)),
        }
        Ok(())
    }
}

fn by_name(path: &Path) -> Result<Format> {
    match path.extension().and_then(|ending| ending.to_str()) {
        Some("csv" | "tsv" | "data") => Ok(Format::Csv),
        Some("jsonl" | "ndjson" | "json") => Ok(Format::Jsonl),
        _ => bail!("cannot tell the format of {}; say --format csv or --format jsonl", path.display()),
    }
}
