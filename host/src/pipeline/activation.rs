//! Activations: the exact boundary of every switch, written in the transaction of the first result it is about.

use serde::{Deserialize, Serialize};

use super::positions::Epoch;
use crate::registry::Version;
use crate::types::control::escape;
use crate::types::{Digest, Revision};

/// From `first_offset` on, this version answers for the data type in the partition of the record's key. The one in force for a
/// record is the last whose first offset is not above the record's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Activation {
    /// First offset it answers for.
    pub first_offset: i64,
    /// Offset of the model's announcement.
    pub revision: Revision,
    /// Name of the model.
    pub model: String,
    /// Its version.
    pub version: String,
    /// `sha256:<hex>`
    pub digest: String,
    /// Its evaluator, `name@version`; empty when it has none.
    pub evaluator: String,
}

impl Activation {
    pub(super) fn of(version: &Version, first_offset: i64) -> Self {
        Self {
            first_offset,
            revision: version.revision,
            model: version.id.name.clone(),
            version: version.id.version.clone(),
            digest: version.digest.to_string(),
            evaluator: version.evaluator.clone(),
        }
    }

    /// `<stream>/<topic>/<partition>/<dataType>`, parts percent-encoded.
    #[must_use]
    pub fn key(stream: &str, topic: &str, partition: i32, data_type: &str) -> String {
        format!("{}/{}/{partition}/{}", escape(stream), escape(topic), escape(data_type))
    }
}

/// Numbers the versions of each data type as they come into force, so that a row compares one number.
pub(super) struct Epochs(Vec<Last>);

#[derive(Default)]
struct Last {
    epoch: Epoch,
    version: Option<(Revision, Digest, String)>,
}

impl Epochs {
    pub(super) fn new(data_types: usize) -> Self {
        Self((0..data_types).map(|_| Last::default()).collect())
    }

    /// The number of the version that is in force now.
    pub(super) fn of(&mut self, data_type: usize, version: &Version) -> Epoch {
        let last = &mut self.0[data_type];
        let same = last.version.as_ref().is_some_and(|(revision, digest, evaluator)| {
            *revision == version.revision && *digest == version.digest && *evaluator == version.evaluator
        });
        if !same {
            last.version = Some((version.revision, version.digest, version.evaluator.clone()));
            last.epoch += 1;
        }
        last.epoch
    }
}
