//! The activation records of a trial, and whether results agree with them to the offset.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use rdkafka::Message as _;
use sandstream::pipeline::Activation;

use super::world::World;
use sandstream_traffic::{Isolation, Reader, ScoringResult};

/// Activations of the data type `wine` on the stream `scores`.
#[derive(Default)]
pub(crate) struct Activations {
    /// By input partition, in the order of the log.
    partitions: BTreeMap<i32, Vec<Activation>>,
    /// To which revision a partition changed last.
    changed_to: Option<u64>,
    /// How often the version that answers changed. Partitions that follow one another to the same version count once, and another
    /// owner of a partition is no change.
    pub(crate) swaps: u64,
}

impl Activations {
    /// Reads what is committed.
    pub(crate) fn read(world: &World) -> Result<Self> {
        let mut all = Self::default();
        let reader = Reader::open(&world.brokers, &world.activations(), 1, Isolation::Committed)?;
        reader.to_end(|message| {
            let key = std::str::from_utf8(message.key().context("an activation without a key")?)?;
            let partition = key.split('/').nth(2).and_then(|part| part.parse().ok());
            let partition = partition.with_context(|| format!("the key of an activation names no partition: {key}"))?;
            all.add(partition, serde_json::from_slice(message.payload().context("an activation without a value")?)?)
        })?;
        Ok(all)
    }

    /// Adds the next one of the log.
    fn add(&mut self, partition: i32, activation: Activation) -> Result<()> {
        let of_partition = self.partitions.entry(partition).or_default();
        if let Some(last) = of_partition.last() {
            // They are in the transactions of the records they are about, and these go forward.
            ensure!(last.first_offset < activation.first_offset, "partition {partition}: {activation:?} comes after {last:?}");
            if last.revision != activation.revision && self.changed_to.replace(activation.revision) != Some(activation.revision) {
                self.swaps += 1;
            }
        }
        of_partition.push(activation);
        Ok(())
    }

    /// Whether a result is of the version in force for its record.
    pub(crate) fn agree(&self, result: &ScoringResult<'_>) -> bool {
        let Some(of_partition) = self.partitions.get(&result.partition) else { return false };
        let after = of_partition.partition_point(|activation| activation.first_offset <= result.offset);
        let Some(in_force) = after.checked_sub(1).map(|at| &of_partition[at]) else { return false };
        (in_force.revision, in_force.model.as_str(), in_force.version.as_str()) == (result.revision, result.model, result.version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn activation(first_offset: i64, revision: u64) -> Activation {
        let (model, version) = ("linear".to_owned(), revision.to_string());
        Activation { first_offset, revision, model, version, digest: String::new(), evaluator: String::new() }
    }

    #[test]
    fn the_last_one_that_began_before_a_record_is_in_force() {
        let mut all = Activations::default();
        for (first_offset, revision) in [(3, 7), (10, 8), (20, 8), (30, 7)] {
            assert!(all.add(0, activation(first_offset, revision)).is_ok());
        }
        assert!(all.add(0, activation(30, 9)).is_err());
        let agree = |partition, offset, revision: u64, version| {
            all.agree(&ScoringResult { model: "linear", version, revision, partition, offset })
        };
        for (offset, revision, version) in [(3, 7, "7"), (9, 7, "7"), (10, 8, "8"), (29, 8, "8"), (30, 7, "7"), (99, 7, "7")] {
            assert!(agree(0, offset, revision, version), "offset {offset}");
        }
        for (partition, offset, revision, version) in [(0, 2, 7, "7"), (0, 10, 7, "7"), (0, 10, 8, "7"), (1, 10, 8, "8")] {
            assert!(!agree(partition, offset, revision, version), "partition {partition}, offset {offset}");
        }
        for (first_offset, revision) in [(0, 7), (5, 8), (9, 7)] {
            assert!(all.add(1, activation(first_offset, revision)).is_ok());
        }
        // 8 and 7 again in partition 0, then 8 and 7 in partition 1.
        assert_eq!(all.swaps, 4);
    }
}
