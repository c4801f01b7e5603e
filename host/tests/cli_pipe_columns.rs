//! `sandstream pipe` between Parquet and Arrow files: `cargo test -p sandstream --features arrow --test cli_pipe_columns`.
#![cfg(feature = "arrow")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[allow(unreachable_pub, missing_docs, reason = "shared by test programs, which have no readers outside")]
mod support;

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{Array as _, ArrayRef, Float32Array, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReader;
use rustix::process::{Pid, Signal, kill_process};
use sandstream_wine::FEATURES;
use support::program::guest;

/// The data set as columns, in another order than the data type's, with one that nobody asks for.
fn wines(rename: impl Fn(&str) -> String) -> RecordBatch {
    let matrix = sandstream_wine::matrix();
    let rows = matrix.len() / FEATURES.len();
    let column = |at: usize| Float32Array::from_iter_values((0..rows).map(|row| matrix[row * FEATURES.len() + at]));
    let mut columns: Vec<(String, ArrayRef)> =
        FEATURES.iter().enumerate().rev().map(|(at, name)| (rename(name), Arc::new(column(at)) as ArrayRef)).collect();
    columns.insert(3, ("colour".to_owned(), Arc::new(StringArray::from_iter_values(std::iter::repeat_n("red", rows)))));
    RecordBatch::try_from_iter(columns).unwrap()
}

fn write(path: &Path, batch: &RecordBatch) {
    write_times(path, batch, 1);
}

fn write_times(path: &Path, batch: &RecordBatch, times: usize) {
    let file = File::create(path).unwrap();
    if path.extension().unwrap() == "parquet" {
        let mut writer = ArrowWriter::try_new(file, batch.schema(), None).unwrap();
        (0..times).for_each(|_| writer.write(batch).unwrap());
        writer.close().unwrap();
    } else {
        let mut writer = arrow_ipc::writer::FileWriter::try_new(file, &batch.schema()).unwrap();
        (0..times).for_each(|_| writer.write(batch).unwrap());
        writer.finish().unwrap();
    }
}

fn read(path: &Path) -> Vec<RecordBatch> {
    let file = File::open(path).unwrap();
    if path.extension().unwrap() == "parquet" {
        ParquetRecordBatchReader::try_new(file, 1024).unwrap().map(Result::unwrap).collect()
    } else {
        arrow_ipc::reader::FileReader::try_new(file, None).unwrap().map(Result::unwrap).collect()
    }
}

fn pipe(folder: &Path, input: &str, output: &str) -> (i32, String) {
    pipe_of(folder, &plain(), &["--input", input, "--output", output])
}

fn plain() -> String {
    format!(
        "[types.wine]\nformat = \"json\"\nfields = {FEATURES:?}\n[streams.wine]\ninputs = [\"wine\"]\ntype = {{ constant = \"wine\" }}\n"
    )
}

fn pipe_of(folder: &Path, config: &str, words: &[&str]) -> (i32, String) {
    let out = command(folder, config, words).output().unwrap();
    (out.status.code().unwrap_or(-1), String::from_utf8_lossy(&out.stderr).into_owned())
}

fn command(folder: &Path, config: &str, words: &[&str]) -> Command {
    std::fs::write(folder.join("host.toml"), config).unwrap();
    std::fs::create_dir_all(folder.join("models")).unwrap();
    std::fs::copy(guest("wine-linear"), folder.join("models/wine-linear.wasm")).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_sandstream"));
    command.current_dir(folder).env("SANDSTREAM_CACHE", env!("CARGO_TARGET_TMPDIR"));
    command.args(["pipe", "--config", "host.toml", "--models", "models"]).args(words);
    command
}

#[test]
fn columns_in_and_columns_out() {
    let folder = tempfile::tempdir().unwrap();
    let expected = sandstream_models::wine::linear().unwrap().score(&sandstream_wine::matrix());
    for (from, to) in [("in.parquet", "out.parquet"), ("in.arrow", "out.arrow"), ("in.parquet", "out.arrow")] {
        // Names match as everywhere: without case, spaces, `_` and `.`.
        write(&folder.path().join(from), &wines(|name| name.to_uppercase().replace(' ', "_")));
        let (code, err) = pipe(folder.path(), from, to);
        assert_eq!(code, 0, "{from} {to}: {err}");
        let mut row = 0;
        for batch in read(&folder.path().join(to)) {
            let offsets = batch.column_by_name("offset").unwrap().as_primitive::<Int64Type>();
            let models = batch.column_by_name("model").unwrap().as_string::<i32>();
            let scores = batch.column_by_name("quality").unwrap().as_primitive::<Float64Type>();
            for at in 0..batch.num_rows() {
                assert_eq!((offsets.value(at), models.value(at)), (row as i64, "wine-linear"), "{from} {to}");
                assert!((scores.value(at) - f64::from(expected[row])).abs() < 1e-5, "{from} {to}: row {row}");
                row += 1;
            }
        }
        assert_eq!(row, expected.len(), "{from} {to}");
    }
}

#[test]
fn a_file_of_another_schema_is_named_with_its_columns() {
    let folder = tempfile::tempdir().unwrap();
    let cases = [
        ("alcohol", "alcool", "no column is the field `alcohol`; the nearest is `alcool`"),
        ("pH", "p", "no column is the field `pH`"),
    ];
    for (field, column, expected) in cases {
        write(&folder.path().join("in.parquet"), &wines(|name| name.replace(field, column)));
        let (code, err) = pipe(folder.path(), "in.parquet", "out.jsonl");
        assert!(code == 1 && err.contains(expected) && err.contains("Its columns are `"), "no `{expected}` in {err}");
    }
    std::fs::write(folder.path().join("in.parquet"), b"PAR1 and nothing else").unwrap();
    let (code, err) = pipe(folder.path(), "in.parquet", "out.jsonl");
    assert!(code == 1 && err.contains("in.parquet: this is no Parquet file"), "{err}");
}

/// The data set as JSON lines, each with a note.
fn noted(rows: usize, note: impl Fn(usize) -> String) -> String {
    let matrix = sandstream_wine::matrix();
    let line = |row: usize| {
        let values = matrix[row * FEATURES.len()..].iter().zip(FEATURES);
        let members: String = values.map(|(value, name)| format!("\"{name}\":{value},")).collect();
        format!("{{{members}\"note\":{}}}\n", note(row))
    };
    (0..rows).map(line).collect()
}

/// A configuration whose results repeat a text.
fn with_note() -> String {
    let numbers: String = FEATURES.iter().map(|name| format!("\"{name}\" = \"number\"\n")).collect();
    format!(
        "[types.wine]\nformat = \"json\"\n[types.wine.fields]\n{numbers}note = \"text\"\n\
         [streams.wine]\ninputs = [\"wine\"]\ntype = {{ constant = \"wine\" }}\ninclude = [\"note\"]\n"
    )
}

/// A commit has 1,024 records at most, so the first one knows no note.
#[test]
fn a_field_that_is_absent_at_first_has_a_column_of_its_kind() {
    const ABSENT: usize = 1200;
    let folder = tempfile::tempdir().unwrap();
    let note = |row: usize| if row < ABSENT { "null".to_owned() } else { format!("\"note {row}\"") };
    std::fs::write(folder.path().join("in.jsonl"), noted(ABSENT + 100, note)).unwrap();
    let (code, err) = pipe_of(folder.path(), &with_note(), &["--input", "in.jsonl", "--output", "out.parquet"]);
    assert_eq!(code, 0, "{err}");
    let mut row = 0;
    for batch in read(&folder.path().join("out.parquet")) {
        let notes = batch.column_by_name("note").unwrap().as_string::<i32>();
        for at in 0..batch.num_rows() {
            let expected = (row >= ABSENT).then(|| format!("note {row}"));
            assert_eq!(notes.is_valid(at).then(|| notes.value(at).to_owned()), expected);
            row += 1;
        }
    }
    assert_eq!(row, ABSENT + 100);
}

/// The dead letter of one record cannot be written, so the result of the other is not committed.
#[test]
fn a_failure_leaves_no_result_that_was_not_committed() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("in.jsonl"), noted(1, |_| "\"one\"".to_owned()) + "{}}\n").unwrap();
    for output in ["out.parquet", "out.arrow"] {
        let words = ["--input", "in.jsonl", "--output", output, "--dead-letters", "/dev/full", "--report", "report.json"];
        let (code, err) = pipe_of(folder.path(), &with_note(), &words);
        assert!(code == 1 && err.contains("cannot write to /dev/full"), "{output}: {err}");
        let rows: usize = read(&folder.path().join(output)).iter().map(RecordBatch::num_rows).sum();
        let report = std::fs::read_to_string(folder.path().join("report.json")).unwrap();
        assert!(rows == 0 && report.contains("\"results\": 0"), "{output}: {rows} rows, {report}");
    }
}

/// Rows of a file are left for another time when a signal comes; those that came through a pipe are answered.
#[test]
fn a_signal_leaves_the_rest_of_a_file_of_columns() {
    let folder = tempfile::tempdir().unwrap();
    let once = wines(str::to_owned);
    let rows = 12 * once.num_rows();
    for input in ["in.parquet", "in.arrow"] {
        write_times(&folder.path().join(input), &once, 12);
        let mut command = command(folder.path(), &plain(), &["--input", input]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (mut out, mut line) = (BufReader::new(child.stdout.take().unwrap()), String::new());
        out.read_line(&mut line).unwrap();
        kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
        let answered = 1 + out.lines().count();
        let out = child.wait_with_output().unwrap();
        let err = String::from_utf8_lossy(&out.stderr);
        assert!(out.status.code() == Some(1) && answered < rows, "{input}: {answered} results: {err}");
        assert!(err.contains(&format!("stopped by a signal: {answered} records are answered")), "{input}: {err}");
    }
}

#[test]
fn an_arrow_stream_through_stdin() {
    let folder = tempfile::tempdir().unwrap();
    let rows = wines(str::to_owned);
    let path = folder.path().join("in.arrows");
    let mut writer = arrow_ipc::writer::StreamWriter::try_new(File::create(&path).unwrap(), &rows.schema()).unwrap();
    writer.write(&rows).unwrap();
    writer.finish().unwrap();
    let mut command = command(folder.path(), &plain(), &["--input-format", "arrow"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let feeder = std::thread::spawn(move || std::io::copy(&mut File::open(path).unwrap(), &mut stdin).unwrap());
    let out = child.wait_with_output().unwrap();
    feeder.join().unwrap();
    let lines = out.stdout.iter().filter(|byte| **byte == b'\n').count();
    assert!(out.status.success() && lines == rows.num_rows(), "{lines}: {}", String::from_utf8_lossy(&out.stderr));
}
