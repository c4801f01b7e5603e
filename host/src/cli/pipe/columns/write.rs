//! Results as a Parquet or Arrow file.

use std::fs::File;
use std::path::{Path, PathBuf};

use arrow_array::RecordBatch;
use arrow_ipc::writer::FileWriter;
use arrow_schema::SchemaRef;
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;

use super::super::outlet::{Results, Written};
use super::results::{Known, Result, Table};

/// Rows of a row group: as many are held in memory before they are written.
const ROW_GROUP: usize = 64 << 10;

enum Writer {
    Parquet(Box<ArrowWriter<File>>),
    Arrow(Box<FileWriter<std::io::BufWriter<File>>>),
}

/// A file of results. It can be read when it is finished, not before.
pub(super) struct Columns {
    path: PathBuf,
    /// Until the first results say what its columns are.
    file: Option<File>,
    writer: Option<(Table, Writer)>,
    known: Known,
    pending: Vec<Result>,
    wrong: Option<String>,
}

impl Columns {
    pub(super) fn new(path: &Path, file: File, known: Known) -> Self {
        Self { path: path.to_path_buf(), file: Some(file), writer: None, known, pending: Vec::new(), wrong: None }
    }

    fn write(&mut self) -> std::result::Result<(), String> {
        if self.writer.is_none() {
            let file = self.file.take().ok_or("the file is finished")?;
            let table = Table::of(&self.pending, &self.known);
            let writer = Writer::open(&self.path, file, &table.schema)?;
            self.writer = Some((table, writer));
        }
        if let Some((table, writer)) = &mut self.writer
            && !self.pending.is_empty()
        {
            writer.write(&table.batch(&self.pending)?)?;
        }
        Ok(())
    }

    fn named(&self, result: std::result::Result<(), String>) -> std::result::Result<(), String> {
        result.map_err(|reason| format!("cannot write {}: {reason}", self.path.display()))
    }
}

impl Writer {
    fn open(path: &Path, file: File, schema: &SchemaRef) -> std::result::Result<Self, String> {
        if path.extension().is_some_and(|ending| ending == "arrow") {
            let writer = FileWriter::try_new_buffered(file, schema).map_err(|error| error.to_string())?;
            return Ok(Self::Arrow(Box::new(writer)));
        }
        let properties = WriterProperties::builder().set_compression(Compression::SNAPPY);
        let properties = properties.set_max_row_group_row_count(Some(ROW_GROUP)).build();
        let writer = ArrowWriter::try_new(file, SchemaRef::clone(schema), Some(properties)).map_err(|error| error.to_string())?;
        Ok(Self::Parquet(Box::new(writer)))
    }

    fn write(&mut self, batch: &RecordBatch) -> std::result::Result<(), String> {
        match self {
            Self::Parquet(writer) => writer.write(batch).map_err(|error| error.to_string()),
            Self::Arrow(writer) => writer.write(batch).map_err(|error| error.to_string()),
        }
    }

    fn finish(self) -> std::result::Result<(), String> {
        match self {
            Self::Parquet(writer) => writer.close().map(drop).map_err(|error| error.to_string()),
            Self::Arrow(mut writer) => writer.finish().map_err(|error| error.to_string()),
        }
    }
}

impl Results for Columns {
    fn add(&mut self, value: &[u8]) {
        match serde_json::from_slice(value) {
            Ok(result) => self.pending.push(result),
            Err(error) => self.wrong = Some(format!("a result is no JSON object: {error}")),
        }
    }

    fn commit(&mut self, written: &Written) -> std::result::Result<(), String> {
        if let Some(wrong) = self.wrong.take() {
            return self.named(Err(wrong));
        }
        if !self.pending.is_empty() {
            let done = self.write();
            self.named(done)?;
            written.results(self.pending.len() as u64);
            self.pending.clear();
        }
        Ok(())
    }

    fn undo(&mut self) {
        self.pending.clear();
        self.wrong = None;
    }

    fn finish(&mut self) -> std::result::Result<(), String> {
        // What was not committed is not answered. Without a result the file has the columns that every result has, and no row.
        self.pending.clear();
        let finished = if self.writer.is_none() { self.write() } else { Ok(()) };
        let finished = finished.and_then(|()| self.writer.take().map_or(Ok(()), |(_, writer)| writer.finish()));
        self.named(finished)
    }
}
