//! Base64 (RFC 4648, section 4): how JSON carries bytes.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Appends the text of `bytes`, with padding.
pub(super) fn encode(bytes: &[u8], out: &mut Vec<u8>) {
    for group in bytes.chunks(3) {
        let bits = group.iter().enumerate().fold(0, |bits, (i, byte)| bits | u32::from(*byte) << (16 - 8 * i));
        for i in 0..4 {
            let symbol = ALPHABET[(bits >> (18 - 6 * i)) as usize & 63];
            out.push(if i <= group.len() { symbol } else { b'=' });
        }
    }
}

/// Replaces `into` by the bytes of `text`. Padding may be left out; anything else that `encode` does not write is refused.
pub(super) fn decode(text: &[u8], into: &mut Vec<u8>) -> Option<()> {
    into.clear();
    let padding = text.iter().rev().take_while(|byte| **byte == b'=').count();
    if padding > 2 || (padding > 0 && !text.len().is_multiple_of(4)) {
        return None;
    }
    for group in text[..text.len() - padding].chunks(4) {
        let bits = group.iter().try_fold(0, |bits, symbol| Some(bits << 6 | value(*symbol)?))?;
        match group.len() {
            4 => into.extend_from_slice(&bits.to_be_bytes()[1..]),
            3 if bits & 3 == 0 => into.extend_from_slice(&(bits >> 2).to_be_bytes()[2..]),
            2 if bits & 15 == 0 => into.push((bits >> 4) as u8),
            _ => return None,
        }
    }
    Some(())
}

fn value(symbol: u8) -> Option<u32> {
    let value = match symbol {
        b'A'..=b'Z' => symbol - b'A',
        b'a'..=b'z' => symbol - b'a' + 26,
        b'0'..=b'9' => symbol - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    };
    Some(u32::from(value))
}
