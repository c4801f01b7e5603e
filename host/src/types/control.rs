//! Keys of the control log and the digest of what is announced under them.

use std::borrow::Cow;
use std::fmt;

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

use super::proto::{ModelDescriptor, artifact, model_descriptor::Payload};
use super::{Digest, ModelId};
use prost::Message;

/// Header that carries the revision its writer had seen, in decimal: a write that is stale is refused everywhere.
pub const EXPECTS_HEADER: &str = "sandstream-expects";

/// What is escaped in a part of a key: whatever separates parts, and `%` itself.
const ESCAPED: &AsciiSet = &CONTROLS.add(b' ').add(b'%').add(b'/').add(b'@');

/// The key of a control-log record.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Key {
    /// `model/<dataType>/<name>@<version>`
    Model(ModelId),
    /// `evaluator/<name>@<version>`
    Evaluator {
        /// Name of the evaluator.
        name: String,
        /// Its version.
        version: String,
    },
    /// `label/<dataType>/<label>`
    Label {
        /// Data type the label is of.
        data_type: String,
        /// The label.
        label: String,
    },
    /// `deployment/<dataType>`
    Deployment {
        /// Data type that is deployed.
        data_type: String,
    },
}

/// A key that is none of the four.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected a key `model/<dataType>/<name>@<version>`, `evaluator/<name>@<version>`, `label/<dataType>/<label>` or \
     `deployment/<dataType>` with percent-encoded parts, got `{0}`"
)]
pub struct KeyError(String);

impl Key {
    /// Reads a key.
    ///
    /// # Errors
    /// It is none of the four, a part is empty or not UTF-8.
    pub fn parse(key: &[u8]) -> Result<Self, KeyError> {
        let wrong = || KeyError(String::from_utf8_lossy(key).into_owned());
        let text = std::str::from_utf8(key).map_err(|_| wrong())?;
        let part = |part: &str| {
            let part = unescape(part).ok_or_else(wrong)?;
            if part.is_empty() { Err(wrong()) } else { Ok(part) }
        };
        let named = |text: &str| {
            let (name, version) = text.split_once('@').ok_or_else(wrong)?;
            Ok((part(name)?, part(version)?))
        };
        match text.split('/').collect::<Vec<_>>()[..] {
            ["model", data_type, rest] => {
                let (name, version) = named(rest)?;
                Ok(Self::Model(ModelId { data_type: part(data_type)?, name, version }))
            }
            ["evaluator", rest] => {
                let (name, version) = named(rest)?;
                Ok(Self::Evaluator { name, version })
            }
            ["label", data_type, label] => Ok(Self::Label { data_type: part(data_type)?, label: part(label)? }),
            ["deployment", data_type] => Ok(Self::Deployment { data_type: part(data_type)? }),
            _ => Err(wrong()),
        }
    }
}

/// A part of a key, as it was before it was escaped; `None` where it was not UTF-8.
#[must_use]
pub fn unescape(part: &str) -> Option<String> {
    percent_decode_str(part).decode_utf8().ok().map(Cow::into_owned)
}

/// A part of a key, escaped.
#[must_use]
pub fn escape(part: &str) -> String {
    utf8_percent_encode(part, ESCAPED).to_string()
}

/// Key of a chunk on the topic `<models>.chunks`: the digest of the whole payload and the chunk's number, from 0.
#[must_use]
pub fn chunk_key(payload: Digest, number: usize) -> String {
    format!("{}/{number}", payload.hex())
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Model(id) => write!(f, "model/{}/{}@{}", escape(&id.data_type), escape(&id.name), escape(&id.version)),
            Self::Evaluator { name, version } => write!(f, "evaluator/{}@{}", escape(name), escape(version)),
            Self::Label { data_type, label } => write!(f, "label/{}/{}", escape(data_type), escape(label)),
            Self::Deployment { data_type } => write!(f, "deployment/{}", escape(data_type)),
        }
    }
}

/// What a model is known by: the digest of its payload, or, where config, evaluator, artifacts, grants or signature are set, of
/// the payload's digest and those fields in that order. `artifacts` are the digests of the artifacts' contents.
#[must_use]
pub fn model_digest(descriptor: &ModelDescriptor, payload: Digest, artifacts: &[Digest]) -> Digest {
    let plain = descriptor.config.is_none()
        && descriptor.evaluator.is_none()
        && descriptor.artifacts.is_empty()
        && descriptor.grants.is_none()
        && descriptor.signature.is_none();
    if plain {
        return payload;
    }
    let mut parts: Vec<Vec<u8>> = vec![payload.0.to_vec()];
    // A field that is absent and one that is empty are different things: each part begins with a mark.
    let mark = |set: bool, bytes: &[u8]| [&[u8::from(set)], bytes].concat();
    parts.push(mark(descriptor.config.is_some(), descriptor.config.as_deref().unwrap_or_default()));
    parts.push(mark(descriptor.evaluator.is_some(), descriptor.evaluator.as_deref().unwrap_or_default().as_bytes()));
    for (artifact, digest) in descriptor.artifacts.iter().zip(artifacts) {
        parts.push(artifact.name.as_bytes().to_vec());
        parts.push(digest.0.to_vec());
    }
    parts.push(mark(descriptor.grants.is_some(), &descriptor.grants.map(|grants| grants.encode_to_vec()).unwrap_or_default()));
    let signature = descriptor.signature.as_ref();
    parts.push(mark(signature.is_some(), &signature.map(Message::encode_to_vec).unwrap_or_default()));
    Digest::of_parts(&parts.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

/// Bytes a descriptor carries itself, payload and artifacts.
#[must_use]
pub fn carried_bytes(descriptor: &ModelDescriptor) -> usize {
    let payload = match &descriptor.payload {
        Some(Payload::Data(data)) => data.len(),
        _ => 0,
    };
    let artifacts = descriptor.artifacts.iter().map(|artifact| match &artifact.content {
        Some(artifact::Content::Data(data)) => data.len(),
        _ => 0,
    });
    payload + artifacts.sum::<usize>()
}
