//! The records of a batch, one after the other. The broker looks into them only where it must: for a timestamp that is searched, for
//! the keys of a compacted topic, and for what a transaction's marker says.

use std::io::Read;

use kafka_protocol::error::ResponseError;

use super::batch::{Batch, HEADER};

/// A batch may become this large when it is unpacked; what is larger is taken for an attack.
const UNPACKED_MAX: u64 = 512 << 20;

/// A record, as far as the broker looks into it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Record<'a> {
    pub(crate) offset: i64,
    /// Milliseconds since 1970.
    pub(crate) timestamp: i64,
    pub(crate) key: Option<&'a [u8]>,
    /// A record without a value removes its key from a compacted topic.
    pub(crate) tombstone: bool,
    /// The whole record, its length in front.
    pub(crate) bytes: &'a [u8],
}

/// The records of a batch, unpacked.
pub(crate) fn unpack(batch: &Batch) -> Result<Vec<u8>, ResponseError> {
    let packed = batch.records();
    let unpacked = match batch.header.compression() {
        0 => Ok(packed.to_vec()),
        1 => read(flate2::read::GzDecoder::new(packed)),
        2 => snappy(packed),
        3 => read(lz4_flex::frame::FrameDecoder::new(packed)),
        4 => zstd::stream::read::Decoder::new(packed).map_err(|_| ResponseError::CorruptMessage).and_then(read),
        _ => return Err(ResponseError::UnsupportedCompressionType),
    }?;
    Ok(unpacked)
}

fn read(decoder: impl Read) -> Result<Vec<u8>, ResponseError> {
    let mut unpacked = Vec::new();
    let size = decoder.take(UNPACKED_MAX).read_to_end(&mut unpacked).map_err(|_| ResponseError::CorruptMessage)?;
    if size as u64 == UNPACKED_MAX { Err(ResponseError::MessageTooLarge) } else { Ok(unpacked) }
}

/// Java frames snappy as xerial's library does: a magic, two versions, and then blocks with their length in front. Others send one
/// bare block.
fn snappy(packed: &[u8]) -> Result<Vec<u8>, ResponseError> {
    const MAGIC: &[u8] = b"\x82SNAPPY\0";
    let Some(mut rest) = packed.strip_prefix(MAGIC).and_then(|rest| rest.get(8..)) else { return block(packed) };
    let mut unpacked = Vec::new();
    while let Some((length, behind)) = rest.split_first_chunk::<4>() {
        let bytes = behind.get(..u32::from_be_bytes(*length) as usize).ok_or(ResponseError::CorruptMessage)?;
        unpacked.extend(block(bytes)?);
        if unpacked.len() as u64 > UNPACKED_MAX {
            return Err(ResponseError::MessageTooLarge);
        }
        rest = &behind[bytes.len()..];
    }
    Ok(unpacked)
}

fn block(packed: &[u8]) -> Result<Vec<u8>, ResponseError> {
    match snap::raw::decompress_len(packed) {
        Ok(length) if length as u64 <= UNPACKED_MAX => {
            snap::raw::Decoder::new().decompress_vec(packed).map_err(|_| ResponseError::CorruptMessage)
        }
        Ok(_) => Err(ResponseError::MessageTooLarge),
        Err(_) => Err(ResponseError::CorruptMessage),
    }
}

/// The records in `unpacked`, which came from `batch`.
pub(crate) fn records<'a>(
    batch: &Batch,
    unpacked: &'a [u8],
) -> impl Iterator<Item = Result<Record<'a>, ResponseError>> + use<'a> {
    let (base, first) = (batch.header.base, batch.header.first_timestamp);
    let mut rest = unpacked;
    let mut left = batch.header.count;
    std::iter::from_fn(move || {
        if left == 0 {
            return None;
        }
        left -= 1;
        let found = next(&mut rest, base, first).ok_or(ResponseError::CorruptMessage);
        if found.is_err() {
            left = 0;
        }
        Some(found)
    })
}

fn next<'a>(rest: &mut &'a [u8], base: i64, first_timestamp: i64) -> Option<Record<'a>> {
    let whole = *rest;
    let mut cursor = whole;
    let length = usize::try_from(varint(&mut cursor)?).ok()?;
    let size = whole.len() - cursor.len() + length;
    let mut body = cursor.get(..length)?;
    *rest = whole.get(size..)?;
    body = body.get(1..)?;
    let timestamp = first_timestamp.checked_add(varint(&mut body)?)?;
    let offset = base.checked_add(varint(&mut body)?)?;
    let key = field(&mut body)?;
    let tombstone = field(&mut body)?.is_none();
    Some(Record { offset, timestamp, key, tombstone, bytes: &whole[..size] })
}

/// A key or a value: `None` is absent.
#[expect(clippy::option_option, reason = "a field that cannot be read, and one that is null")]
fn field<'a>(body: &mut &'a [u8]) -> Option<Option<&'a [u8]>> {
    let length = varint(body)?;
    if length < 0 {
        return Some(None);
    }
    let (field, behind) = body.split_at_checked(usize::try_from(length).ok()?)?;
    *body = behind;
    Some(Some(field))
}

fn varint(bytes: &mut &[u8]) -> Option<i64> {
    let mut value = 0u64;
    for (at, &byte) in bytes.iter().enumerate().take(10) {
        value |= u64::from(byte & 0x7f).checked_shl(7 * at as u32)?;
        if byte < 0x80 {
            *bytes = &bytes[at + 1..];
            return Some((value >> 1) as i64 ^ -((value & 1) as i64));
        }
    }
    None
}

/// Whether a transaction's marker commits it; `None`: this batch is no such marker.
pub(crate) fn commits(batch: &Batch) -> Option<bool> {
    if !batch.header.is_control() {
        return None;
    }
    let unpacked = &batch.bytes[HEADER..];
    let marker = records(batch, unpacked).next()?.ok()?;
    match marker.key? {
        [_, _, 0, kind @ (0 | 1), ..] => Some(*kind == 1),
        _ => None,
    }
}
