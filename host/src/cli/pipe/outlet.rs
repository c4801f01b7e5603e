//! Results as lines or delimited messages, dead letters as JSON lines.

use std::fs::File;
use std::io::{stderr, stdout};
use std::os::fd::AsFd as _;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context as _, Result};
use serde_json::{Map, Value, json};

use super::columns;
use super::files::Files;
use super::target::{Pending, Target};
use crate::app::pipe::Plan;
use crate::codec::ResultFormat;
use crate::pipeline::{Activation, headers};
use crate::stream::Outgoing;
use crate::stream::pipe::Outlet;
use crate::types::hex;

/// Switches that a report lists; it counts the others.
const SWITCHES_MAX: usize = 1000;

/// What was written, for the progress and the report.
#[derive(Clone, Default)]
pub(super) struct Written(Arc<Mutex<Figures>>);

/// What is there, also where something could not be written after it.
#[derive(Default)]
pub(super) struct Figures {
    pub(super) results: u64,
    pub(super) dead_letters: u64,
    /// How often another model answered than before.
    pub(super) switches: u64,
    /// The first of them: offset of the first record, model, version, digest.
    pub(super) first: Vec<Activation>,
    pub(super) last: Option<Activation>,
}

impl Written {
    pub(super) fn figures(&self) -> MutexGuard<'_, Figures> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn results(&self, more: u64) {
        self.figures().results += more;
    }

    pub(super) fn switched(&self, activation: Activation) {
        let mut figures = self.figures();
        figures.switches += 1;
        if figures.first.len() < SWITCHES_MAX {
            figures.first.push(activation.clone());
        }
        figures.last = Some(activation);
    }
}

/// The outlet of a command's arguments.
pub(super) fn open(
    output: &Path,
    letters: &Path,
    files: &mut Files,
    plan: &mut Plan,
    written: &Written,
) -> Result<Box<dyn Outlet>> {
    let letters = match letters.as_os_str() == "-" {
        true => Target { name: "stderr".to_owned(), writer: Box::new(stderr()) },
        false => Target { name: letters.display().to_string(), writer: Box::new(files.open(letters)?) },
    };
    let letters = Letters { to: letters, pending: Pending::default() };
    let results = results(output, files, plan)?;
    Ok(Box::new(Answers { results, letters, switches: Vec::new(), written: written.clone() }))
}

/// Columns where the file's name says so, and lines or delimited messages otherwise.
fn results(output: &Path, files: &mut Files, plan: &mut Plan) -> Result<Box<dyn Results>> {
    if output.extension().is_some_and(|ending| ending == "parquet" || ending == "arrow") {
        plan.write_columns();
        return columns::results(output, files, plan);
    }
    let delimited = plan.stream().output_format == ResultFormat::Protobuf;
    let to = match output.as_os_str() == "-" {
        // Without the buffer that Rust has before it: what is written is written.
        true => Target {
            name: "stdout".to_owned(),
            writer: Box::new(File::from(stdout().as_fd().try_clone_to_owned().context("stdout")?)),
        },
        false => Target { name: output.display().to_string(), writer: Box::new(files.open(output)?) },
    };
    Ok(Box::new(Text { to, delimited, pending: Pending::default() }))
}

/// Where dead letters go.
struct Letters {
    to: Target,
    pending: Pending,
}

impl Letters {
    fn add(&mut self, letter: &Outgoing<'_>) {
        let mut line = Map::new();
        let names = [
            ("stage", headers::STAGE),
            ("class", headers::CLASS),
            ("reason", headers::MESSAGE),
            ("data_type", headers::DATA_TYPE),
            ("model", headers::MODEL),
            ("digest", headers::DIGEST),
        ];
        letter.headers.for_each(|header, value| {
            let value = String::from_utf8_lossy(value.unwrap_or_default());
            if header == headers::OFFSET.as_bytes() {
                line.insert("offset".to_owned(), json!(value.parse::<i64>().ok()));
            } else if let Some((name, _)) = names.iter().find(|(_, known)| header == known.as_bytes()) {
                line.insert((*name).to_owned(), Value::String(value.into_owned()));
            }
        });
        let record = letter.value.unwrap_or_default();
        match std::str::from_utf8(record) {
            Ok(text) => line.insert("record".to_owned(), json!(text)),
            Err(_) => line.insert("record_hex".to_owned(), json!(hex(record))),
        };
        self.pending.add(|out| {
            out.extend_from_slice(Value::Object(line).to_string().as_bytes());
            out.push(b'\n');
        });
    }

    fn commit(&mut self, written: &Written) -> Result<(), String> {
        let (count, done) = self.to.write(&mut self.pending);
        written.figures().dead_letters += count;
        done
    }
}

/// Results on their way to where they go, in whatever form.
pub(super) trait Results: Send {
    /// Takes one.
    fn add(&mut self, value: &[u8]);

    /// Writes those that were taken, and counts those that are there, also where others could not be written.
    fn commit(&mut self, written: &Written) -> Result<(), String>;

    /// Forgets those that are not written.
    fn undo(&mut self);

    /// No more come.
    fn finish(&mut self) -> Result<(), String> {
        Ok(())
    }
}

/// Results and dead letters.
struct Answers {
    results: Box<dyn Results>,
    letters: Letters,
    switches: Vec<Activation>,
    written: Written,
}

impl Outlet for Answers {
    fn result(&mut self, value: &[u8]) {
        self.results.add(value);
    }

    fn dead_letter(&mut self, letter: &Outgoing<'_>) {
        self.letters.add(letter);
    }

    fn activation(&mut self, value: &[u8]) {
        self.switches.extend(serde_json::from_slice::<Activation>(value));
    }

    fn commit(&mut self) -> Result<(), String> {
        // A result says that its record is done with; a letter that could not be written must not be behind one.
        self.letters.commit(&self.written)?;
        self.results.commit(&self.written)?;
        self.switches.drain(..).for_each(|switch| self.written.switched(switch));
        Ok(())
    }

    fn undo(&mut self) {
        self.results.undo();
        self.letters.pending.clear();
        self.switches.clear();
    }

    fn finish(&mut self) -> Result<(), String> {
        self.results.finish()
    }
}

/// Results one after the other.
struct Text {
    to: Target,
    /// Each result after its length, where they are no lines.
    delimited: bool,
    pending: Pending,
}

impl Results for Text {
    fn add(&mut self, value: &[u8]) {
        self.pending.add(|out| {
            if self.delimited {
                // Room in a vector does not run out.
                let _ = prost::encode_length_delimiter(value.len(), out);
            }
            out.extend_from_slice(value);
            if !self.delimited {
                out.push(b'\n');
            }
        });
    }

    fn commit(&mut self, written: &Written) -> Result<(), String> {
        let (count, done) = self.to.write(&mut self.pending);
        written.results(count);
        done
    }

    fn undo(&mut self) {
        self.pending.clear();
    }
}
