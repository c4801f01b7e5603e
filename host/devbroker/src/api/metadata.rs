//! The cluster and its topics.

use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::describe_cluster_response::DescribeClusterBroker;
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::metadata_response::{MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic};
use kafka_protocol::messages::{DescribeClusterRequest, DescribeClusterResponse, MetadataRequest, MetadataResponse, TopicName};

use super::{Call, NODE, allowed, text};
use crate::config::Values;
use crate::state::{State, Topic, check_name};

pub(super) fn metadata(call: &Call<'_>, request: MetadataRequest) -> MetadataResponse {
    let mut state = call.state();
    let node =
        MetadataResponseBroker::default().with_node_id(NODE).with_host(text(call.broker.host())).with_port(call.broker.port());
    let all = request.topics.as_ref().is_none_or(|topics| topics.is_empty() && call.version == 0);
    let mut topics: Vec<MetadataResponseTopic> = if all {
        state.topics.iter().map(|(name, topic)| found(name, topic, call.version)).collect()
    } else {
        let make = request.allow_auto_topic_creation && state.settings.is_on("auto.create.topics.enable");
        let asked = request.topics.unwrap_or_default();
        asked.iter().map(|asked| one(&mut state, asked, make, call.version)).collect()
    };
    if request.include_topic_authorized_operations {
        topics.iter_mut().for_each(|topic| topic.topic_authorized_operations = allowed::TOPIC);
    }
    let mut answer = MetadataResponse::default().with_brokers(vec![node]).with_topics(topics);
    if call.version >= 1 {
        answer.controller_id = NODE;
    }
    if request.include_cluster_authorized_operations {
        answer.cluster_authorized_operations = allowed::CLUSTER;
    }
    if call.version >= 2 {
        answer.cluster_id = Some(text(&state.cluster));
    }
    answer
}

fn one(state: &mut State, asked: &MetadataRequestTopic, make: bool, version: i16) -> MetadataResponseTopic {
    // Java sends an empty name along with an id.
    let name = match &asked.name {
        Some(name) if asked.topic_id.is_nil() => name.to_string(),
        _ => match state.topic_of(asked.topic_id) {
            Some(name) => name.clone(),
            None => {
                let code = ResponseError::UnknownTopicId.code();
                return MetadataResponseTopic::default().with_error_code(code).with_topic_id(asked.topic_id).with_name(None);
            }
        },
    };
    if make && !state.topics.contains_key(&name) {
        let partitions = state.settings.number("num.partitions") as i32;
        if let Err(refused) = state.create_topic(&name, partitions, Values::new(), false) {
            return missing(&name, refused.code);
        }
    }
    match state.topics.get(&name) {
        Some(topic) => found(&name, topic, version),
        None => {
            missing(&name, check_name(&name).map_or_else(|wrong| wrong.code, |()| ResponseError::UnknownTopicOrPartition.code()))
        }
    }
}

fn missing(name: &str, code: i16) -> MetadataResponseTopic {
    MetadataResponseTopic::default()
        .with_name(Some(TopicName(text(name))))
        .with_error_code(code)
        .with_topic_authorized_operations(allowed::told(false, 0))
}

fn found(name: &str, topic: &Topic, version: i16) -> MetadataResponseTopic {
    let partition = |index| {
        MetadataResponsePartition::default()
            .with_partition_index(index)
            .with_leader_id(NODE)
            .with_leader_epoch(if version >= 7 { 0 } else { -1 })
            .with_replica_nodes(vec![NODE])
            .with_isr_nodes(vec![NODE])
    };
    let mut answer = MetadataResponseTopic::default()
        .with_name(Some(TopicName(text(name))))
        .with_topic_authorized_operations(allowed::told(false, 0))
        .with_partitions((0..topic.partitions.len() as i32).map(partition).collect());
    if version >= 10 {
        answer.topic_id = topic.id;
    }
    answer
}

pub(super) fn cluster(call: &Call<'_>, request: DescribeClusterRequest) -> DescribeClusterResponse {
    let node =
        DescribeClusterBroker::default().with_broker_id(NODE).with_host(text(call.broker.host())).with_port(call.broker.port());
    DescribeClusterResponse::default()
        .with_cluster_id(text(&call.state().cluster))
        .with_controller_id(NODE)
        .with_brokers(vec![node])
        .with_cluster_authorized_operations(allowed::told(request.include_cluster_authorized_operations, allowed::CLUSTER))
}
