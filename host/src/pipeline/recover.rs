//! After a failure: back to what is committed.

use super::lane::{Lane, Step, Stop, Transaction};
use crate::stream::{Link, LinkError};
use crate::telemetry::LaneState;

impl<L: Link> Lane<L> {
    /// Answers a failure of the link.
    pub(super) fn recover(&mut self, error: LinkError) -> Result<Step, Stop> {
        let reason = error.to_string();
        tracing::warn!(stream = %self.config.stream, lane = self.config.lane, %reason, "going back to what is committed");
        let recovered = match error {
            LinkError::Abort(_) => self.rewind(),
            LinkError::Reopen(_) => self.reopen(),
            error @ (LinkError::Fatal(_) | LinkError::Namesake(_)) => Err(error),
        };
        match recovered {
            Ok(()) => Ok(Step::Recovered(reason)),
            Err(LinkError::Fatal(reason)) => Err(self.stop(reason, false)),
            Err(LinkError::Namesake(reason)) => Err(self.stop(reason, true)),
            // An abort that fails says nothing about the transaction; only new clients do.
            Err(LinkError::Abort(_) | LinkError::Reopen(_)) => {
                self.broken = Some(reason.clone());
                Ok(Step::Recovered(reason))
            }
        }
    }

    /// Gives up what was sent; everything since the last commit comes again.
    pub(super) fn rewind(&mut self) -> Result<(), LinkError> {
        self.link.abort()?;
        self.stats.aborts.add(1);
        self.positions.undo();
        self.forget();
        Ok(())
    }

    /// New clients; the partitions come back with their committed offsets.
    pub(super) fn reopen(&mut self) -> Result<(), LinkError> {
        self.broken = Some("new clients could not be opened".to_owned());
        self.link.reopen()?;
        self.broken = None;
        self.unanswered = None;
        self.stats.reopens.add(1);
        self.positions.clear();
        self.hold.forget();
        self.forget();
        Ok(())
    }

    /// Suspects are remembered: without them the same batch would fail in the same way for ever.
    fn forget(&mut self) {
        self.hand.clear();
        self.versions.clear();
        self.transaction = Transaction::default();
    }

    fn stop(&self, reason: String, namesake: bool) -> Stop {
        self.stats.set_state(LaneState::Stopped(reason.clone()));
        Stop { stream: self.config.stream.clone(), lane: self.config.lane, reason, namesake }
    }
}
