//! Payloads in pieces: the manifest that a descriptor carries instead of its bytes, and the bytes put together again.

use std::sync::Arc;

use crate::stream::{ChunkAt, Chunks, ChunksError, Fetched};
use crate::types::control::chunk_key;
use crate::types::{Digest, proto};

/// Where the pieces of a payload are. Its sizes add up; whether the pieces are there is seen when they are fetched.
#[derive(Debug)]
pub(super) struct Manifest {
    digest: Digest,
    size: u64,
    chunks: Box<[Chunk]>,
}

#[derive(Debug)]
struct Chunk {
    digest: Digest,
    size: usize,
    /// Where it begins in the payload.
    start: u64,
    partition: i32,
    offset: i64,
}

/// A payload that cannot be put together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum ManifestError {
    /// Over the limit; nothing was fetched.
    #[error("it has {size} bytes in {count} chunks, at most {max} are allowed (`limits.payload`)")]
    TooLarge { size: u64, count: usize, max: u64 },
    /// A piece is not what was announced, or not there.
    #[error("chunk {number} of {count} (key `{key}`, partition {partition}, offset {offset}): {why}; publish the model again")]
    Chunk { number: usize, count: usize, key: String, partition: i32, offset: i64, why: String },
    /// The pieces are what they should be, the whole is not.
    #[error(
        "its {count} chunks are as announced, but together their digest is {got}, expected {expected}; publish the model again"
    )]
    Whole { count: usize, got: Digest, expected: Digest },
    /// The topic cannot be read.
    #[error("its {count} chunks cannot be read: {why}; publish the model again once that is mended")]
    Unreadable { count: usize, why: String },
}

impl Manifest {
    /// Checks what a manifest says of itself.
    ///
    /// # Errors
    /// In words: sizes that do not add up, digests that are none, places that cannot be.
    pub(super) fn read(what: &str, digest: Digest, manifest: proto::Manifest) -> Result<Self, String> {
        let (count, size) = (manifest.chunks.len(), manifest.size);
        if count == 0 {
            return Err(format!("{what} is in chunks, but its manifest names none"));
        }
        let (mut chunks, mut start) = (Vec::with_capacity(count), 0_u64);
        for (at, chunk) in manifest.chunks.into_iter().enumerate() {
            let wrong = |why: &dyn std::fmt::Display| format!("{what}, chunk {} of {count}: {why}", at + 1);
            let its = Digest::try_from(chunk.sha256.as_slice()).map_err(|error| wrong(&format!("sha256: {error}")))?;
            if chunk.size == 0 {
                return Err(wrong(&"expected some bytes, got none"));
            }
            if chunk.partition < 0 || chunk.offset < 0 {
                return Err(wrong(&format!(
                    "expected a partition and an offset from 0 on, got {} and {}",
                    chunk.partition, chunk.offset
                )));
            }
            let (partition, offset) = (chunk.partition, chunk.offset);
            chunks.push(Chunk { digest: its, size: chunk.size as usize, start, partition, offset });
            start += u64::from(chunk.size);
        }
        if start != size {
            return Err(format!("{what} has {size} bytes by its manifest, but its {count} chunks have {start}"));
        }
        Ok(Self { digest, size, chunks: chunks.into() })
    }

    /// Digest of the payload.
    pub(super) fn digest(&self) -> Digest {
        self.digest
    }

    /// Bytes of each piece but the last; `None` where there is no piece.
    pub(super) fn chunk_bytes(&self) -> Option<usize> {
        self.chunks.first().map(|chunk| chunk.size)
    }

    /// Fetches the pieces and puts them together. Takes memory for the payload alone, and ends soon after `go_on` says no.
    ///
    /// # Errors
    /// See [`ManifestError`].
    pub(super) fn fetch(
        &self,
        chunks: &dyn Chunks,
        bytes_max: u64,
        go_on: &dyn Fn() -> bool,
    ) -> Result<Arc<[u8]>, ManifestError> {
        let count = self.chunks.len();
        let too_large = ManifestError::TooLarge { size: self.size, count, max: bytes_max };
        let size = usize::try_from(self.size).ok().filter(|_| self.size <= bytes_max).ok_or(too_large)?;
        let mut data: Arc<[u8]> = std::iter::repeat_n(0, size).collect();
        // Nobody else has it yet.
        let whole = Arc::get_mut(&mut data).unwrap_or_default();
        let (mut wrong, mut there) = (None, vec![false; count]);
        let fetched = chunks.fetch(&self.places(), &mut |fetched| {
            if let Fetched::Chunk(at, value) = fetched
                && let Some(chunk) = self.chunks.get(at)
            {
                match chunk.put(value, whole) {
                    Ok(()) => there[at] = true,
                    Err(why) => wrong = Some((at, why)),
                }
            }
            wrong.is_none() && go_on()
        });
        match (wrong, fetched) {
            (Some((at, why)), _) => Err(self.about(at, why)),
            (None, Err(error @ ChunksError::Missing { number, .. })) => Err(self.about(number, error.to_string())),
            (None, Err(error)) => Err(ManifestError::Unreadable { count, why: error.to_string() }),
            (None, Ok(())) => match there.iter().position(|there| !there) {
                Some(at) => Err(self.about(at, "it was not fetched".to_owned())),
                None => self.whole(data),
            },
        }
    }

    fn places(&self) -> Vec<ChunkAt> {
        let place = |(at, chunk): (usize, &Chunk)| ChunkAt {
            key: chunk_key(self.digest, at),
            partition: chunk.partition,
            offset: chunk.offset,
        };
        self.chunks.iter().enumerate().map(place).collect()
    }

    fn whole(&self, data: Arc<[u8]>) -> Result<Arc<[u8]>, ManifestError> {
        let got = Digest::of(&data);
        if got == self.digest {
            return Ok(data);
        }
        Err(ManifestError::Whole { count: self.chunks.len(), got, expected: self.digest })
    }

    fn about(&self, at: usize, why: String) -> ManifestError {
        let (partition, offset) = self.chunks.get(at).map(|chunk| (chunk.partition, chunk.offset)).unwrap_or_default();
        let key = chunk_key(self.digest, at);
        ManifestError::Chunk { number: at + 1, count: self.chunks.len(), key, partition, offset, why }
    }
}

impl Chunk {
    /// Puts the piece into its place if it is the right one.
    fn put(&self, value: &[u8], whole: &mut [u8]) -> Result<(), String> {
        let got = Digest::of(value);
        if value.len() != self.size || got != self.digest {
            let (expected, size) = (self.digest, self.size);
            return Err(format!("expected {size} bytes of digest {expected}, got {} of {got}", value.len()));
        }
        let start = usize::try_from(self.start).unwrap_or(usize::MAX);
        match whole.get_mut(start..start.saturating_add(self.size)) {
            Some(place) => place.copy_from_slice(value),
            None => return Err("it lies outside of the payload".to_owned()),
        }
        Ok(())
    }
}
