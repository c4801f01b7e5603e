//! The text form of Protobuf (protobuf.dev/reference/protobuf/textformat-spec), turned into the binary form by a schema. Fields that
//! the schema does not name are read and skipped, as they are in the binary form.

use super::named_number;
use super::schema::{Field, Kind, Schema};

/// Messages within each other.
const DEPTH_MAX: usize = 100;

/// Translates one message.
///
/// # Errors
/// What is wrong with the text, and in which line.
pub(super) fn to_wire(text: &str, schema: &Schema, message: &str) -> Result<Vec<u8>, String> {
    let mut reader = Reader { text: text.as_bytes(), at: 0, schema };
    let read = reader.message(Some(message), None, 0);
    read.map_err(|reason| {
        let line = text.as_bytes().iter().take(reader.at).filter(|byte| **byte == b'\n').count() + 1;
        format!("line {line}: {reason}")
    })
}

struct Reader<'a> {
    text: &'a [u8],
    at: usize,
    schema: &'a Schema,
}

impl Reader<'_> {
    /// Fields up to `end`, or to the end of the text.
    fn message(&mut self, message: Option<&str>, end: Option<u8>, depth: usize) -> Result<Vec<u8>, String> {
        if depth > DEPTH_MAX {
            return Err(format!("messages are more than {DEPTH_MAX} deep"));
        }
        let mut wire = Vec::new();
        loop {
            match (self.peek(), end) {
                (None, None) => return Ok(wire),
                (None, Some(_)) => return Err("a message is not closed".to_owned()),
                (Some(byte), Some(end)) if byte == end => {
                    self.at += 1;
                    return Ok(wire);
                }
                (Some(b',' | b';'), _) => self.at += 1,
                (Some(_), _) => self.field(message, depth, &mut wire)?,
            }
        }
    }

    fn field(&mut self, message: Option<&str>, depth: usize, wire: &mut Vec<u8>) -> Result<(), String> {
        // The name of an extension, or of the type of an Any: nothing of ours has one.
        let name = if self.take(b'[') {
            while self.peek().ok_or("a name is not closed")? != b']' {
                self.at += 1;
            }
            self.at += 1;
            String::new()
        } else {
            self.word()?
        };
        let schema = self.schema;
        let field = message.and_then(|message| schema.fields(message)).and_then(|fields| fields.get(&name));
        let colon = self.take(b':');
        if !self.take(b'[') {
            return self.value(field, colon, depth, wire);
        }
        while !self.take(b']') {
            self.value(field, colon, depth, wire)?;
            self.take(b',');
        }
        Ok(())
    }

    fn value(&mut self, field: Option<&Field>, colon: bool, depth: usize, wire: &mut Vec<u8>) -> Result<(), String> {
        let end = if self.take(b'{') {
            Some(b'}')
        } else if self.take(b'<') {
            Some(b'>')
        } else {
            None
        };
        if end.is_some() {
            let inner = match field {
                Some((_, Kind::Message(name))) => Some(name.as_str()),
                Some(_) => return Err("a plain value is expected, a message came".to_owned()),
                None => None,
            };
            let content = self.message(inner, end, depth + 1)?;
            if let Some((number, _)) = field {
                bytes(wire, *number, &content);
            }
            return Ok(());
        }
        if !colon {
            return Err("`:` or a message is expected after the name of a field".to_owned());
        }
        if matches!(self.peek(), Some(b'"' | b'\'')) {
            let text = self.texts()?;
            match field {
                Some((number, Kind::Bytes)) => bytes(wire, *number, &text),
                Some(_) => return Err("a number is expected, a text came".to_owned()),
                None => {}
            }
            return Ok(());
        }
        let negative = self.take(b'-');
        let word = self.word()?;
        field.map_or(Ok(()), |field| number(wire, field, &word, negative))
    }

    /// The next byte that is neither white nor in a comment.
    fn peek(&mut self) -> Option<u8> {
        loop {
            match *self.text.get(self.at)? {
                b'#' => {
                    while self.text.get(self.at).is_some_and(|byte| *byte != b'\n') {
                        self.at += 1;
                    }
                }
                byte if byte.is_ascii_whitespace() => self.at += 1,
                byte => return Some(byte),
            }
        }
    }

    fn take(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }

    /// A name or a number.
    fn word(&mut self) -> Result<String, String> {
        self.peek();
        let from = self.at;
        while let Some(byte) = self.text.get(self.at) {
            let exponent = matches!(byte, b'-' | b'+')
                && matches!(self.text.get(self.at.wrapping_sub(1)), Some(b'e' | b'E'))
                && self.at > from;
            if !(byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.') || exponent) {
                break;
            }
            self.at += 1;
        }
        let word = self.text.get(from..self.at).unwrap_or_default();
        if word.is_empty() {
            Err("a name or a value is expected".to_owned())
        } else {
            Ok(String::from_utf8_lossy(word).into_owned())
        }
    }

    /// Texts that follow each other are one.
    fn texts(&mut self) -> Result<Vec<u8>, String> {
        let mut text = Vec::new();
        while let Some(quote @ (b'"' | b'\'')) = self.peek() {
            self.at += 1;
            loop {
                let byte = self.next()?;
                match byte {
                    _ if byte == quote => break,
                    b'\\' => self.escaped(&mut text)?,
                    _ => text.push(byte),
                }
            }
        }
        Ok(text)
    }

    fn next(&mut self) -> Result<u8, String> {
        let byte = *self.text.get(self.at).ok_or("a text is not closed")?;
        self.at += 1;
        Ok(byte)
    }

    fn escaped(&mut self, text: &mut Vec<u8>) -> Result<(), String> {
        let byte = self.next()?;
        let plain = match byte {
            b'n' => b'\n',
            b't' => b'\t',
            b'r' => b'\r',
            b'a' => 7,
            b'b' => 8,
            b'f' => 12,
            b'v' => 11,
            b'0'..=b'7' => {
                self.at -= 1;
                self.digits(8, 3)?
            }
            b'x' | b'X' => self.digits(16, 2)?,
            b'\\' | b'"' | b'\'' | b'?' => byte,
            other => return Err(format!("`\\{}` is not known in a text", char::from(other))),
        };
        text.push(plain);
        Ok(())
    }

    fn digits(&mut self, radix: u32, most: usize) -> Result<u8, String> {
        let mut value = 0u32;
        let mut digits = 0;
        while let Some(digit) =
            self.text.get(self.at).and_then(|byte| char::from(*byte).to_digit(radix)).filter(|_| digits < most)
        {
            value = value * radix + digit;
            digits += 1;
            self.at += 1;
        }
        u8::try_from(value).ok().filter(|_| digits > 0).ok_or_else(|| "an escaped byte is larger than 255".to_owned())
    }
}

fn number(wire: &mut Vec<u8>, (number, kind): &Field, word: &str, negative: bool) -> Result<(), String> {
    let wrong = || format!("`{word}` is not what this field takes");
    match kind {
        Kind::Varint => {
            let value = integer(word).ok_or_else(wrong)?;
            varint(wire, u64::from(*number) << 3);
            varint(wire, if negative { value.wrapping_neg() } else { value });
        }
        Kind::Fixed32 => {
            varint(wire, u64::from(*number) << 3 | 5);
            wire.extend(u32::try_from(integer(word).ok_or_else(wrong)?).map_err(|_| wrong())?.to_le_bytes());
        }
        Kind::Float | Kind::Double => {
            let value = float(word).ok_or_else(wrong)?;
            let value = if negative { -value } else { value };
            if *kind == Kind::Float {
                varint(wire, u64::from(*number) << 3 | 5);
                wire.extend((value as f32).to_le_bytes());
            } else {
                varint(wire, u64::from(*number) << 3 | 1);
                wire.extend(value.to_le_bytes());
            }
        }
        Kind::Bytes | Kind::Message(_) => return Err(wrong()),
    }
    Ok(())
}

fn integer(word: &str) -> Option<u64> {
    match word {
        "true" | "True" | "t" => return Some(1),
        "false" | "False" | "f" => return Some(0),
        _ => {}
    }
    if let Some(hex) = word.strip_prefix("0x").or_else(|| word.strip_prefix("0X")) {
        return u64::from_str_radix(hex, 16).ok();
    }
    if word.len() > 1 && word.starts_with('0') {
        return u64::from_str_radix(word, 8).ok();
    }
    word.parse().ok().or_else(|| named_number(word).and_then(|number| u64::try_from(number).ok()))
}

fn float(word: &str) -> Option<f64> {
    let word = word.to_ascii_lowercase();
    match word.as_str() {
        "inf" | "infinity" => Some(f64::INFINITY),
        "nan" => Some(f64::NAN),
        _ => word.strip_suffix('f').unwrap_or(&word).parse().ok(),
    }
}

fn bytes(wire: &mut Vec<u8>, number: u32, content: &[u8]) {
    varint(wire, u64::from(number) << 3 | 2);
    varint(wire, content.len() as u64);
    wire.extend_from_slice(content);
}

fn varint(wire: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        wire.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    wire.push(value as u8);
}
