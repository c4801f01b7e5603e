//! Each record after its length, a varint: how Protobuf's own libraries write many messages into one file.

use std::io::{BufReader, ErrorKind, Read};

use super::lines::RECORD_MAX;
use crate::stream::pipe::{Chunk, Source};

/// What is read at a time, bytes.
const READ: usize = 256 << 10;
/// Bytes of a length.
const LENGTH_MAX: usize = 5;

/// Records of a reader. A chunk ends where the next record has not come yet.
pub(super) struct Delimited<R> {
    reader: BufReader<R>,
    record: Vec<u8>,
    count: u64,
    /// What is wrong behind the records that were handed on.
    failed: Option<String>,
}

impl<R: Read> Delimited<R> {
    pub(super) fn new(reader: R) -> Self {
        Self { reader: BufReader::with_capacity(READ, reader), record: Vec::new(), count: 0, failed: None }
    }

    /// Adds a record; false at the end.
    fn add(&mut self, chunk: &mut Chunk) -> Result<bool, String> {
        let Some((length, prefix)) = self.length()? else { return Ok(false) };
        self.record.clear();
        self.record.resize(length, 0);
        self.reader.read_exact(&mut self.record).map_err(|error| self.wrong(&cut(&error, length)))?;
        chunk.add(|bytes| bytes.extend_from_slice(&self.record));
        chunk.units += (prefix + length) as u64;
        self.count += 1;
        Ok(true)
    }

    /// A record's length, and how many bytes it was written in.
    fn length(&mut self) -> Result<Option<(usize, usize)>, String> {
        let (mut length, mut byte) = (0, [0]);
        for at in 0..LENGTH_MAX {
            match self.reader.read_exact(&mut byte) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::UnexpectedEof && at == 0 => return Ok(None),
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                    return Err(self.wrong("the input ends within its length"));
                }
                Err(error) => return Err(self.wrong(&error.to_string())),
            }
            length |= u64::from(byte[0] & 0x7f) << (7 * at);
            if byte[0] < 0x80 {
                let fits = usize::try_from(length).ok().filter(|length| *length <= RECORD_MAX);
                let fits =
                    fits.ok_or_else(|| self.wrong(&format!("expected at most {RECORD_MAX} bytes, its length says {length}")));
                return fits.map(|length| Some((length, at + 1)));
            }
        }
        Err(self.wrong("expected its length as a varint of at most 5 bytes; is the input in another format?"))
    }

    fn wrong(&self, reason: &str) -> String {
        format!("record {}: {reason}", self.count)
    }
}

fn cut(error: &std::io::Error, wanted: usize) -> String {
    match error.kind() {
        ErrorKind::UnexpectedEof => format!("the input ends within it; it should have {wanted} bytes"),
        _ => error.to_string(),
    }
}

impl<R: Read + Send + 'static> Source for Delimited<R> {
    fn next(&mut self) -> Result<Option<Chunk>, String> {
        if let Some(reason) = self.failed.take() {
            return Err(reason);
        }
        let mut chunk = Chunk::default();
        // Only the first record of a chunk is waited for.
        while chunk.is_empty() || (!chunk.is_full() && !self.reader.buffer().is_empty()) {
            match self.add(&mut chunk) {
                Ok(true) => {}
                Ok(false) => break,
                Err(reason) if chunk.is_empty() => return Err(reason),
                Err(reason) => {
                    self.failed = Some(reason);
                    break;
                }
            }
        }
        Ok(if chunk.is_empty() { None } else { Some(chunk) })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn what_is_good_comes_before_what_is_wrong() {
        let cases: &[(&'static [u8], usize, &str)] = &[
            (b"", 0, ""),
            (b"\x01a\x00\x82\x00bb", 3, ""),
            (b"\x01a\x05bb", 1, "record 1: the input ends within it; it should have 5 bytes"),
            (b"\x01a\x85", 1, "record 1: the input ends within its length"),
            (b"\xff\xff\xff\xff", 0, "record 0: the input ends within its length"),
            (b"\xff\xff\xff\xff\x0f", 0, "record 0: expected at most"),
            (b"\xff\xff\xff\xff\xff\x01", 0, "record 0: expected its length as a varint"),
        ];
        for (bytes, records, wrong) in cases {
            let (mut source, mut found) = (Delimited::new(*bytes), 0);
            let end = loop {
                match source.next() {
                    Ok(Some(chunk)) => found += chunk.len(),
                    Ok(None) => break String::new(),
                    Err(reason) => break reason,
                }
            };
            assert!(
                found == *records && end.starts_with(wrong) && end.is_empty() == wrong.is_empty(),
                "{bytes:?}: {found} {end}"
            );
        }
    }
}
