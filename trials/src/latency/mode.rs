//! How the streams that are compared are set.

use crate::kit::copier::How;
use crate::passthrough::{Guarantee, ProfileName};

/// A profile with exactly once, or the default profile with at least once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Mode {
    Throughput,
    Latency,
    AtLeastOnce,
}

impl Mode {
    pub(super) const ALL: [Self; 3] = [Self::Throughput, Self::Latency, Self::AtLeastOnce];

    /// Its key in the report.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Throughput => "throughput",
            Self::Latency => "latency",
            Self::AtLeastOnce => "at_least_once",
        }
    }

    /// Lines of the host's stream.
    pub(super) fn stream(self) -> &'static str {
        match self {
            Self::Throughput => "",
            Self::Latency => "profile = \"latency\"",
            Self::AtLeastOnce => "delivery = \"at_least_once\"",
        }
    }

    /// The pass-through's settings.
    pub(super) fn how(self, bytes: usize) -> How {
        let delivery = if self == Self::AtLeastOnce { Guarantee::AtLeastOnce } else { Guarantee::ExactlyOnce };
        let profile = if self == Self::Latency { ProfileName::Latency } else { ProfileName::Throughput };
        How { delivery, profile, bytes, producers: 1 }
    }
}
