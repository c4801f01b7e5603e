//! One record a line.

use std::io::{ErrorKind, Read};
use std::ops::Range;

use crate::stream::pipe::{Chunk, Source};

/// What is read at a time, bytes.
const READ: usize = 256 << 10;
/// The longest line, bytes.
pub(super) const RECORD_MAX: usize = 16 << 20;

/// What editors and spreadsheets put before UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Lines of a reader. Whatever has come is handed on at once, so that a person at a terminal gets an answer to a line.
pub(super) struct Lines<R> {
    reader: R,
    /// The beginning of a line whose end has not come yet.
    rest: Vec<u8>,
    /// Whether an empty line is a record, too.
    empty: bool,
    /// Whether these are texts, at whose beginning a byte order mark is no part of the first line.
    marked: bool,
    count: u64,
    ended: bool,
}

impl<R> Lines<R> {
    /// Lines of raw bytes are whatever they are, also empty.
    pub(super) fn new(reader: R, raw: bool) -> Self {
        Self { reader, rest: Vec::new(), empty: raw, marked: !raw, count: 0, ended: false }
    }

    /// The lines in these bytes, without their ends.
    fn cut(&mut self, bytes: &[u8]) -> Vec<Range<u32>> {
        let marked = std::mem::take(&mut self.marked) && bytes.starts_with(BYTE_ORDER_MARK);
        let (mut lines, mut start) = (Vec::new(), if marked { BYTE_ORDER_MARK.len() } else { 0 });
        let ends = memchr::memchr_iter(b'\n', bytes).chain((bytes.last() != Some(&b'\n')).then_some(bytes.len()));
        for end in ends {
            let line = &bytes[start..end];
            let text = line.strip_suffix(b"\r").unwrap_or(line);
            if self.empty || !text.trim_ascii().is_empty() {
                lines.push(start as u32..(start + text.len()) as u32);
            }
            start = end + 1;
        }
        lines
    }

    fn chunk(&mut self, bytes: Vec<u8>, units: usize) -> Chunk {
        let lines = self.cut(&bytes);
        self.count += lines.len() as u64;
        Chunk::of(bytes, lines, units as u64)
    }
}

impl<R: Read + Send + 'static> Source for Lines<R> {
    fn next(&mut self) -> Result<Option<Chunk>, String> {
        let mut units = 0;
        while !self.ended {
            let mut bytes = std::mem::take(&mut self.rest);
            let known = bytes.len();
            bytes.resize(known + READ, 0);
            let got = match self.reader.read(&mut bytes[known..]) {
                Ok(got) => got,
                Err(error) if error.kind() == ErrorKind::Interrupted => {
                    bytes.truncate(known);
                    self.rest = bytes;
                    continue;
                }
                Err(error) => return Err(format!("after record {}: {error}", self.count)),
            };
            self.ended = got == 0;
            units += got;
            bytes.truncate(known + got);
            // A line that came by itself does not keep the memory of a thousand.
            if bytes.len() < READ / 2 {
                bytes.shrink_to_fit();
            }
            let whole =
                if self.ended { bytes.len() } else { memchr::memrchr(b'\n', &bytes[known..]).map_or(0, |at| known + at + 1) };
            self.rest = bytes.split_off(whole);
            if !bytes.is_empty() {
                return Ok(Some(self.chunk(bytes, units)));
            }
            if self.rest.len() > RECORD_MAX {
                return Err(format!("the line of record {} is longer than {RECORD_MAX} bytes", self.count));
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    /// Gives so many bytes at a time.
    struct Drip(&'static [u8], usize);

    impl Read for Drip {
        fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
            let count = self.1.min(self.0.len()).min(into.len());
            into[..count].copy_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Ok(count)
        }
    }

    #[test]
    fn lines_are_the_same_however_they_come() {
        let cases: &[(&'static [u8], bool, &[usize])] = &[
            (b"", false, &[]),
            (b"a", false, &[1]),
            (b"a\nbb\r\n\n  \nccc", false, &[1, 2, 3]),
            (b"a\n\nb\n", true, &[1, 0, 1]),
            (b"\n", false, &[]),
            (b"\xef\xbb\xbfa\n\xef\xbb\xbf\n", false, &[1, 3]),
            (b"\xef\xbb\xbf", false, &[]),
            (b"\xef\xbb\xbfa\n", true, &[4]),
        ];
        for (bytes, empty, expected) in cases {
            for step in 1..6 {
                let (mut lines, mut found, mut units) = (Lines::new(Drip(bytes, step), *empty), Vec::new(), 0);
                while let Some(chunk) = lines.next().unwrap() {
                    found.extend((0..chunk.len()).map(|at| chunk.record(at).len()));
                    units += chunk.units;
                }
                assert_eq!((found.as_slice(), units), (*expected, bytes.len() as u64), "{bytes:?} by {step}");
            }
        }
    }

    #[test]
    fn a_line_without_an_end_is_not_kept_for_ever() {
        let mut lines = Lines::new(std::io::repeat(b'x'), false);
        assert!(lines.next().unwrap_err().contains("record 0 is longer"));
    }
}
