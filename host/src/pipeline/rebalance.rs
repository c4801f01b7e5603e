//! Partitions come and go between two slices, never within one: a slice is delivered whole, and what is behind it in the hand
//! was not begun, so its next owner reads it again.

use super::lane::{Lane, Step};
use crate::stream::{Event, Link, LinkError, Partition};

impl<L: Link> Lane<L> {
    /// What an earlier step could not finish.
    pub(super) fn unfinished_business(&mut self) -> Result<Option<Step>, LinkError> {
        if let Some(reason) = self.broken.clone() {
            self.reopen()?;
            return Ok(Some(Step::Recovered(reason)));
        }
        match self.unanswered.take() {
            Some(event) => self.rebalance(event).map(Some),
            None => Ok(None),
        }
    }

    /// Answers the link. Should that fail, the event stays to be answered after the recovery.
    pub(super) fn rebalance(&mut self, event: Event) -> Result<Step, LinkError> {
        match event {
            Event::Filled => {}
            Event::Assigned(partitions) => {
                self.stats.rebalances.add(1);
                tracing::info!(stream = %self.config.stream, lane = self.config.lane, ?partitions, "assigned");
                self.positions.assign(&partitions);
                self.relocate();
            }
            Event::Revoking(partitions) => {
                self.unanswered = Some(Event::Revoking(partitions.clone()));
                self.drop_rows(&partitions);
                self.commit()?;
                self.let_go(&partitions)?;
            }
            Event::Lost(partitions) => {
                self.unanswered = Some(Event::Lost(partitions.clone()));
                self.drop_rows(&partitions);
                self.rewind()?;
                self.let_go(&partitions)?;
            }
        }
        Ok(Step::Rebalanced)
    }

    fn let_go(&mut self, partitions: &[Partition]) -> Result<(), LinkError> {
        self.link.release()?;
        self.unanswered = None;
        self.stats.rebalances.add(1);
        tracing::info!(stream = %self.config.stream, lane = self.config.lane, ?partitions, "released");
        self.positions.remove(partitions);
        self.suspects.remove(partitions);
        self.relocate();
        Ok(())
    }

    fn drop_rows(&mut self, partitions: &[Partition]) {
        for partition in partitions {
            if let Some(place) = self.positions.place(*partition) {
                self.hand.drop_place(self.hand.slice.end, place);
            }
        }
    }

    /// Places of records are indices into the positions, which have changed.
    fn relocate(&mut self) {
        self.hand.locate(self.hand.slice.end, &self.positions);
    }
}
