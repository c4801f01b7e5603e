//! What is measured on every backlog.

use crate::kit::copier::How;
use crate::passthrough::{Guarantee, ProfileName};

/// A program and how it is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Case {
    PassThroughAtLeastOnce,
    PassThrough,
    PassThroughTwoProducers,
    Linear,
    Forest,
}

impl Case {
    pub(super) fn list(two_producers: bool) -> Vec<Self> {
        let all = [Self::PassThroughAtLeastOnce, Self::PassThrough, Self::PassThroughTwoProducers, Self::Linear, Self::Forest];
        all.into_iter().filter(|case| two_producers || *case != Self::PassThroughTwoProducers).collect()
    }

    /// Its key in the report.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::PassThroughAtLeastOnce => "passthrough_at_least_once",
            Self::PassThrough => "passthrough",
            Self::PassThroughTwoProducers => "passthrough_two_producers",
            Self::Linear => "linear",
            Self::Forest => "forest",
        }
    }

    /// The model, where it is the host that is measured.
    pub(super) fn model(self) -> Option<&'static str> {
        match self {
            Self::Linear => Some(LINEAR),
            Self::Forest => Some(FOREST),
            Self::PassThroughAtLeastOnce | Self::PassThrough | Self::PassThroughTwoProducers => None,
        }
    }

    /// The pass-through's settings.
    pub(super) fn how(self, bytes: usize) -> How {
        let delivery = if self == Self::PassThroughAtLeastOnce { Guarantee::AtLeastOnce } else { Guarantee::ExactlyOnce };
        let producers = if self == Self::PassThroughTwoProducers { 2 } else { 1 };
        How { delivery, profile: ProfileName::Throughput, bytes, producers }
    }
}

/// The committed components that are measured.
pub(super) const LINEAR: &str = "wine-linear";
pub(super) const FOREST: &str = "wine-forest";
