//! What results and dead letters are written to, and how many of them are there.

use std::io::{self, ErrorKind, Write};

/// Records that are to be written.
#[derive(Default)]
pub(super) struct Pending {
    bytes: Vec<u8>,
    /// Where each of them ends.
    ends: Vec<usize>,
}

impl Pending {
    /// Adds what `write` appends as a record.
    pub(super) fn add(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        write(&mut self.bytes);
        self.ends.push(self.bytes.len());
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }
}

/// Something that is written to, and what it is called in messages.
pub(super) struct Target {
    pub(super) name: String,
    pub(super) writer: Box<dyn Write + Send>,
}

impl Target {
    /// Writes records. How many of them are there in full is said also where the others could not be written.
    pub(super) fn write(&mut self, pending: &mut Pending) -> (u64, Result<(), String>) {
        let mut done = 0;
        let written = self.write_from(&pending.bytes, &mut done);
        let count = pending.ends.partition_point(|end| *end <= done) as u64;
        if written.is_ok() {
            pending.clear();
        }
        (count, written.map_err(|error| format!("cannot write to {}: {error}", self.name)))
    }

    fn write_from(&mut self, bytes: &[u8], done: &mut usize) -> io::Result<()> {
        while *done < bytes.len() {
            match self.writer.write(&bytes[*done..]) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(more) => *done += more,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.writer.flush()
    }
}
