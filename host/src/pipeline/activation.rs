//! Activations: the exact boundary of every switch, written in the transaction of the first result it is about.

use std::collections::VecDeque;

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

/// Numbers the versions of each data type, so that a row compares one number.
pub(super) struct Epochs {
    types: Vec<VecDeque<(Identity, Epoch)>>,
    last: Epoch,
}

/// What makes a version another one.
#[derive(PartialEq)]
struct Identity {
    revision: Revision,
    digest: Digest,
    evaluator: String,
}

/// So many versions of a data type are remembered. One that was forgotten has another number when it comes back, and an activation
/// more than necessary.
const REMEMBERED: usize = 16;

impl Epochs {
    pub(super) fn new(data_types: usize) -> Self {
        Self { types: (0..data_types).map(|_| VecDeque::new()).collect(), last: 0 }
    }

    /// The number of a version; never 0.
    pub(super) fn of(&mut self, data_type: usize, version: &Version) -> Epoch {
        let known = &mut self.types[data_type];
        let same = |known: &Identity| {
            known.revision == version.revision && known.digest == version.digest && known.evaluator == version.evaluator
        };
        if let Some((_, epoch)) = known.iter().find(|(identity, _)| same(identity)) {
            return *epoch;
        }
        self.last += 1;
        known.truncate(REMEMBERED - 1);
        let (revision, digest, evaluator) = (version.revision, version.digest, version.evaluator.clone());
        known.push_front((Identity { revision, digest, evaluator }, self.last));
        self.last
    }
}
