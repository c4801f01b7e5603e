//! Record batches of a file, some rows at a time.

use std::fs::File;
use std::io::{BufReader, Read as _};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use arrow_array::RecordBatch;
use arrow_ipc::reader::{FileReaderBuilder, StreamReader};
use arrow_schema::{ArrowError, SchemaRef};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::super::input::{self, Input};
use super::cells;
use crate::stream::pipe::{Chunk, Gauge, Source};
use crate::types::{Schema, nearest, normalise};

/// Rows that are decoded at a time.
const ROWS: usize = 1024;
/// The beginning of an Arrow file; without it, it is a stream.
const MAGIC: &[u8] = b"ARROW1";

type Batches = Box<dyn Iterator<Item = Result<RecordBatch, ArrowError>> + Send>;

/// A column that is a field, with `"name":` as JSON.
struct Column {
    index: usize,
    label: Vec<u8>,
}

/// Rows of record batches as JSON records.
struct Rows {
    batches: Batches,
    columns: Vec<Column>,
    batch: Option<RecordBatch>,
    next: usize,
    count: u64,
    /// Asked before every chunk of a file. Rows that have come through a pipe are not left behind.
    gauge: Option<Arc<Gauge>>,
}

pub(super) fn parquet(path: &Path, schema: &Schema, gauge: &Arc<Gauge>) -> Result<Input> {
    if path.as_os_str() == "-" {
        bail!("a Parquet file cannot be read from stdin, as its index is at its end; give its name");
    }
    let file = File::open(path)?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).context("this is no Parquet file")?;
    let rows = u64::try_from(builder.metadata().file_metadata().num_rows()).unwrap_or_default();
    let mut columns = columns(builder.schema(), schema)?;
    let mask = ProjectionMask::roots(builder.parquet_schema(), columns.iter().map(|column| column.index));
    project(&mut columns);
    let batches = builder.with_projection(mask).with_batch_size(ROWS).build()?;
    Ok(of_file(Box::new(batches), columns, Some(rows), gauge))
}

pub(super) fn arrow(path: &Path, schema: &Schema, gauge: &Arc<Gauge>) -> Result<Input> {
    if path.as_os_str() != "-" && is_file(path)? {
        let reader = FileReaderBuilder::new().build(BufReader::new(File::open(path)?)).context("this is no Arrow file")?;
        let columns = columns(&reader.schema(), schema)?;
        return Ok(of_file(Box::new(reader), columns, None, gauge));
    }
    let (gate, length) = input::open(path, gauge)?;
    let what = if path.as_os_str() == "-" { "this is no Arrow stream" } else { "this is no Arrow file" };
    let reader = StreamReader::try_new_buffered(gate, None).context(what)?;
    let columns = columns(&reader.schema(), schema)?;
    let rows = Rows { batches: Box::new(reader), columns, batch: None, next: 0, count: 0, gauge: None };
    Ok(Input { source: Box::new(rows), units: None, stays: path.as_os_str() != "-" || length.is_some() })
}

/// Whether it begins as Arrow files do.
fn is_file(path: &Path) -> Result<bool> {
    let mut file = File::open(path)?;
    if !file.metadata()?.is_file() {
        return Ok(false);
    }
    let mut magic = [0; MAGIC.len()];
    Ok(file.read(&mut magic)? == MAGIC.len() && magic == *MAGIC)
}

fn of_file(batches: Batches, columns: Vec<Column>, units: Option<u64>, gauge: &Arc<Gauge>) -> Input {
    let rows = Rows { batches, columns, batch: None, next: 0, count: 0, gauge: Some(Arc::clone(gauge)) };
    Input { source: Box::new(rows), units, stays: true }
}

/// The column of every field of the data type, in the order of the file.
fn columns(file: &SchemaRef, schema: &Schema) -> Result<Vec<Column>> {
    let names = || file.fields().iter().map(|column| column.name().as_str());
    let (mut columns, mut wrong) = (Vec::new(), Vec::new());
    for field in schema.fields() {
        let Some(index) = names().position(|name| normalise(name) == normalise(&field.name)) else {
            let near = nearest(&field.name, names()).map(|near| format!("; the nearest is `{near}`")).unwrap_or_default();
            wrong.push(format!("no column is the field `{}`{near}", field.name));
            continue;
        };
        let column = file.field(index);
        if let Err(expected) = cells::fits(field.kind, column.data_type()) {
            wrong.push(format!("field `{}`: expected {expected}, `{}` is {}", field.name, column.name(), column.data_type()));
        }
        let mut label = serde_json::to_vec(&field.name)?;
        label.push(b':');
        columns.push(Column { index, label });
    }
    if !wrong.is_empty() {
        let all = names().collect::<Vec<_>>().join("`, `");
        bail!("not of the data type `{}`: {}. Its columns are `{all}`", schema.data_type(), wrong.join("; "));
    }
    columns.sort_by_key(|column| column.index);
    columns.dedup_by_key(|column| column.index);
    Ok(columns)
}

/// Only these columns are read, so that they are the batch's first ones.
fn project(columns: &mut [Column]) {
    columns.iter_mut().enumerate().for_each(|(at, column)| column.index = at);
}

impl Rows {
    fn add(&mut self, batch: &RecordBatch, chunk: &mut Chunk) {
        while self.next < batch.num_rows() && !chunk.is_full() {
            chunk.add(|out| {
                for (at, column) in self.columns.iter().enumerate() {
                    out.push(if at == 0 { b'{' } else { b',' });
                    out.extend_from_slice(&column.label);
                    cells::write(batch.column(column.index), self.next, out);
                }
                out.push(b'}');
            });
            self.next += 1;
        }
    }
}

impl Source for Rows {
    fn next(&mut self) -> Result<Option<Chunk>, String> {
        if let Some(gauge) = self.gauge.as_ref().filter(|gauge| gauge.closing()) {
            gauge.cut();
            return Ok(None);
        }
        loop {
            if let Some(batch) = self.batch.take() {
                let mut chunk = Chunk::default();
                self.add(&batch, &mut chunk);
                if self.next < batch.num_rows() {
                    self.batch = Some(batch);
                }
                if !chunk.is_empty() {
                    chunk.units = chunk.len() as u64;
                    self.count += chunk.units;
                    return Ok(Some(chunk));
                }
            }
            self.next = 0;
            match self.batches.next() {
                None => return Ok(None),
                Some(Ok(batch)) => self.batch = Some(batch),
                Some(Err(error)) => return Err(format!("after row {}: {error}", self.count)),
            }
        }
    }
}
