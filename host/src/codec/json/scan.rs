//! A scanner over the bytes of one JSON text (RFC 8259), strict and without recursion.

use super::fault::Fault;

/// Levels of objects and arrays in a value that is skipped.
const DEPTH_MAX: u32 = 128;

/// Where in the record the scanner is. After a fault, `at` is where it was found.
pub(super) struct Scan<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) at: usize,
}

/// The bytes between two quotes, whose escapes are checked but not decoded.
pub(super) struct Quoted<'a> {
    pub(super) raw: &'a [u8],
    pub(super) escaped: bool,
}

impl<'a> Scan<'a> {
    /// The next byte; 0 at the end, which no rule of the grammar expects.
    #[inline(always)]
    pub(super) fn peek(&self) -> u8 {
        self.bytes.get(self.at).copied().unwrap_or(0)
    }

    #[inline(always)]
    pub(super) fn space(&mut self) {
        while matches!(self.peek(), b' ' | b'\n' | b'\t' | b'\r') {
            self.at += 1;
        }
    }

    #[inline(always)]
    pub(super) fn expect(&mut self, byte: u8, otherwise: Fault) -> Result<(), Fault> {
        if self.peek() != byte {
            return Err(otherwise);
        }
        self.at += 1;
        Ok(())
    }

    /// Whether the bytes to come are these; if so, they are behind.
    #[inline(always)]
    pub(super) fn take(&mut self, expected: &[u8]) -> bool {
        let found = self.bytes[self.at..].starts_with(expected);
        if found {
            self.at += expected.len();
        }
        found
    }

    #[cold]
    pub(super) fn back_to<T>(&mut self, at: usize, fault: Fault) -> Result<T, Fault> {
        self.at = at;
        Err(fault)
    }

    #[inline]
    pub(super) fn word(&mut self, word: &'static [u8]) -> Result<(), Fault> {
        if self.take(word) { Ok(()) } else { Err(Fault::Value) }
    }

    /// A text, with its quotes.
    #[inline]
    pub(super) fn text(&mut self) -> Result<Quoted<'a>, Fault> {
        self.expect(b'"', Fault::Text)?;
        self.quoted()
    }

    /// A text after its opening quote, up to and including the closing one.
    #[inline]
    pub(super) fn quoted(&mut self) -> Result<Quoted<'a>, Fault> {
        let (start, mut escaped) = (self.at, false);
        loop {
            self.plain();
            match self.bytes.get(self.at) {
                Some(b'"') => {
                    let raw = &self.bytes[start..self.at];
                    self.at += 1;
                    return Ok(Quoted { raw, escaped });
                }
                Some(b'\\') => {
                    escaped = true;
                    self.escape()?;
                }
                Some(0..0x20) => return Err(Fault::Control),
                Some(_) => self.at += 1,
                None => return Err(Fault::Unclosed),
            }
        }
    }

    /// Passes whole words of eight bytes without quote, backslash and control byte, and stops at the first of these it meets.
    #[inline(always)]
    fn plain(&mut self) {
        const LOW: u64 = 0x0101_0101_0101_0101;
        const HIGH: u64 = 0x8080_8080_8080_8080;
        while let Some(word) = self.bytes[self.at..].first_chunk() {
            let word = u64::from_le_bytes(*word);
            // The high bit of a byte of `zero(x)` is set where that byte of x is 0; a borrow may also set it in a later byte, so
            // only the lowest hit counts.
            let zero = |x: u64| x.wrapping_sub(LOW) & !x;
            let control = word.wrapping_sub(LOW * 0x20) & !word;
            let hits = (zero(word ^ (LOW * u64::from(b'"'))) | zero(word ^ (LOW * u64::from(b'\\'))) | control) & HIGH;
            if hits != 0 {
                self.at += hits.trailing_zeros() as usize / 8;
                return;
            }
            self.at += 8;
        }
    }

    #[cold]
    fn escape(&mut self) -> Result<(), Fault> {
        let length = match self.bytes.get(self.at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => 2,
            Some(b'u') => {
                let digits = self.bytes.get(self.at + 2..self.at + 6).ok_or(Fault::Escape)?;
                if !digits.iter().all(u8::is_ascii_hexdigit) {
                    return Err(Fault::Escape);
                }
                6
            }
            _ => return Err(Fault::Escape),
        };
        self.at += length;
        Ok(())
    }

    /// Checks and passes any value. A loop and a stack of bits (1 is an object) instead of recursion: a record of nested arrays
    /// must not exhaust the thread's stack.
    pub(super) fn skip(&mut self) -> Result<(), Fault> {
        let (mut depth, mut objects) = (0, 0u128);
        loop {
            let opening = self.peek();
            if matches!(opening, b'{' | b'[') {
                if depth == DEPTH_MAX {
                    return Err(Fault::Depth);
                }
                depth += 1;
                objects = objects << 1 | u128::from(opening == b'{');
                self.at += 1;
                self.space();
                // In ASCII a closing brace or bracket is its opening one plus two.
                if self.peek() != opening + 2 {
                    if opening == b'{' {
                        self.skip_key()?;
                    }
                    continue;
                }
            } else {
                self.skip_scalar()?;
            }
            if self.skip_closings(&mut depth, &mut objects)? {
                return Ok(());
            }
        }
    }

    /// After a value: passes what closes, until another value begins (`false`) or nothing is open any more (`true`).
    #[inline(always)]
    fn skip_closings(&mut self, depth: &mut u32, objects: &mut u128) -> Result<bool, Fault> {
        while *depth > 0 {
            self.space();
            let object = *objects & 1 == 1;
            match self.peek() {
                b',' => {
                    self.at += 1;
                    self.space();
                    if object {
                        self.skip_key()?;
                    }
                    return Ok(false);
                }
                b'}' if object => {}
                b']' if !object => {}
                _ => return Err(Fault::Comma),
            }
            self.at += 1;
            *depth -= 1;
            *objects >>= 1;
        }
        Ok(true)
    }

    #[inline]
    fn skip_scalar(&mut self) -> Result<(), Fault> {
        match self.peek() {
            b'"' => self.text().map(|_| ()),
            b't' => self.word(b"true"),
            b'f' => self.word(b"false"),
            b'n' => self.word(b"null"),
            b'-' | b'0'..=b'9' => self.skip_number(),
            _ => Err(Fault::Value),
        }
    }

    fn skip_key(&mut self) -> Result<(), Fault> {
        self.expect(b'"', Fault::Key)?;
        self.quoted()?;
        self.colon()
    }

    /// What is between a member's name and its value.
    #[inline(always)]
    pub(super) fn colon(&mut self) -> Result<(), Fault> {
        self.space();
        self.expect(b':', Fault::Colon)?;
        self.space();
        Ok(())
    }
}
