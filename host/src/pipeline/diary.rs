//! What a lane logs of its records: each switch of a model, and dead letters no oftener than once a second, because a log that
//! grows with the records is as harmful as none.

use std::time::{Duration, Instant};

use super::lane::Lane;
use crate::registry::Version;
use crate::stream::Link;

/// Between two lines about dead letters.
const SECOND: Duration = Duration::from_secs(1);

/// When the last line about a dead letter was written, and how many were not worth one since.
#[derive(Debug, Default)]
pub(super) struct Diary {
    last: Option<Instant>,
    unlogged: u64,
}

impl Diary {
    /// Whether a line may be written: how many dead letters have had none since the last one.
    fn due(&mut self, now: Instant) -> Option<u64> {
        if self.last.is_some_and(|last| now.saturating_duration_since(last) < SECOND) {
            self.unlogged += 1;
            return None;
        }
        self.last = Some(now);
        Some(std::mem::take(&mut self.unlogged))
    }
}

impl<L: Link> Lane<L> {
    pub(super) fn log_switch(&self, record: usize, version: &Version) {
        let at = &self.hand.batch.records()[record];
        tracing::info!(
            stream = %self.config.stream,
            lane = self.config.lane,
            topic = %self.config.inputs[at.topic as usize].topic,
            partition = at.partition,
            offset = at.offset,
            model = %version.id,
            "a model answers from here on"
        );
    }

    pub(super) fn log_letter(&mut self, record: usize, letter: u32, now: Instant) {
        let Some(unlogged) = self.diary.due(now) else { return };
        let letter = &self.hand.letters[letter as usize];
        let model = letter.version.map(|version| self.versions[version as usize].version.id.to_string());
        let at = &self.hand.batch.records()[record];
        tracing::warn!(
            stream = %self.config.stream,
            lane = self.config.lane,
            topic = %self.config.inputs[at.topic as usize].topic,
            partition = at.partition,
            offset = at.offset,
            stage = letter.stage.as_str(),
            model,
            reason = letter.message(),
            unlogged,
            "dead letter"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_a_second_and_the_count_of_the_others() {
        let (mut diary, start) = (Diary::default(), Instant::now());
        let at = |ms| start + Duration::from_millis(ms);
        let lines: Vec<_> = [0, 1, 999, 1000, 1500, 2000].map(|ms| diary.due(at(ms))).into();
        assert_eq!(lines, [Some(0), None, None, Some(2), None, Some(1)]);
    }
}
