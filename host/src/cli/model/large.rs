//! Models that are too large for a record: their bytes go in chunks beside the control log, in one transaction with the descriptor.

use std::io::{IsTerminal as _, stderr};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use prost::Message as _;

use super::log::{FRAMING, Log};
use crate::cli::table::bytes;
use crate::stream::ChunkAt;
use crate::stream::kafka::Upload;
use crate::types::Digest;
use crate::types::control::chunk_key;
use crate::types::proto::{Artifact, Manifest, ModelDescriptor, artifact, manifest, model_descriptor::Payload};

/// Bytes of a chunk where the topic takes them, as Kafka's topics do by default; half of it, a quarter .. where it takes less.
/// Larger ones would gain nothing.
const CHUNK: usize = 960 << 10;
const CHUNK_MIN: usize = 1 << 10;
/// Room that a chunk's entry in a manifest takes, at most.
const ENTRY: usize = 64;
/// How long a transaction may take: so long ..
const UPLOAD_BASE: Duration = Duration::from_secs(60);
/// .. and as long as it takes at this rate, bytes per second ..
const UPLOAD_RATE: u64 = 1 << 20;
/// .. but not longer than brokers let it unless told otherwise (`transaction.max.timeout.ms`).
const UPLOAD_MAX: Duration = Duration::from_secs(15 * 60);
const STYLE: &str = "{bar:30} {percent:>3}%  {bytes} of {total_bytes}";

/// Whose bytes are in chunks.
#[derive(Clone, Copy)]
enum Part {
    Model,
    Artifact(usize),
}

/// Bytes that were taken out of a descriptor.
struct Content {
    part: Part,
    digest: Digest,
    data: Vec<u8>,
    /// Of all chunks but the last.
    chunk: usize,
}

/// A descriptor whose largest contents go in chunks.
pub(super) struct Large {
    descriptor: ModelDescriptor,
    contents: Vec<Content>,
    /// What a record of the control log may have.
    takes: usize,
}

impl Large {
    /// Takes as many contents out of a descriptor, the largest first, as it takes for the rest to fit.
    pub(super) fn new(log: &Log, mut descriptor: ModelDescriptor, takes: usize, bytes_max: u64) -> Result<Self> {
        let chunks_take = log.chunks_take()?;
        let (mut contents, mut manifests) = (Vec::new(), 0);
        while descriptor.encoded_len() + manifests + FRAMING > takes {
            let Some(part) = largest(&descriptor) else {
                bail!(
                    "the descriptor has {} bytes beside what goes in chunks, but topic `{}` takes {takes} (its \
                     max.message.bytes): raise that, or make the --config-file smaller",
                    descriptor.encoded_len() + manifests,
                    log.topic()
                );
            };
            let (name, data) = take(&mut descriptor, part);
            if data.len() as u64 > bytes_max {
                bail!(
                    "{name} has {} bytes, hosts with this configuration take at most {bytes_max}: raise `limits.payload`",
                    data.len()
                );
            }
            let digest = Digest::of(&data);
            let chunk = layout(log, digest, chunks_take)?;
            manifests += data.len().div_ceil(chunk) * ENTRY;
            contents.push(Content { part, digest, data, chunk });
        }
        Ok(Self { descriptor, contents, takes })
    }

    /// How much goes in how many chunks, in words.
    pub(super) fn shown(&self) -> String {
        let count: usize = self.contents.iter().map(|content| content.data.len().div_ceil(content.chunk)).sum();
        format!("{} in {count} chunks", bytes(self.size()))
    }

    fn size(&self) -> usize {
        self.contents.iter().map(|content| content.data.len()).sum()
    }

    /// How long the transaction may take.
    pub(super) fn timeout(&self) -> Duration {
        (UPLOAD_BASE + Duration::from_secs(self.size() as u64 / UPLOAD_RATE)).min(UPLOAD_MAX)
    }

    /// What a record of the control log may have.
    pub(super) fn takes(&self) -> usize {
        self.takes
    }

    /// Sends the chunks; the descriptor that refers to them.
    pub(super) fn send(mut self, upload: &mut Upload) -> Result<Vec<u8>> {
        let sizes: Vec<usize> =
            self.contents.iter().flat_map(|content| content.data.chunks(content.chunk)).map(<[u8]>::len).collect();
        let progress = Progress::new(self.size());
        for content in &self.contents {
            for (number, piece) in content.data.chunks(content.chunk).enumerate() {
                upload.send(&chunk_key(content.digest, number), piece)?;
                progress.show(&sizes, upload.delivered());
            }
        }
        while !upload.settled()? {
            progress.show(&sizes, upload.delivered());
        }
        progress.end();
        let places = upload.places();
        let mut places = places.iter();
        for content in std::mem::take(&mut self.contents) {
            let manifest = content.manifest(&mut places)?;
            put(&mut self.descriptor, content.part, manifest);
        }
        let value = self.descriptor.encode_to_vec();
        if value.len() + FRAMING > self.takes {
            bail!("the descriptor has {} bytes with its manifest, the control log takes {}", value.len(), self.takes);
        }
        Ok(value)
    }
}

impl Content {
    fn manifest<'a>(&self, places: &mut impl Iterator<Item = &'a ChunkAt>) -> Result<Manifest> {
        let chunk = |piece: &[u8]| -> Result<manifest::Chunk> {
            let ChunkAt { partition, offset, .. } = *places.next().context("a chunk was not delivered")?;
            Ok(manifest::Chunk { sha256: Digest::of(piece).0.to_vec(), size: piece.len() as u32, partition, offset })
        };
        let chunks = self.data.chunks(self.chunk).map(chunk).collect::<Result<_>>()?;
        Ok(Manifest { size: self.data.len() as u64, chunks })
    }
}

/// The size of a payload's chunks. One that is in the log already is cut as it was: other pieces under the same keys would take
/// the place of those that an earlier announcement refers to.
fn layout(log: &Log, digest: Digest, takes: usize) -> Result<usize> {
    let room = takes.saturating_sub(FRAMING);
    if let Some(before) = log.history.catalog().chunk_bytes(digest) {
        if before > room {
            bail!(
                "{digest} is in chunks of {before} bytes already, but topic `{}` takes {takes} by now (its max.message.bytes): \
                 raise that to {} at least",
                log.chunks_topic(),
                before + FRAMING
            );
        }
        return Ok(before);
    }
    let mut sizes = std::iter::successors(Some(CHUNK), |size| Some(size / 2)).take_while(|size| *size >= CHUNK_MIN);
    sizes.find(|size| *size <= room).with_context(|| {
        let least = CHUNK_MIN + FRAMING;
        format!("topic `{}` takes {takes} bytes (its max.message.bytes); raise that to {least} at least", log.chunks_topic())
    })
}

/// The largest content that the descriptor carries.
fn largest(descriptor: &ModelDescriptor) -> Option<Part> {
    let model = match &descriptor.payload {
        Some(Payload::Data(data)) => Some((data.len(), Part::Model)),
        _ => None,
    };
    let carried = |(at, artifact): (usize, &Artifact)| match &artifact.content {
        Some(artifact::Content::Data(data)) => Some((data.len(), Part::Artifact(at))),
        _ => None,
    };
    let artifacts = descriptor.artifacts.iter().enumerate().filter_map(carried);
    model.into_iter().chain(artifacts).filter(|(size, _)| *size > ENTRY).max_by_key(|(size, _)| *size).map(|(_, part)| part)
}

fn take(descriptor: &mut ModelDescriptor, part: Part) -> (String, Vec<u8>) {
    match part {
        Part::Model => match descriptor.payload.take() {
            Some(Payload::Data(data)) => ("the model".to_owned(), data),
            _ => (String::new(), Vec::new()),
        },
        Part::Artifact(at) => match descriptor.artifacts.get_mut(at).map(|artifact| (&artifact.name, artifact.content.take())) {
            Some((name, Some(artifact::Content::Data(data)))) => (format!("artifact `{name}`"), data),
            _ => (String::new(), Vec::new()),
        },
    }
}

fn put(descriptor: &mut ModelDescriptor, part: Part, manifest: Manifest) {
    match part {
        Part::Model => descriptor.chunks = Some(manifest),
        Part::Artifact(at) => {
            if let Some(artifact) = descriptor.artifacts.get_mut(at) {
                artifact.content = Some(artifact::Content::Chunks(manifest));
            }
        }
    }
}

/// A line that says how far it is, on stderr where that is a terminal.
struct Progress(Option<ProgressBar>);

impl Progress {
    fn new(size: usize) -> Self {
        Self(stderr().is_terminal().then(|| {
            let bar = ProgressBar::with_draw_target(Some(size as u64), ProgressDrawTarget::stderr());
            match ProgressStyle::with_template(STYLE) {
                Ok(style) => bar.with_style(style),
                Err(_) => bar,
            }
        }))
    }

    fn show(&self, sizes: &[usize], delivered: usize) {
        if let Some(bar) = &self.0 {
            bar.set_position(sizes.iter().take(delivered).sum::<usize>() as u64);
        }
    }

    fn end(&self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}
