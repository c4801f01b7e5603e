//! A record batch as it travels and as it is kept: version 2 of Kafka's message format ("magic 2"), 61 bytes of header and then the
//! records. Its CRC covers what follows it, so the offset in front can be written without computing it again.
//! Source: kafka.apache.org/documentation/#recordbatch.

use bytes::{BufMut, Bytes, BytesMut};
use kafka_protocol::error::ResponseError;

/// Bytes of a batch before its records.
pub(crate) const HEADER: usize = 61;
/// Where the part begins that the CRC covers.
const CHECKED: usize = 21;
/// Bytes in front that `length` does not count.
const UNCOUNTED: usize = 12;

const COMPRESSION: i16 = 0x07;
const LOG_APPEND_TIME: i16 = 0x08;
const TRANSACTIONAL: i16 = 0x10;
const CONTROL: i16 = 0x20;

/// The header of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    /// Offset of the first record.
    pub(crate) base: i64,
    /// Bytes of the whole batch.
    pub(crate) size: usize,
    crc: u32,
    pub(crate) attributes: i16,
    /// Offset of the last record, counted from `base`.
    pub(crate) last_delta: i32,
    /// Milliseconds since 1970.
    pub(crate) first_timestamp: i64,
    pub(crate) max_timestamp: i64,
    /// -1: the producer is not idempotent.
    pub(crate) producer: i64,
    pub(crate) epoch: i16,
    /// The producer's number of the first record in this partition.
    pub(crate) sequence: i32,
    pub(crate) count: i32,
}

impl Header {
    /// Reads the header at the start of `bytes`, which may be longer than the batch, or shorter as long as the header is there.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, ResponseError> {
        let Some(head) = bytes.first_chunk::<HEADER>() else { return Err(ResponseError::CorruptMessage) };
        if head[16] != 2 {
            return Err(ResponseError::UnsupportedForMessageFormat);
        }
        let length = usize::try_from(int32(head, 8)).map_err(|_| ResponseError::CorruptMessage)?;
        let header = Self {
            base: int64(head, 0),
            size: length + UNCOUNTED,
            crc: int32(head, 17) as u32,
            attributes: int16(head, 21),
            last_delta: int32(head, 23),
            first_timestamp: int64(head, 27),
            max_timestamp: int64(head, 35),
            producer: int64(head, 43),
            epoch: int16(head, 51),
            sequence: int32(head, 53),
            count: int32(head, 57),
        };
        if header.size < HEADER || header.last_delta < 0 || header.count < 0 {
            return Err(ResponseError::CorruptMessage);
        }
        Ok(header)
    }

    pub(crate) fn last(&self) -> i64 {
        self.base + i64::from(self.last_delta)
    }

    pub(crate) fn is_transactional(&self) -> bool {
        self.attributes & TRANSACTIONAL != 0
    }

    pub(crate) fn is_control(&self) -> bool {
        self.attributes & CONTROL != 0
    }

    /// 0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd.
    pub(crate) fn compression(&self) -> i16 {
        self.attributes & COMPRESSION
    }
}

/// A batch with its header.
#[derive(Debug, Clone)]
pub(crate) struct Batch {
    pub(crate) header: Header,
    pub(crate) bytes: Bytes,
}

impl Batch {
    /// Takes a batch from a producer or from a file: whole, with a correct CRC, and nothing behind it.
    pub(crate) fn parse(bytes: Bytes) -> Result<Self, ResponseError> {
        let header = Header::read(&bytes)?;
        if header.size != bytes.len() || crc32c::crc32c(&bytes[CHECKED..]) != header.crc {
            return Err(ResponseError::CorruptMessage);
        }
        Ok(Self { header, bytes })
    }

    /// The same batch at another offset; `append_time` replaces the producer's timestamps.
    pub(crate) fn placed(&self, base: i64, append_time: Option<i64>) -> Self {
        let mut bytes = BytesMut::from(&self.bytes[..]);
        bytes[..8].copy_from_slice(&base.to_be_bytes());
        // The leader's epoch: there is one leader, and it is never replaced.
        bytes[12..16].fill(0);
        let mut header = Header { base, ..self.header };
        if let Some(now) = append_time {
            header.attributes |= LOG_APPEND_TIME;
            header.max_timestamp = now;
            bytes[21..23].copy_from_slice(&header.attributes.to_be_bytes());
            bytes[35..43].copy_from_slice(&now.to_be_bytes());
            header.crc = seal(&mut bytes);
        }
        Self { header, bytes: bytes.freeze() }
    }

    /// What a coordinator writes at the end of a transaction.
    pub(crate) fn marker(producer: i64, epoch: i16, commit: bool, now: i64) -> Self {
        let mut record = BytesMut::new();
        record.put_slice(&[0, 0, 0]);
        put_bytes(&mut record, &[0, 0, 0, u8::from(commit)]);
        // Version 0 of the marker's value, and the coordinator's epoch.
        put_bytes(&mut record, &[0, 0, 0, 0, 0, 0]);
        record.put_u8(0);
        let mut records = BytesMut::new();
        put_varint(&mut records, record.len() as i64);
        records.put_slice(&record);
        let header = Header {
            base: 0,
            size: HEADER + records.len(),
            crc: 0,
            attributes: TRANSACTIONAL | CONTROL,
            last_delta: 0,
            first_timestamp: now,
            max_timestamp: now,
            producer,
            epoch,
            sequence: -1,
            count: 1,
        };
        Self::new(header, &records)
    }

    /// What a compaction leaves of a batch: `records`, not compressed, at the offsets they had. The transaction they came in was
    /// committed, so they need none any more.
    pub(crate) fn compacted(&self, records: &[u8], count: i32) -> Self {
        let header = Header {
            attributes: self.header.attributes & !(COMPRESSION | TRANSACTIONAL),
            size: HEADER + records.len(),
            producer: -1,
            epoch: -1,
            sequence: -1,
            count,
            ..self.header
        };
        Self::new(header, records)
    }

    fn new(header: Header, records: &[u8]) -> Self {
        let mut bytes = BytesMut::with_capacity(header.size);
        bytes.put_i64(header.base);
        bytes.put_i32((header.size - UNCOUNTED) as i32);
        bytes.put_i32(0);
        bytes.put_i8(2);
        bytes.put_u32(0);
        bytes.put_i16(header.attributes);
        bytes.put_i32(header.last_delta);
        bytes.put_i64(header.first_timestamp);
        bytes.put_i64(header.max_timestamp);
        bytes.put_i64(header.producer);
        bytes.put_i16(header.epoch);
        bytes.put_i32(header.sequence);
        bytes.put_i32(header.count);
        bytes.put_slice(records);
        let crc = seal(&mut bytes);
        Self { header: Header { crc, ..header }, bytes: bytes.freeze() }
    }

    pub(crate) fn records(&self) -> &[u8] {
        &self.bytes[HEADER..]
    }
}

/// Writes the CRC of what is in the batch now.
fn seal(bytes: &mut [u8]) -> u32 {
    let crc = crc32c::crc32c(&bytes[CHECKED..]);
    bytes[17..21].copy_from_slice(&crc.to_be_bytes());
    crc
}

/// A zigzag varint, as records use them.
fn put_varint(out: &mut BytesMut, value: i64) {
    let mut rest = ((value << 1) ^ (value >> 63)) as u64;
    while rest >= 0x80 {
        out.put_u8(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.put_u8(rest as u8);
}

fn put_bytes(out: &mut BytesMut, bytes: &[u8]) {
    put_varint(out, bytes.len() as i64);
    out.put_slice(bytes);
}

fn int16(head: &[u8; HEADER], at: usize) -> i16 {
    i16::from_be_bytes([head[at], head[at + 1]])
}

fn int32(head: &[u8; HEADER], at: usize) -> i32 {
    i32::from_be_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]])
}

fn int64(head: &[u8; HEADER], at: usize) -> i64 {
    i64::from(int32(head, at)) << 32 | i64::from(int32(head, at + 4) as u32)
}
