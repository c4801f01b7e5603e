//! Being in a group of the newer protocol (KIP-848), and looking at one.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::consumer_group_describe_response::{
    Assignment as DescribedAssignment, DescribedGroup, Member, TopicPartitions as DescribedPartitions,
};
use kafka_protocol::messages::consumer_group_heartbeat_response::{Assignment, TopicPartitions};
use kafka_protocol::messages::{
    ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse, ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse,
    TopicName,
};
use uuid::Uuid;

use super::{Call, allowed, text};
use crate::group::assign::Part;
use crate::group::consumer::{Beat, Beaten};
use crate::group::{Group, Members};
use crate::state::{Refused, State, random};

const ASSIGNORS: [&str; 2] = ["uniform", "range"];

pub(super) fn heartbeat(call: &Call<'_>, request: ConsumerGroupHeartbeatRequest) -> ConsumerGroupHeartbeatResponse {
    let mut state = call.state();
    let interval = state.settings.number("group.consumer.heartbeat.interval.ms") as i32;
    let answer = ConsumerGroupHeartbeatResponse::default().with_heartbeat_interval_ms(interval);
    match try_beat(call, &mut state, request) {
        Ok(beaten) => {
            let assignment = beaten.assignment.map(|parts| {
                let topics = by_topic(&parts)
                    .into_iter()
                    .map(|(topic, partitions)| TopicPartitions::default().with_topic_id(topic).with_partitions(partitions));
                Assignment::default().with_topic_partitions(topics.collect())
            });
            answer.with_member_id(Some(text(&beaten.member))).with_member_epoch(beaten.epoch).with_assignment(assignment)
        }
        Err(refused) => answer.with_error_code(refused.code).with_error_message(Some(text(&refused.why))),
    }
}

fn try_beat(call: &Call<'_>, state: &mut State, request: ConsumerGroupHeartbeatRequest) -> Result<Beaten, Refused> {
    let group = request.group_id.to_string();
    let beat = wished(call, request)?;
    let topics = state.known_topics();
    let members = match (beat.epoch, state.groups.get_mut(&group)) {
        (0, _) => state.groups.entry(group).or_default().consumer()?,
        (_, found) => found.and_then(Group::as_consumer).ok_or(ResponseError::UnknownMemberId)?,
    };
    Ok(members.beat(&beat, &topics, Instant::now())?)
}

fn wished(call: &Call<'_>, request: ConsumerGroupHeartbeatRequest) -> Result<Beat, Refused> {
    if request.group_id.is_empty() {
        return Err(ResponseError::InvalidGroupId.into());
    }
    check(&request)?;
    let assignor = request.server_assignor.map(|name| name.to_string());
    if let Some(name) = assignor.as_deref().filter(|name| !ASSIGNORS.contains(name)) {
        let why = format!("ServerAssignor {name} is not supported. Supported assignors: {}.", ASSIGNORS.join(", "));
        return Err(Refused::new(ResponseError::UnsupportedAssignor, why));
    }
    let pattern = request.subscribed_topic_regex.map(|pattern| pattern.to_string());
    if let Some(Err(error)) = pattern.as_deref().map(regex_lite::Regex::new) {
        return Err(Refused::new(ResponseError::Unknown(128), format!("the pattern of topics cannot be read: {error}")));
    }
    let member = if request.member_id.is_empty() {
        if call.version > 0 || request.member_epoch != 0 {
            return Err(Refused::new(ResponseError::InvalidRequest, "MemberId can't be empty."));
        }
        Uuid::from_bytes(random()).to_string()
    } else {
        request.member_id.to_string()
    };
    let has = request.topic_partitions.map(|topics| {
        topics.into_iter().flat_map(|topic| topic.partitions.into_iter().map(move |p| (topic.topic_id, p))).collect()
    });
    Ok(Beat {
        member,
        instance: request.instance_id.map(|instance| instance.to_string()),
        client: call.client.clone(),
        epoch: request.member_epoch,
        topics: request.subscribed_topic_names.map(|names| names.into_iter().map(|name| name.to_string()).collect()),
        pattern,
        assignor,
        rebalance: u64::try_from(request.rebalance_timeout_ms).ok().map(Duration::from_millis),
        has,
    })
}

/// What a heartbeat has to say, and what it must not, as Apache Kafka checks it.
fn check(request: &ConsumerGroupHeartbeatRequest) -> Result<(), Refused> {
    let wrong = |why: &str| Err(Refused::new(ResponseError::InvalidRequest, why));
    match request.member_epoch {
        0 if request.rebalance_timeout_ms == -1 => wrong("RebalanceTimeoutMs must be provided in first request."),
        0 if request.topic_partitions.as_ref().is_none_or(|has| !has.is_empty()) => {
            wrong("TopicPartitions must be empty when (re-)joining.")
        }
        0 if request.subscribed_topic_names.is_none() && request.subscribed_topic_regex.is_none() => {
            wrong("Either SubscribedTopicNames or SubscribedTopicRegex must be non-null when (re-)joining.")
        }
        -2 if request.instance_id.is_none() => wrong("InstanceId can't be null."),
        ..=-3 => wrong("MemberEpoch is invalid."),
        _ => Ok(()),
    }
}

fn by_topic(parts: &BTreeSet<Part>) -> BTreeMap<Uuid, Vec<i32>> {
    let mut topics: BTreeMap<Uuid, Vec<i32>> = BTreeMap::new();
    for (topic, partition) in parts {
        topics.entry(*topic).or_default().push(*partition);
    }
    topics
}

pub(super) fn describe(call: &Call<'_>, request: ConsumerGroupDescribeRequest) -> ConsumerGroupDescribeResponse {
    let state = call.state();
    let told = allowed::told(request.include_authorized_operations, allowed::GROUP);
    let groups = request.group_ids.into_iter().map(|id| {
        let mut answer = DescribedGroup::default().with_authorized_operations(told);
        match state.groups.get(id.as_str()) {
            Some(group) if matches!(group.members, Members::Consumer(_)) => {
                let Members::Consumer(consumer) = &group.members else { return answer };
                answer.group_state = text(consumer.state());
                answer.group_epoch = consumer.epoch;
                answer.assignment_epoch = consumer.epoch;
                answer.assignor_name = text(&consumer.assignor);
                answer.members = consumer.members().map(|(id, member)| described(&state, id, member, call.version)).collect();
            }
            _ => {
                answer.error_code = ResponseError::GroupIdNotFound.code();
                answer.error_message = Some(text(&format!("Group {} not found.", id.as_str())));
            }
        }
        answer.with_group_id(id)
    });
    ConsumerGroupDescribeResponse::default().with_groups(groups.collect())
}

fn described(state: &State, id: &str, member: &crate::group::consumer::Member, version: i16) -> Member {
    let parts = |parts: &BTreeSet<Part>| {
        let topics = by_topic(parts).into_iter().filter_map(|(topic, partitions)| {
            let name = TopicName(text(state.topic_of(topic)?));
            Some(DescribedPartitions::default().with_topic_id(topic).with_topic_name(name).with_partitions(partitions))
        });
        DescribedAssignment::default().with_topic_partitions(topics.collect())
    };
    let mut answer = Member::default()
        .with_member_id(text(id))
        .with_instance_id(member.instance.as_deref().map(text))
        .with_member_epoch(member.epoch)
        .with_client_id(text(&member.client.id))
        .with_client_host(text(&member.client.host))
        .with_subscribed_topic_names(member.topics.iter().map(|name| TopicName(text(name))).collect())
        .with_subscribed_topic_regex(member.pattern.as_deref().map(text))
        .with_assignment(parts(&member.assigned))
        .with_target_assignment(parts(&member.target));
    if version >= 1 {
        answer.member_type = 1;
    }
    answer
}
