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
    let (name, written) = (|path: &Path| path.display().to_string(), written.clone());
    let letters = match letters.as_os_str() == "-" {
        true => Target { name: "stderr".to_owned(), writer: Box::new(stderr()) },
        false => Target { name: name(letters), writer: Box::new(files.open(letters)?) },
    };
    let letters = Letters { to: letters, pending: Pending::default(), written: written.clone() };
    if columns::is_output(output) {
        plan.write_columns();
        return columns::outlet(output, files, plan, letters, written);
    }
    let delimited = plan.stream().output_format == ResultFormat::Protobuf;
    let to = match output.as_os_str() == "-" {
        // Without the buffer that Rust has before it: what is written is written.
        true => Target {
            name: "stdout".to_owned(),
            writer: Box::new(File::from(stdout().as_fd().try_clone_to_owned().context("stdout")?)),
        },
        false => Target { name: name(output), writer: Box::new(files.open(output)?) },
    };
    Ok(Box::new(Text { to, delimited, pending: Pending::default(), switches: Vec::new(), letters, written }))
}

/// Where dead letters go.
pub(super) struct Letters {
    to: Target,
    pending: Pending,
    written: Written,
}

impl Letters {
    pub(super) fn add(&mut self, letter: &Outgoing<'_>) {
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

    pub(super) fn commit(&mut self) -> Result<(), String> {
        let (count, written) = self.to.write(&mut self.pending);
        self.written.figures().dead_letters += count;
        written
    }

    pub(super) fn undo(&mut self) {
        self.pending.clear();
    }
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}

/// Results one after the other.
struct Text {
    to: Target,
    /// Each result after its length, where they are no lines.
    delimited: bool,
    pending: Pending,
    switches: Vec<Activation>,
    letters: Letters,
    written: Written,
}

impl Outlet for Text {
    fn result(&mut self, value: &[u8]) {
        self.pending.add(|out| {
            if self.delimited {
                length(value.len(), out);
            }
            out.extend_from_slice(value);
            if !self.delimited {
                out.push(b'\n');
            }
        });
    }

    fn dead_letter(&mut self, letter: &Outgoing<'_>) {
        self.letters.add(letter);
    }

    fn activation(&mut self, value: &[u8]) {
        self.switches.extend(serde_json::from_slice::<Activation>(value));
    }

    fn commit(&mut self) -> Result<(), String> {
        // A result says that its record is done with; a letter that could not be written must not be behind one.
        self.letters.commit()?;
        let (count, written) = self.to.write(&mut self.pending);
        self.written.results(count);
        written?;
        self.switches.drain(..).for_each(|switch| self.written.switched(switch));
        Ok(())
    }

    fn undo(&mut self) {
        self.pending.clear();
        self.switches.clear();
        self.letters.undo();
    }
}

/// A length as a varint.
fn length(mut length: usize, out: &mut Vec<u8>) {
    while length >= 0x80 {
        out.push(length as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
}
