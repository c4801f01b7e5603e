//! Announced -> Verified: everything a descriptor claims is checked, and its bytes are in hand.

use std::sync::Arc;

use super::Config;
use super::golden::{self, Case};
use super::grants;
use super::locations::{Located, Locations};
use super::watch::{Announced, Content};
use crate::backend::{Artifact, Backends, Payload, Rejected, Stage};
use crate::stream::Chunks;
use crate::types::control::model_digest;
use crate::types::proto::{ModelDescriptor, model_descriptor::ModelType};
use crate::types::{Digest, Limits, Signature};

/// What a descriptor is checked against.
pub(super) struct Rules {
    pub(super) locations: Arc<Locations>,
    pub(super) chunks: Arc<dyn Chunks>,
    pub(super) limits: Limits,
    pub(super) maxima: Limits,
    /// The most by which a golden may let a float differ.
    pub(super) golden_tolerance: f64,
}

impl Rules {
    /// A host's, by its configuration.
    pub(super) fn of(config: &Config, locations: Arc<Locations>, chunks: Arc<dyn Chunks>) -> Self {
        let (limits, maxima) = (config.limits.clone(), config.maxima.clone());
        Self { locations, chunks, limits, maxima, golden_tolerance: config.golden_tolerance }
    }
}

/// A model whose payload and permissions are in order.
pub(super) struct Verified {
    pub(super) announced: Arc<Announced>,
    pub(super) digest: Digest,
    pub(super) payload: Payload,
    pub(super) limits: Limits,
    /// Records and what the model has to say to them.
    pub(super) goldens: Vec<Case>,
}

/// Checks a descriptor and reads its files and chunks. What it says once `go_on` is false is of no meaning.
pub(super) fn verify(
    announced: &Arc<Announced>,
    rules: &Rules,
    backends: &Backends,
    go_on: &dyn Fn() -> bool,
) -> Result<Verified, Rejected> {
    checked(announced, rules, backends, go_on).map_err(|reason| Rejected { stage: Stage::Verify, reason })
}

fn checked(announced: &Arc<Announced>, rules: &Rules, backends: &Backends, go_on: &dyn Fn() -> bool) -> Result<Verified, String> {
    let descriptor = &announced.descriptor;
    let kind = kind(descriptor, backends)?;
    built(descriptor)?;
    let goldens = goldens(descriptor, rules.golden_tolerance)?;
    let limits = grants::apply(descriptor.grants.as_ref(), &rules.limits, &rules.maxima)?;
    let (data, digest) = content("the model", &announced.payload, rules, go_on)?;
    let artifacts = artifacts(announced, rules, go_on)?;
    let digests: Vec<_> = artifacts.iter().map(|artifact| artifact.digest).collect();
    let payload = Payload {
        kind,
        digest,
        data,
        config: descriptor.config.clone().unwrap_or_default().into(),
        artifacts: artifacts.into(),
        signature: descriptor.signature.as_ref().map(Signature::try_from).transpose()?,
        label: announced.id.to_string().into(),
    };
    let digest = model_digest(descriptor, digest, &digests);
    if let Some(known) = announced.digest
        && known != digest
    {
        return Err(format!("its files changed since it was announced: it was {known} and is {digest}"));
    }
    Ok(Verified { announced: announced.clone(), digest, payload, limits, goldens })
}

fn kind(descriptor: &ModelDescriptor, backends: &Backends) -> Result<ModelType, String> {
    let number = descriptor.model_type;
    let kind = ModelType::try_from(number).map_err(|_| format!("model type {number} is not one this host knows"))?;
    backends.of(kind).map(|_| kind).map_err(|rejected| rejected.reason)
}

/// A field that is set and not understood might be what keeps the model from doing harm, so the model is not used without it.
fn built(descriptor: &ModelDescriptor) -> Result<(), String> {
    let fields = [
        ("evaluator", descriptor.evaluator.is_some()),
        ("lineage", descriptor.lineage.is_some()),
        ("effective_from", descriptor.effective_from.is_some()),
        ("authenticity", !descriptor.authenticity.is_empty()),
        ("formats", !descriptor.formats.is_empty()),
    ];
    let set: Vec<_> = fields.iter().filter(|(_, set)| *set).map(|(name, _)| format!("`{name}`")).collect();
    if set.is_empty() {
        return Ok(());
    }
    Err(format!("the descriptor sets {}, which is not built yet; publish without it", set.join(", ")))
}

/// Each is a line of a golden file. A tolerance that lets everything through would be no test.
fn goldens(descriptor: &ModelDescriptor, tolerance_max: f64) -> Result<Vec<Case>, String> {
    let mut cases = Vec::with_capacity(descriptor.goldens.len());
    for (number, line) in (1..).zip(&descriptor.goldens) {
        let text = std::str::from_utf8(line).map_err(|error| format!("golden {number}: {error}"))?;
        let case = golden::case(number, text).map_err(|reason| format!("golden {number}: {reason}"))?;
        if case.expected.is_none() {
            return Err(format!("golden {number} says neither `outputs` nor `rejected`"));
        }
        if case.tolerance > tolerance_max {
            return Err(format!(
                "golden {number} has a tolerance of {}, at most {tolerance_max} is allowed (`limits.golden_tolerance`)",
                case.tolerance
            ));
        }
        cases.push(case);
    }
    Ok(cases)
}

fn artifacts(announced: &Announced, rules: &Rules, go_on: &dyn Fn() -> bool) -> Result<Vec<Artifact>, String> {
    let mut artifacts: Vec<Artifact> = Vec::with_capacity(announced.artifacts.len());
    for (descriptor, source) in announced.descriptor.artifacts.iter().zip(&announced.artifacts) {
        let name = descriptor.name.clone();
        if name.is_empty() || artifacts.iter().any(|artifact| artifact.name == name) {
            return Err(format!("artifact names have to be distinct and not empty, got `{name}`"));
        }
        let (data, digest) = content(&format!("artifact `{name}`"), source, rules, go_on)?;
        artifacts.push(Artifact { name, digest, data });
    }
    Ok(artifacts)
}

fn content(what: &str, content: &Content, rules: &Rules, go_on: &dyn Fn() -> bool) -> Result<(Arc<[u8]>, Digest), String> {
    let (data, digest) = match content {
        Content::Carried { data, digest } => (data.clone(), *digest),
        Content::Location { location, sha256 } => located(what, location, *sha256, &rules.locations)?,
        Content::Chunked(manifest) => {
            let data = manifest.fetch(rules.chunks.as_ref(), rules.limits.payload_bytes, go_on);
            (data.map_err(|error| format!("{what}: {error}"))?, manifest.digest())
        }
    };
    let max = rules.limits.payload_bytes;
    if data.len() as u64 > max {
        return Err(format!("{what} has {} bytes, at most {max} are allowed (`limits.payload`)", data.len()));
    }
    if data.is_empty() {
        return Err(format!("{what} is empty"));
    }
    Ok((data, digest))
}

fn located(what: &str, location: &str, sha256: Option<Digest>, locations: &Locations) -> Result<(Arc<[u8]>, Digest), String> {
    if sha256.is_none() && !locations.unverified(location) {
        return Err(format!(
            "{what} is at `{location}` without sha256; give it, or set `control.unverified_locations = true` to trust a file as it is"
        ));
    }
    let Located { data, digest } = locations.read(location).map_err(|error| format!("{what}: {error}"))?;
    match sha256 {
        Some(claimed) if claimed != digest => {
            Err(format!("{what} at `{location}` has {} bytes of digest {digest}, expected {claimed}", data.len()))
        }
        _ => Ok((data, digest)),
    }
}
