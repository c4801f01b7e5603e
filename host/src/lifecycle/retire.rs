//! Draining -> gone. A version that was replaced is freed when the last lane has dropped it, by the reaper, never by a lane: the
//! control plane keeps one reference until it holds the only one.

use std::sync::Arc;

use super::task::{Kind, Place, Task};
use crate::registry::Version;
use crate::types::Revision;

/// Versions that wait for their last user.
#[derive(Default)]
pub(super) struct Draining(Vec<(Place, Arc<Version>)>);

impl Draining {
    /// A version is no longer routed to.
    pub(super) fn add(&mut self, place: Place, version: Arc<Version>) {
        self.0.push((place, version));
    }

    /// Whether nobody uses one of them any more.
    pub(super) fn any_unused(&self) -> bool {
        self.0.iter().any(|(_, version)| Arc::strong_count(version) == 1)
    }

    /// Those that a stream used.
    pub(super) fn of_stream(&self, stream: usize) -> impl Iterator<Item = &Arc<Version>> {
        self.0.iter().filter(move |(place, _)| place.stream == stream).map(|(_, version)| version)
    }

    /// The versions nobody uses any more, each as the task that frees it.
    pub(super) fn drained(&mut self) -> Vec<(Place, Revision, Task)> {
        let unused = |(_, version): &mut (Place, Arc<Version>)| Arc::strong_count(version) == 1;
        let freed = |(place, version): (Place, Arc<Version>)| (place, version.revision, Task(Kind::Free { version }));
        self.0.extract_if(.., unused).map(freed).collect()
    }

    /// Whether none is left.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
