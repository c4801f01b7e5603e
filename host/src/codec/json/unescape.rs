//! Decodes the escapes of a text that the scanner has checked.

use super::fault::Fault;

/// Replaces `into` by the text without its escapes.
///
/// # Errors
/// Half of a surrogate pair: no Unicode text.
#[cold]
pub(super) fn unescape(raw: &[u8], into: &mut Vec<u8>) -> Result<(), Fault> {
    into.clear();
    let mut rest = raw;
    while let Some(at) = rest.iter().position(|byte| *byte == b'\\') {
        into.extend_from_slice(&rest[..at]);
        rest = &rest[at + 1..];
        let (kind, after) = rest.split_first().ok_or(Fault::Escape)?;
        rest = after;
        match kind {
            b'b' => into.push(8),
            b'f' => into.push(12),
            b'n' => into.push(b'\n'),
            b'r' => into.push(b'\r'),
            b't' => into.push(b'\t'),
            b'u' => {
                let (character, after) = unicode(rest)?;
                into.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                rest = after;
            }
            other => into.push(*other),
        }
    }
    into.extend_from_slice(rest);
    Ok(())
}

/// The character whose digits begin here, one escape or a pair of them.
fn unicode(digits: &[u8]) -> Result<(char, &[u8]), Fault> {
    let (first, rest) = hex(digits).ok_or(Fault::Escape)?;
    let high = first.wrapping_sub(0xd800);
    if high < 0x400 {
        let (second, rest) = rest.strip_prefix(b"\\u").and_then(hex).ok_or(Fault::Surrogate)?;
        let low = second.wrapping_sub(0xdc00);
        if low >= 0x400 {
            return Err(Fault::Surrogate);
        }
        let character = char::from_u32(0x10000 + (high << 10) + low).ok_or(Fault::Surrogate)?;
        return Ok((character, rest));
    }
    Ok((char::from_u32(first).ok_or(Fault::Surrogate)?, rest))
}

fn hex(digits: &[u8]) -> Option<(u32, &[u8])> {
    let (digits, rest) = digits.split_at_checked(4)?;
    let value = digits.iter().try_fold(0, |value, digit| Some(value << 4 | char::from(*digit).to_digit(16)?))?;
    Some((value, rest))
}
