//! What a demo on somebody's Kafka has made there, and takes away again.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use sandstream_traffic::Topics;

/// How long a broker may take to answer.
const PATIENCE: Duration = Duration::from_secs(15);

/// Deletes the topics and the group, which all have the name of this demo.
pub(crate) fn delete(topics: &Topics) -> Result<()> {
    let client: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", &topics.brokers).create().context("a client to delete topics with")?;
    let made = made(&client, topics)?;
    let names: Vec<&str> = made.iter().map(String::as_str).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().build().context("a runtime for requests")?;
    let options = AdminOptions::new().request_timeout(Some(PATIENCE)).operation_timeout(Some(PATIENCE));
    let mut left = Vec::new();
    if !names.is_empty() {
        let deleted = runtime.block_on(client.delete_topics(&names, &options)).context("deleting topics")?;
        left.extend(deleted.into_iter().filter_map(Result::err).map(|(name, error)| format!("topic {name} ({error})")));
    }
    // A group without members and without offsets is gone already.
    let group = runtime.block_on(client.delete_groups(&[&topics.input], &options)).context("deleting the group")?;
    let gone = |error| error == rdkafka::error::RDKafkaErrorCode::GroupIdNotFound;
    let refused = group.into_iter().filter_map(Result::err).filter(|(_, error)| !gone(*error));
    left.extend(refused.map(|(name, error)| format!("group {name} ({error})")));
    if left.is_empty() {
        return Ok(());
    }
    bail!("what is left: {}", left.join(", "))
}

/// The topics of this demo that there are.
fn made(client: &AdminClient<DefaultClientContext>, topics: &Topics) -> Result<Vec<String>> {
    let all = client.inner().fetch_metadata(None, PATIENCE).context("asking for topics")?;
    let own = |name: &str| name.strip_prefix(&topics.input).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    Ok(all.topics().iter().map(|topic| topic.name().to_owned()).filter(|name| own(name)).collect())
}

/// Deletes what the demo made on a Kafka that goes on without it, or says what stays.
pub(crate) fn settle(topics: &Topics, keep: bool) {
    let (name, brokers) = (&topics.input, &topics.brokers);
    if keep {
        println!("\nthe topics {name}, {name}.* and the group {name} stay on {brokers}: they are yours to delete");
        return;
    }
    if let Err(error) = delete(topics) {
        println!("\nthe topics {name}, {name}.* and the group {name} are to be deleted from {brokers} by hand: {error:#}");
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
    use rdkafka::{Offset, TopicPartitionList};

    use super::*;
    use crate::broker::Broker;
    use crate::stage;

    #[test]
    fn a_demo_takes_away_what_it_made_and_nothing_else() {
        let broker = Broker::start(None).unwrap();
        let topics = stage::topics(&broker);
        let name = &topics.input;
        let own = [name.clone(), format!("{name}.scores"), format!("{name}.models.status")];
        let others = [format!("{name}0"), "wine".to_owned()];
        broker.make(&own).unwrap();
        broker.make(&others).unwrap();
        let consumer: BaseConsumer =
            ClientConfig::new().set("bootstrap.servers", &topics.brokers).set("group.id", name).create().unwrap();
        let mut offsets = TopicPartitionList::new();
        offsets.add_partition_offset(name, 0, Offset::Offset(0)).unwrap();
        consumer.commit(&offsets, CommitMode::Sync).unwrap();
        delete(&topics).unwrap();
        let left = consumer.fetch_metadata(None, PATIENCE).unwrap();
        let mut left: Vec<&str> = left.topics().iter().map(rdkafka::metadata::MetadataTopic::name).collect();
        left.sort_unstable();
        assert_eq!(left, others.each_ref().map(String::as_str));
        assert!(consumer.fetch_group_list(Some(name), PATIENCE).unwrap().groups().iter().all(|group| group.state() == "Dead"));
        delete(&topics).unwrap();
    }
}
