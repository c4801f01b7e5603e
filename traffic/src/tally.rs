//! Who was answered, and how often. It counts every record of the output by the raw offset of the input it is about; a set would
//! hide what comes twice.

use std::collections::HashMap;

use anyhow::{Result, ensure};
use serde::Serialize;

use crate::Topics;
use crate::answers::{Isolation, Reader, ScoringResult, origin};

/// Answers by input partition and offset.
#[derive(Debug, Default)]
pub struct Tally {
    counts: Vec<Vec<u8>>,
    /// Input offset of the last answer, by output topic and partition.
    last: HashMap<(Sink, i32), i64>,
    /// Results counted.
    pub results: u64,
    /// Dead letters counted.
    pub dead_letters: u64,
    /// Answers that stand behind one about a later record.
    pub out_of_order: u64,
}

/// Where an answer stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sink {
    /// In the output topic.
    Scores,
    /// In the dead-letter topic.
    DeadLetters,
}

/// What a tally comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Records of the input.
    pub sent: u64,
    /// Results.
    pub results: u64,
    /// Dead letters.
    pub dead_letters: u64,
    /// Records without an answer.
    pub missing: u64,
    /// Answers too many.
    pub duplicated: u64,
    /// Answers that stand behind one about a later record.
    pub out_of_order: u64,
}

impl Verdict {
    /// Whether every record was answered once and in order.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.missing + self.duplicated + self.out_of_order == 0
    }
}

impl Tally {
    /// Reads all that is committed in the output and dead-letter topics; `each` sees every result.
    ///
    /// # Errors
    /// They cannot be read, or hold what is no answer.
    pub fn of(topics: &Topics, mut each: impl FnMut(&ScoringResult<'_>)) -> Result<Self> {
        let mut tally = Self::default();
        let open = |topic: &str| Reader::open(&topics.brokers, topic, topics.partitions, Isolation::Committed);
        open(&topics.scores)?.to_end(|message| {
            let result = ScoringResult::read(message)?;
            each(&result);
            tally.count(Sink::Scores, rdkafka::Message::partition(message), result.partition, result.offset)
        })?;
        open(&topics.dead_letters)?.to_end(|message| {
            let (partition, offset) = origin(message)?;
            tally.count(Sink::DeadLetters, rdkafka::Message::partition(message), partition, offset)
        })?;
        Ok(tally)
    }

    /// Counts an answer that stood in partition `at` of a sink and is about `offset` of the input's `partition`.
    ///
    /// # Errors
    /// There are no such positions.
    pub fn count(&mut self, sink: Sink, at: i32, partition: i32, offset: i64) -> Result<()> {
        ensure!(partition >= 0 && offset >= 0, "an answer about partition {partition}, offset {offset}");
        let (partition, offset_at) = (partition as usize, offset as usize);
        if self.counts.len() <= partition {
            self.counts.resize_with(partition + 1, Vec::new);
        }
        let counts = &mut self.counts[partition];
        if counts.len() <= offset_at {
            counts.resize(offset_at + 1, 0);
        }
        counts[offset_at] = counts[offset_at].saturating_add(1);
        match sink {
            Sink::Scores => self.results += 1,
            Sink::DeadLetters => self.dead_letters += 1,
        }
        let last = self.last.insert((sink, at), offset);
        self.out_of_order += u64::from(last.is_some_and(|last| last >= offset));
        Ok(())
    }

    /// Compares with the input: `ends` is the next offset of each of its partitions.
    #[must_use]
    pub fn verdict(&self, ends: &[i64]) -> Verdict {
        let none = Vec::new();
        let (mut missing, mut duplicated) = (0, 0);
        for (partition, &end) in ends.iter().enumerate() {
            let counts = self.counts.get(partition).unwrap_or(&none);
            let answered = counts.iter().filter(|count| **count > 0).count() as u64;
            missing += (end.max(0) as u64).saturating_sub(answered);
            duplicated += counts.iter().map(|count| u64::from(count.saturating_sub(1))).sum::<u64>();
        }
        let sent = ends.iter().map(|end| end.max(&0).unsigned_abs()).sum();
        let Self { results, dead_letters, out_of_order, .. } = *self;
        Verdict { sent, results, dead_letters, missing, duplicated, out_of_order }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(answers: &[(Sink, i32, i64)]) -> Verdict {
        let mut tally = Tally::default();
        for (sink, partition, offset) in answers {
            assert!(tally.count(*sink, *partition, *partition, *offset).is_ok());
        }
        tally.verdict(&[3, 2])
    }

    #[test]
    fn it_sees_what_is_missing_twice_or_out_of_order() {
        use Sink::{DeadLetters, Scores};
        let whole = [(Scores, 0, 0), (DeadLetters, 0, 1), (Scores, 0, 2), (Scores, 1, 0), (Scores, 1, 1)];
        let clean = tally(&whole);
        assert!(clean.is_clean(), "{clean:?}");
        assert_eq!((clean.sent, clean.results, clean.dead_letters), (5, 4, 1));
        assert_eq!(tally(&whole[1..]).missing, 1);
        // Once as a result and once as a dead letter is twice.
        let twice = tally(&[&whole[..], &[(DeadLetters, 0, 2)]].concat());
        assert_eq!((twice.missing, twice.duplicated, twice.out_of_order), (0, 1, 0));
        let back = tally(&[whole[2], whole[0], whole[1], whole[3], whole[4]]);
        assert_eq!((back.missing, back.duplicated, back.out_of_order), (0, 0, 1));
    }
}
