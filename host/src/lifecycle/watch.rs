//! Entry -> Order: what a record of the control log asks for.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use prost::Message;

use super::chunks::Manifest;
use super::locations::Locations;
use crate::stream::Entry;
use crate::types::control::{Key, model_digest};
use crate::types::proto::{self, Deployment, Label, ModelDescriptor, artifact, deployment, model_descriptor};
use crate::types::{Digest, ModelId, Revision};

/// Bytes of a data type, a name or a version: they are in every result, header and activation.
const NAME_BYTES_MAX: usize = 255;

/// A record of the control log, understood.
#[derive(Debug, Clone)]
pub struct Order {
    /// Its offset.
    pub revision: Revision,
    /// The revision its writer had seen.
    pub expects: Option<Revision>,
    /// What is to change.
    pub change: Change,
}

/// What an order changes.
#[derive(Debug, Clone)]
pub enum Change {
    /// A model is there.
    Announce(Arc<Announced>),
    /// A model is to go.
    Retire(ModelId),
    /// Which versions answer for a data type.
    Deploy {
        /// The data type.
        data_type: String,
        /// How its version is chosen.
        strategy: Strategy,
    },
    /// A name for a version, or `None`: the name is removed.
    Label {
        /// The data type.
        data_type: String,
        /// The label.
        label: String,
        /// Name and version it stands for.
        model: Option<(String, String)>,
    },
}

impl Change {
    /// The data type it is about.
    #[must_use]
    pub fn data_type(&self) -> &str {
        match self {
            Self::Announce(announced) => &announced.id.data_type,
            Self::Retire(id) => &id.data_type,
            Self::Deploy { data_type, .. } | Self::Label { data_type, .. } => data_type,
        }
    }
}

/// How the version that answers is chosen.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Strategy {
    /// The highest revision that is fit to answer.
    #[default]
    Latest,
    /// This one, whoever publishes.
    Pinned {
        /// Name of the model.
        name: String,
        /// Its version.
        version: String,
    },
}

/// A model as it was announced; its bytes are shared with every announcement of the same bytes.
#[derive(Debug, Clone)]
pub struct Announced {
    /// `dataType/name@version`
    pub id: ModelId,
    /// Offset of the announcement.
    pub revision: Revision,
    /// Whether the producer named the version.
    pub versioned: bool,
    /// What the model is known by; `None` where its files could not be read.
    pub digest: Option<Digest>,
    /// The descriptor, without the bytes it carried.
    pub(super) descriptor: ModelDescriptor,
    /// The model itself.
    pub(super) payload: Content,
    /// Contents of the descriptor's artifacts, in their order.
    pub(super) artifacts: Vec<Content>,
}

/// Where bytes are.
#[derive(Debug, Clone)]
pub(super) enum Content {
    /// They came with the descriptor.
    Carried { data: Arc<[u8]>, digest: Digest },
    /// In a file, with the digest the descriptor claims.
    Location { location: String, sha256: Option<Digest> },
    /// In pieces beside the control log.
    Chunked(Arc<Manifest>),
}

impl Announced {
    /// The size of the chunks in which it has bytes of that digest.
    pub(super) fn chunk_bytes(&self, digest: Digest) -> Option<usize> {
        let of = |content: &Content| match content {
            Content::Chunked(manifest) if manifest.digest() == digest => manifest.chunk_bytes(),
            _ => None,
        };
        self.artifacts.iter().chain([&self.payload]).find_map(of)
    }

    /// The same model where a later announcement of the same content has it: chunks that were sent again are elsewhere, and may
    /// be the only ones left.
    pub(super) fn at(&self, later: &Self) -> Option<Self> {
        let contents = |of: &Self| of.artifacts.iter().chain([&of.payload]).cloned().collect::<Vec<_>>();
        let moved = contents(self).iter().chain(&contents(later)).any(|content| matches!(content, Content::Chunked(_)));
        moved.then(|| Self { payload: later.payload.clone(), artifacts: later.artifacts.clone(), ..self.clone() })
    }

    /// Whether it has to say the same to the same records. Goldens are no part of a model's digest: who mends one that was wrong
    /// announces the model again.
    pub(super) fn has_goldens_of(&self, other: &Self) -> bool {
        self.descriptor.goldens == other.descriptor.goldens
    }

    /// The producer's words.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.descriptor.description
    }

    /// Kind of payload, as the descriptor's enum names it; a number where it has no name.
    #[must_use]
    pub fn model_type(&self) -> String {
        let number = self.descriptor.model_type;
        let known = model_descriptor::ModelType::try_from(number);
        known.map_or_else(|_| number.to_string(), |kind| kind.as_str_name().to_owned())
    }
}

/// A record that changes nothing, and why. Every host that reads the record says the same.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("control log, revision {revision}: {reason}")]
pub struct Refused {
    /// Offset of the record.
    pub revision: Revision,
    /// Data type it is about, where that much could be read.
    pub data_type: Option<String>,
    /// Model it announces, where that much could be read.
    pub id: Option<ModelId>,
    /// What was expected, what came, what to do.
    pub reason: String,
}

/// Reads the records of the control log.
pub(super) struct Watch {
    locations: Arc<Locations>,
    /// Bytes that some announcement still holds, so that a model published a hundred times is kept once. `None`: none are kept,
    /// for a reader that loads no model.
    carried: Option<HashMap<Digest, Weak<[u8]>>>,
}

impl Watch {
    pub(super) fn new(locations: Arc<Locations>) -> Self {
        Self { locations, carried: Some(HashMap::new()) }
    }

    /// Reads what records say and forgets the models they carry.
    pub(super) fn without_bytes() -> Self {
        Self { locations: Arc::new(Locations::none()), carried: None }
    }

    /// Frees the bytes that no announcement holds any more: as long as they are remembered, their memory is taken.
    pub(super) fn forget_unheld(&mut self) {
        if let Some(carried) = &mut self.carried {
            carried.retain(|_, held| held.strong_count() > 0);
        }
    }

    /// Reads a record.
    pub(super) fn read(&mut self, entry: Entry) -> Result<Order, Refused> {
        let revision = entry.revision;
        let mut refused = Refused { revision, data_type: None, id: None, reason: String::new() };
        let read = self.change(entry.key.as_deref(), entry.value, revision, &mut refused);
        match read.and_then(|change| Ok((change, expects(entry.expects.as_deref())?))) {
            Ok((change, expects)) => Ok(Order { revision, expects, change }),
            Err(reason) => Err(Refused { reason, ..refused }),
        }
    }

    fn change(
        &mut self,
        key: Option<&[u8]>,
        value: Option<Vec<u8>>,
        revision: Revision,
        about: &mut Refused,
    ) -> Result<Change, String> {
        let key = key.map(Key::parse).transpose().map_err(|error| error.to_string())?;
        about.data_type = key.as_ref().and_then(data_type_of);
        match (key, value) {
            (None, None) => Err("a record without key and value says nothing".to_owned()),
            (Some(Key::Evaluator { name, .. }), _) => {
                Err(format!("evaluators are not built yet, so `{name}` cannot be used; publish the model as a WASM module"))
            }
            (None, Some(value)) => self.announce(None, value, revision, about),
            (Some(Key::Model(id)), Some(value)) => {
                about.id = Some(cut(&id));
                self.announce(Some(id), value, revision, about)
            }
            (Some(Key::Model(id)), None) => short(&id).map(|()| Change::Retire(id)),
            (Some(Key::Deployment { data_type }), value) => deploy(data_type, value),
            (Some(Key::Label { data_type, label }), value) => name(data_type, label, value),
        }
    }

    fn announce(
        &mut self,
        key: Option<ModelId>,
        value: Vec<u8>,
        revision: Revision,
        about: &mut Refused,
    ) -> Result<Change, String> {
        let mut descriptor = ModelDescriptor::decode(value.as_slice())
            .map_err(|error| format!("expected a ModelDescriptor, got {} bytes that are none: {error}", value.len()))?;
        drop(value);
        let versioned = descriptor.version.is_some();
        let id = ModelId {
            data_type: descriptor.data_type.clone(),
            name: descriptor.name.clone(),
            version: descriptor.version.clone().unwrap_or_else(|| revision.to_string()),
        };
        if let Some(key) = key {
            short(&key)?;
            short(&id)?;
            agree(&key, &id, versioned)?;
        }
        about.data_type = Some(id.data_type.clone());
        about.id = Some(cut(&id));
        complete(&id)?;
        let payload = self.payload(&mut descriptor)?;
        let artifacts = descriptor.artifacts.iter_mut().map(|artifact| self.artifact(artifact)).collect::<Result<Vec<_>, _>>()?;
        let digest = self.identity(&descriptor, &payload, &artifacts);
        Ok(Change::Announce(Arc::new(Announced { id, revision, versioned, digest, descriptor, payload, artifacts })))
    }

    fn payload(&mut self, descriptor: &mut ModelDescriptor) -> Result<Content, String> {
        use model_descriptor::Payload;
        let sha256 = claimed("the model", descriptor.sha256.as_deref())?;
        match (descriptor.payload.take(), descriptor.chunks.take()) {
            (Some(Payload::Data(data)), None) => self.carried("the model", data, sha256),
            (Some(Payload::Location(location)), None) => Ok(Content::Location { location, sha256 }),
            (None, Some(chunks)) => chunked("the model", chunks, sha256),
            (Some(_), Some(_)) => Err("the descriptor has `chunks` beside `data` or `location`; which is the model?".to_owned()),
            (None, None) => Err("the descriptor has neither `data` nor `location` nor `chunks`, so there is no model".to_owned()),
        }
    }

    fn artifact(&mut self, artifact: &mut crate::types::proto::Artifact) -> Result<Content, String> {
        let what = format!("artifact `{}`", artifact.name);
        let sha256 = claimed(&what, artifact.sha256.as_deref())?;
        match artifact.content.take() {
            Some(artifact::Content::Data(data)) => self.carried(&what, data, sha256),
            Some(artifact::Content::Location(location)) => Ok(Content::Location { location, sha256 }),
            Some(artifact::Content::Chunks(chunks)) => chunked(&what, chunks, sha256),
            None => Err(format!("{what} has neither `data` nor `location` nor `chunks`")),
        }
    }

    /// Bytes that came with the descriptor: they are what they claim to be, or the record is refused.
    fn carried(&mut self, what: &str, data: Vec<u8>, sha256: Option<Digest>) -> Result<Content, String> {
        let digest = Digest::of(&data);
        if let Some(claimed) = sha256
            && claimed != digest
        {
            return Err(format!("{what} has {} bytes of digest {digest}, but its descriptor claims {claimed}", data.len()));
        }
        let Some(carried) = &mut self.carried else {
            return Ok(Content::Carried { data: Arc::default(), digest });
        };
        if let Some(data) = carried.get(&digest).and_then(Weak::upgrade) {
            return Ok(Content::Carried { data, digest });
        }
        let data: Arc<[u8]> = data.into();
        carried.retain(|_, held| held.strong_count() > 0);
        carried.insert(digest, Arc::downgrade(&data));
        Ok(Content::Carried { data, digest })
    }

    fn identity(&self, descriptor: &ModelDescriptor, payload: &Content, artifacts: &[Content]) -> Option<Digest> {
        let digest = |content: &Content| match content {
            Content::Carried { digest, .. } => Some(*digest),
            Content::Location { sha256: Some(digest), .. } => Some(*digest),
            Content::Location { location, sha256: None } => self.locations.unverified_digest(location),
            Content::Chunked(manifest) => Some(manifest.digest()),
        };
        let artifacts = artifacts.iter().map(digest).collect::<Option<Vec<_>>>()?;
        Some(model_digest(descriptor, digest(payload)?, &artifacts))
    }
}

fn data_type_of(key: &Key) -> Option<String> {
    match key {
        Key::Model(id) => Some(id.data_type.clone()),
        Key::Label { data_type, .. } | Key::Deployment { data_type } => Some(data_type.clone()),
        Key::Evaluator { .. } => None,
    }
}

fn expects(header: Option<&[u8]>) -> Result<Option<Revision>, String> {
    let Some(header) = header else { return Ok(None) };
    let text = String::from_utf8_lossy(header);
    let revision =
        text.parse().map_err(|_| format!("expected a revision in decimal in the header `sandstream-expects`, got `{text}`"));
    revision.map(Some)
}

fn agree(key: &ModelId, value: &ModelId, versioned: bool) -> Result<(), String> {
    if !versioned {
        return Err(format!(
            "the key says `{key}`, but the descriptor has no version; set it, or send the descriptor without a key"
        ));
    }
    if key != value {
        return Err(format!("the key says `{key}`, the descriptor `{value}`; they have to agree"));
    }
    Ok(())
}

fn complete(id: &ModelId) -> Result<(), String> {
    for (what, part) in [("data type", &id.data_type), ("name", &id.name), ("version", &id.version)] {
        if part.is_empty() {
            return Err(format!("the descriptor of `{}` has an empty {what}", cut(id)));
        }
    }
    short(id)
}

fn short(id: &ModelId) -> Result<(), String> {
    within("data type", &id.data_type)?;
    within("name", &id.name)?;
    within("version", &id.version)
}

fn within(what: &str, text: &str) -> Result<(), String> {
    let bytes = text.len();
    if bytes <= NAME_BYTES_MAX {
        return Ok(());
    }
    Err(format!("a {what} has at most {NAME_BYTES_MAX} bytes, as it is in every result; this one has {bytes}"))
}

/// As much of a model's name as is fit to be listed.
fn cut(id: &ModelId) -> ModelId {
    let part = |part: &str| part[..part.floor_char_boundary(NAME_BYTES_MAX)].to_owned();
    ModelId { data_type: part(&id.data_type), name: part(&id.name), version: part(&id.version) }
}

fn claimed(what: &str, sha256: Option<&[u8]>) -> Result<Option<Digest>, String> {
    sha256.map(Digest::try_from).transpose().map_err(|error| format!("sha256 of {what}: {error}"))
}

fn chunked(what: &str, chunks: proto::Manifest, sha256: Option<Digest>) -> Result<Content, String> {
    let digest = sha256.ok_or_else(|| format!("{what} is in chunks and has no sha256, by which they are found and checked"))?;
    Ok(Content::Chunked(Arc::new(Manifest::read(what, digest, chunks)?)))
}

fn deploy(data_type: String, value: Option<Vec<u8>>) -> Result<Change, String> {
    use deployment::strategy::Kind;
    // A deployment that is removed leaves what a data type has from the start.
    let Some(value) = value else { return Ok(Change::Deploy { data_type, strategy: Strategy::Latest }) };
    let deployment = Deployment::decode(value.as_slice()).map_err(|error| format!("expected a Deployment: {error}"))?;
    if deployment.data_type != data_type {
        return Err(format!("the key says data type `{data_type}`, the deployment `{}`", deployment.data_type));
    }
    let strategy = match deployment.strategy.and_then(|strategy| strategy.kind) {
        Some(Kind::Latest(_)) => Strategy::Latest,
        Some(Kind::Pinned(pinned)) => {
            within("name", &pinned.name)?;
            within("version", &pinned.version)?;
            Strategy::Pinned { name: pinned.name, version: pinned.version }
        }
        None => return Err("the deployment has no strategy that this host knows (latest, pinned)".to_owned()),
    };
    Ok(Change::Deploy { data_type, strategy })
}

fn name(data_type: String, label: String, value: Option<Vec<u8>>) -> Result<Change, String> {
    let Some(value) = value else { return Ok(Change::Label { data_type, label, model: None }) };
    let value = Label::decode(value.as_slice()).map_err(|error| format!("expected a Label: {error}"))?;
    if (&value.data_type, &value.label) != (&data_type, &label) {
        return Err(format!(
            "the key says label `{label}` of `{data_type}`, the value `{}` of `{}`",
            value.label, value.data_type
        ));
    }
    within("label", &label)?;
    within("name", &value.name)?;
    within("version", &value.version)?;
    Ok(Change::Label { data_type, label, model: Some((value.name, value.version)) })
}
