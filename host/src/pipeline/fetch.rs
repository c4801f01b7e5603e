//! fetch: records into the hand, and the data type of each.

use std::time::Instant;

use super::lane::Lane;
use crate::stream::{Event, Link, LinkError};

impl<L: Link> Lane<L> {
    /// Takes records when none is in hand; the link is served either way. Returns what the link has to say besides records.
    pub(super) fn fetch(&mut self, now: Instant) -> Result<Option<Event>, LinkError> {
        if !self.hand.is_done() {
            return self.link.events();
        }
        self.hand.clear();
        let mut until = now + self.config.poll_max;
        for earlier in [self.commit_at(), self.hold.look_at(now)].into_iter().flatten() {
            until = until.min(earlier);
        }
        match self.link.fill(&mut self.hand.batch, until)? {
            Event::Filled if self.hand.batch.is_empty() => {
                // A lane that has nothing to do is ready for more.
                self.flows();
                Ok(None)
            }
            Event::Filled => {
                self.stats.records_in.add(self.hand.batch.len() as u64);
                self.stats.bytes_in.add(self.hand.batch.bytes() as u64);
                self.hand.locate(0, &self.positions);
                self.selector.types_of(&self.hand.batch, &mut self.hand.types);
                Ok(None)
            }
            event => Ok(Some(event)),
        }
    }
}
