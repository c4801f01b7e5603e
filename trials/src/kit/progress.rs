//! How far a consumer group has come, asked of the broker: the one measure that a host and the pass-through share, whatever their
//! guarantee, and that no transaction's markers blur.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use super::world::World;

/// How long the broker may take to answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// A group's committed offsets in the input of a world.
pub(crate) struct Progress {
    client: BaseConsumer,
    partitions: TopicPartitionList,
}

impl Progress {
    /// Looks at a group without joining it.
    pub(crate) fn of(world: &World, group: &str) -> Result<Self> {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &world.brokers).set("group.id", group).set("enable.auto.commit", "false");
        // Otherwise an answer waits until no transaction of the group is open, and there always is one.
        config.set("isolation.level", "read_uncommitted");
        let mut partitions = TopicPartitionList::new();
        for partition in 0..world.partitions {
            partitions.add_partition(&world.input(), partition);
        }
        Ok(Self { client: config.create()?, partitions })
    }

    /// Records up to the committed offsets, of all partitions.
    pub(crate) fn committed(&self) -> Result<u64> {
        let until = Instant::now() + PATIENCE;
        let known = loop {
            match self.client.committed_offsets(self.partitions.clone(), PATIENCE) {
                Ok(known) => break known,
                // On a machine that is busy a single broker takes itself for dead now and then, and is back a second later.
                Err(_) if Instant::now() < until => thread::sleep(Duration::from_millis(20)),
                Err(error) => return Err(error).context("committed offsets"),
            }
        };
        let offset = |element: Offset| if let Offset::Offset(next) = element { next.max(0).unsigned_abs() } else { 0 };
        Ok(known.elements().iter().map(|element| offset(element.offset())).sum())
    }
}
