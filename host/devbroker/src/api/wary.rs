//! Reads requests without believing what they announce.
//!
//! The library that reads them makes room for as many elements as an array says it has, before it has seen one: twelve bytes could ask
//! for gigabytes, and no memory ends the process. It reads from whatever counts as a buffer, so it is given one that knows how many
//! bytes are left, as no array has more elements than that.

use bytes::{Buf, Bytes, TryGetError};
use kafka_protocol::protocol::Decodable;
use kafka_protocol::protocol::buf::ByteBuf;

use super::Unreadable;

/// Small numbers are let through: room for as many elements is nothing, and the number may be that of a tagged field.
const SMALL: usize = 1024;

/// Reads a request's body.
pub(super) fn read<T: Decodable>(body: &mut Bytes, version: i16) -> Result<T, Unreadable> {
    let mut wary = Wary { body: body.clone(), kept_back: None, singles: Singles::default() };
    match (T::decode(&mut wary, version), wary.kept_back) {
        (Ok(request), None) => {
            *body = wary.body;
            Ok(request)
        }
        // All of its arrays are as they can be, so what was kept back are numbers that mean something else.
        (Ok(_), Some(_)) => T::decode(body, version).map_err(|error| Unreadable(error.to_string())),
        (Err(error), None) => Err(Unreadable(error.to_string())),
        (Err(error), Some((number, left))) => {
            Err(Unreadable(format!("{error}; it may be about the number {number}, where {left} bytes are left")))
        }
    }
}

/// A body that gives no number for the length of an array that could not be one.
struct Wary {
    body: Bytes,
    /// The last number of 32 bits that was not given, and how many bytes followed it.
    kept_back: Option<(i32, usize)>,
    singles: Singles,
}

/// The last bytes that were read one by one; among them are numbers in bytes of 7 bits, the lowest first, all but the last one marked.
#[derive(Default)]
struct Singles([u8; 5]);

impl Singles {
    /// The largest number that may end with this byte. Where it began is not known here: a truth value may stand in front.
    fn take(&mut self, byte: u8) -> u64 {
        self.0.rotate_left(1);
        self.0[4] = byte;
        let (mut number, mut largest) = (0, 0);
        for (&byte_now, length) in self.0.iter().rev().zip(1..) {
            if length > 1 && byte_now < 0x80 {
                break;
            }
            number = number << 7 | u64::from(byte_now & 0x7f);
            if byte < 0x80 || length == self.0.len() {
                largest = number.max(largest);
            }
        }
        largest
    }
}

impl Buf for Wary {
    fn remaining(&self) -> usize {
        self.body.remaining()
    }

    fn chunk(&self) -> &[u8] {
        self.body.chunk()
    }

    fn advance(&mut self, count: usize) {
        self.body.advance(count);
    }

    /// The length of an array, or any other number. Which of them is not known here, so what is too large for a length is replaced by
    /// what is none, and the request is read once more if that has not disturbed.
    fn try_get_i32(&mut self) -> Result<i32, TryGetError> {
        let number = self.body.try_get_i32()?;
        let left = self.body.len();
        if usize::try_from(number).is_ok_and(|number| number > left + SMALL) {
            self.kept_back = Some((number, left));
            return Ok(i32::MIN);
        }
        Ok(number)
    }

    /// A byte of a length in the compact form, which is one more than what is announced, or a truth value.
    fn try_get_u8(&mut self) -> Result<u8, TryGetError> {
        let byte = self.body.try_get_u8()?;
        let left = self.body.len();
        let number = usize::try_from(self.singles.take(byte)).unwrap_or(usize::MAX);
        if number > left + SMALL { Err(TryGetError { requested: number, available: left }) } else { Ok(byte) }
    }
}

impl ByteBuf for Wary {
    fn peek_bytes(&mut self, range: std::ops::Range<usize>) -> Bytes {
        self.body.slice(range)
    }

    fn get_bytes(&mut self, size: usize) -> Bytes {
        self.body.split_to(size)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use bytes::{BufMut, BytesMut};
    use kafka_protocol::messages::{FetchRequest, MetadataRequest, ProduceRequest};

    use super::*;

    fn body(parts: &[&[u8]]) -> Bytes {
        let mut body = BytesMut::new();
        parts.iter().for_each(|part| body.put_slice(part));
        body.freeze()
    }

    #[test]
    fn what_cannot_follow_is_not_believed() {
        let billions = i32::MAX.to_be_bytes();
        let read_metadata = |version, parts: &[&[u8]]| read::<MetadataRequest>(&mut body(parts), version).map(|_| ());
        // In the form of four bytes, in the compact one, and inside of an array that is in order.
        assert!(read_metadata(1, &[&billions]).is_err());
        assert!(read_metadata(9, &[&[0xff, 0xff, 0xff, 0xff, 0x07], &[0; 8]]).is_err());
        assert!(read_metadata(9, &[&[0xff, 0xff, 0xff, 0xff, 0xff], &[0; 8]]).is_err());
        let topics = [&[0, 0, 0, 1][..], &[0, 1, b't'], &billions].concat();
        let produce = body(&[&(-1i16).to_be_bytes(), &[0, 1], &[0, 0, 0, 9], &topics]);
        assert!(read::<ProduceRequest>(&mut produce.clone(), 3).is_err());
    }

    #[test]
    fn a_number_is_found_whatever_stands_in_front() {
        let cases: [(&[u8], u64); 6] = [
            (&[0x07], 7),
            (&[0xff, 0x01], 255),
            (&[0x80, 0x80, 0x80, 0x80, 0x07], 7 << 28),
            (&[0x80, 0x80, 0x80, 0x80, 0x80, 0x07], 7 << 28),
            (&[0x01, 0x80, 0x80, 0x01], 1 << 14),
            (&[0x80], 0),
        ];
        for (bytes, expected) in cases {
            let mut singles = Singles::default();
            assert_eq!(bytes.iter().map(|&byte| singles.take(byte)).max().unwrap(), expected, "{bytes:x?}");
        }
    }

    #[test]
    fn numbers_that_are_no_lengths_are_what_they_were() {
        let most = i32::MAX.to_be_bytes();
        // replica, longest wait, fewest bytes, most bytes, isolation, no topics.
        let mut fetch = body(&[&(-1i32).to_be_bytes(), &most, &[0, 0, 0, 1], &most, &[1], &[0; 4]]);
        let request: FetchRequest = read(&mut fetch, 4).unwrap();
        assert_eq!((request.max_wait_ms, request.max_bytes, request.isolation_level), (i32::MAX, i32::MAX, 1));
        assert!(fetch.is_empty());
        let mut metadata = body(&[&[2, 3, b't', b'o', 0], &[1, 0, 0], &[0]]);
        let request: MetadataRequest = read(&mut metadata, 9).unwrap();
        assert_eq!(request.topics.unwrap()[0].name.as_ref().unwrap().as_str(), "to");
        assert!(request.allow_auto_topic_creation);
    }
}
