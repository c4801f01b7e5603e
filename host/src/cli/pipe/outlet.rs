//! Results as lines or delimited messages, dead letters as JSON lines.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value, json};

use super::columns;
use crate::app::pipe::Plan;
use crate::codec::ResultFormat;
use crate::pipeline::{Activation, headers};
use crate::stream::Outgoing;
use crate::stream::pipe::Outlet;

/// Switches that a report lists; it counts the others.
const SWITCHES_MAX: usize = 1000;

/// What was written, for the progress and the report.
#[derive(Clone, Default)]
pub(super) struct Written(Arc<Mutex<Switches>>);

/// Which models answered.
#[derive(Default)]
pub(super) struct Switches {
    pub(super) count: u64,
    /// The first ones: offset of the first record, model, version, digest.
    pub(super) first: Vec<Activation>,
    pub(super) last: Option<Activation>,
}

impl Written {
    pub(super) fn switches(&self) -> MutexGuard<'_, Switches> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn switched(&self, activation: Activation) {
        let mut switches = self.switches();
        switches.count += 1;
        if switches.first.len() < SWITCHES_MAX {
            switches.first.push(activation.clone());
        }
        switches.last = Some(activation);
    }
}

/// The outlet of a command's arguments.
pub(super) fn open(output: &Path, letters: &Path, plan: &mut Plan, written: &Written) -> Result<Box<dyn Outlet>> {
    if output == letters && output.as_os_str() != "-" {
        bail!("--output and --dead-letters are both {}; results and dead letters need a file each", output.display());
    }
    let letters = Letters { to: target(letters, Box::new(io::stderr()))?, pending: Vec::new() };
    if columns::is_output(output) {
        plan.write_columns();
        return columns::outlet(output, letters, written.clone());
    }
    let delimited = plan.stream().output_format == ResultFormat::Protobuf;
    let to = target(output, Box::new(io::stdout()))?;
    Ok(Box::new(Text { to, delimited, pending: Vec::new(), switches: Vec::new(), letters, written: written.clone() }))
}

/// Something that is written to, and what it is called in messages.
pub(super) struct Target {
    name: String,
    writer: Box<dyn Write + Send>,
}

fn target(path: &Path, standard: Box<dyn Write + Send>) -> Result<Target> {
    let name = path.display().to_string();
    if path.as_os_str() == "-" {
        return Ok(Target { name: "the standard stream".to_owned(), writer: standard });
    }
    let file = File::create(path).with_context(|| format!("cannot write {name}"))?;
    Ok(Target { name, writer: Box::new(file) })
}

impl Target {
    fn write(&mut self, bytes: &[u8]) -> Result<(), String> {
        let written = self.writer.write_all(bytes).and_then(|()| self.writer.flush());
        written.map_err(|error| format!("cannot write to {}: {error}", self.name))
    }
}

/// Where dead letters go.
pub(super) struct Letters {
    to: Target,
    pending: Vec<u8>,
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
        self.pending.extend_from_slice(Value::Object(line).to_string().as_bytes());
        self.pending.push(b'\n');
    }

    pub(super) fn commit(&mut self) -> Result<(), String> {
        if !self.pending.is_empty() {
            self.to.write(&self.pending)?;
            self.pending.clear();
        }
        Ok(())
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
    pending: Vec<u8>,
    switches: Vec<Activation>,
    letters: Letters,
    written: Written,
}

impl Outlet for Text {
    fn result(&mut self, value: &[u8]) {
        if self.delimited {
            length(value.len(), &mut self.pending);
            self.pending.extend_from_slice(value);
        } else {
            self.pending.extend_from_slice(value);
            self.pending.push(b'\n');
        }
    }

    fn dead_letter(&mut self, letter: &Outgoing<'_>) {
        self.letters.add(letter);
    }

    fn activation(&mut self, value: &[u8]) {
        self.switches.extend(serde_json::from_slice::<Activation>(value));
    }

    fn commit(&mut self) -> Result<(), String> {
        if !self.pending.is_empty() {
            self.to.write(&self.pending)?;
            self.pending.clear();
        }
        self.letters.commit()?;
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
