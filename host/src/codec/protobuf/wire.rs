//! Protobuf's wire format (protobuf.dev/programming-guides/encoding).

/// What can be wrong with a Protobuf record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Fault {
    #[error("the record ends within a field")]
    Short,
    #[error("expected a varint of at most 64 bits")]
    Varint,
    #[error("expected a field number from 1 to 536,870,911")]
    Number,
    #[error("expected the wire type that the schema gives the field")]
    Type,
    #[error("expected no group; groups are not supported")]
    Group,
    #[error("expected UTF-8 in a string field")]
    Utf8,
    #[error("expected an unsigned integer below 2^63: larger ones fit no int64")]
    Range,
}

pub(super) const VARINT: u8 = 0;
pub(super) const FIXED64: u8 = 1;
pub(super) const LENGTH: u8 = 2;
const GROUP: u8 = 3;
const GROUP_END: u8 = 4;
pub(super) const FIXED32: u8 = 5;

/// The wire types, as bits, that a field nobody knows may have.
pub(super) const ANY: u8 = 1 << VARINT | 1 << FIXED64 | 1 << LENGTH | 1 << FIXED32;

/// The rest of a message.
#[derive(Clone, Copy)]
pub(super) struct Wire<'a> {
    rest: &'a [u8],
    /// Where the message ends in the record.
    end: usize,
}

impl<'a> Wire<'a> {
    pub(super) fn new(record: &'a [u8]) -> Self {
        Self { rest: record, end: record.len() }
    }

    /// Position in the record.
    pub(super) fn at(&self) -> usize {
        self.end - self.rest.len()
    }

    #[inline(always)]
    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    #[inline(always)]
    pub(super) fn varint(&mut self) -> Result<u64, Fault> {
        match self.rest {
            [byte @ 0..0x80, rest @ ..] => {
                self.rest = rest;
                Ok(u64::from(*byte))
            }
            _ => self.varint_long(),
        }
    }

    fn varint_long(&mut self) -> Result<u64, Fault> {
        let mut value = 0;
        for (i, byte) in self.rest.iter().take(10).enumerate() {
            if i == 9 && *byte > 1 {
                return Err(Fault::Varint);
            }
            value |= u64::from(byte & 0x7f) << (7 * i);
            if *byte < 0x80 {
                self.rest = &self.rest[i + 1..];
                return Ok(value);
            }
        }
        Err(if self.rest.len() < 10 { Fault::Short } else { Fault::Varint })
    }

    /// A field's number and wire type.
    #[inline(always)]
    pub(super) fn tag(&mut self) -> Result<(u32, u8), Fault> {
        let tag = self.varint()?;
        match u32::try_from(tag) {
            Ok(tag @ 8..) => Ok((tag >> 3, tag as u8 & 7)),
            _ => Err(Fault::Number),
        }
    }

    #[inline(always)]
    pub(super) fn fixed<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let (value, rest) = self.rest.split_first_chunk().ok_or(Fault::Short)?;
        self.rest = rest;
        Ok(*value)
    }

    #[inline(always)]
    pub(super) fn bytes(&mut self) -> Result<&'a [u8], Fault> {
        let length = self.varint()?;
        let length = usize::try_from(length).map_err(|_| Fault::Short)?;
        let (value, rest) = self.rest.split_at_checked(length).ok_or(Fault::Short)?;
        self.rest = rest;
        Ok(value)
    }

    /// A message within this one.
    #[inline]
    pub(super) fn message(&mut self) -> Result<Wire<'a>, Fault> {
        let rest = self.bytes()?;
        Ok(Wire { rest, end: self.at() })
    }

    /// Passes a value.
    #[inline]
    pub(super) fn skip(&mut self, wire_type: u8) -> Result<(), Fault> {
        match wire_type {
            VARINT => self.varint().map(|_| ()),
            FIXED64 => self.fixed::<8>().map(|_| ()),
            LENGTH => self.bytes().map(|_| ()),
            FIXED32 => self.fixed::<4>().map(|_| ()),
            GROUP | GROUP_END => Err(Fault::Group),
            _ => Err(Fault::Type),
        }
    }
}

/// Appends a varint.
#[inline(always)]
pub(super) fn put_varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Bytes of a varint.
#[inline]
pub(super) fn varint_size(value: u64) -> usize {
    // 9/64 is a little more than 1/7: exact for every number of bits from 1 to 64.
    let bits = 64 - (value | 1).leading_zeros() as usize;
    (bits * 9 + 64) / 64
}
