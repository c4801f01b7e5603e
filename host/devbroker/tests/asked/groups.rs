//! Groups: static members and those who are none.

use std::collections::BTreeSet;

use bytes::Bytes;
use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::consumer_group_heartbeat_request::ConsumerGroupHeartbeatRequest;
use kafka_protocol::messages::join_group_request::JoinGroupRequestProtocol;
use kafka_protocol::messages::offset_commit_request::{OffsetCommitRequestPartition, OffsetCommitRequestTopic};
use kafka_protocol::messages::{
    GroupId, HeartbeatRequest, JoinGroupRequest, ListGroupsRequest, OffsetCommitRequest, SyncGroupRequest, TopicName,
};
use sandstream_devbroker::Broker;

use crate::client::{Client, TOPIC, broker, error, text, topic};

fn join(member: &str, instance: Option<&str>) -> JoinGroupRequest {
    JoinGroupRequest::default()
        .with_group_id(GroupId(text("g")))
        .with_session_timeout_ms(20_000)
        .with_rebalance_timeout_ms(20_000)
        .with_member_id(text(member))
        .with_group_instance_id(instance.map(text))
        .with_protocol_type(text("consumer"))
        .with_protocols(vec![JoinGroupRequestProtocol::default().with_name(text("range")).with_metadata(Bytes::new())])
}

fn sync(member: &str, instance: &str, generation: i32) -> SyncGroupRequest {
    let request = SyncGroupRequest::default().with_group_id(GroupId(text("g"))).with_member_id(text(member));
    request.with_group_instance_id(Some(text(instance))).with_generation_id(generation)
}

fn beat(member: &str, instance: &str, generation: i32) -> HeartbeatRequest {
    let request = HeartbeatRequest::default().with_group_id(GroupId(text("g"))).with_member_id(text(member));
    request.with_group_instance_id(Some(text(instance))).with_generation_id(generation)
}

fn commit(member: &str, instance: Option<&str>, generation: i32) -> OffsetCommitRequest {
    let partition = OffsetCommitRequestPartition::default().with_committed_offset(1);
    let topic = OffsetCommitRequestTopic::default().with_name(topic(TOPIC)).with_partitions(vec![partition]);
    OffsetCommitRequest::default()
        .with_group_id(GroupId(text("g")))
        .with_member_id(text(member))
        .with_group_instance_id(instance.map(text))
        .with_generation_id_or_member_epoch(generation)
        .with_topics(vec![topic])
}

fn committed(client: &mut Client, version: i16, request: &OffsetCommitRequest) -> Option<ResponseError> {
    error(client.ask(version, request).topics[0].partitions[0].error_code)
}

/// One that was taken for dead, and whose successor has come, is told so whatever it asks: it must not come back.
#[test]
fn a_static_member_whose_place_was_taken_is_fenced() {
    let broker = broker(&[]);
    let mut client = Client::new(&broker);
    let old = client.ask(5, &join("", Some("i")));
    let (old_id, generation) = (old.member_id.to_string(), old.generation_id);
    assert_eq!(error(client.ask(3, &sync(&old_id, "i", generation)).error_code), None);
    let new = client.ask(5, &join("", Some("i")));
    assert_ne!(new.member_id, old.member_id);
    let fenced = Some(ResponseError::FencedInstanceId);
    assert_eq!(error(client.ask(3, &beat(&old_id, "i", generation)).error_code), fenced);
    assert_eq!(error(client.ask(3, &sync(&old_id, "i", generation)).error_code), fenced);
    assert_eq!(error(client.ask(5, &join(&old_id, Some("i"))).error_code), fenced);
    assert_eq!(committed(&mut client, 8, &commit(&old_id, Some("i"), generation)), fenced);
    assert_eq!(error(client.ask(3, &beat(&new.member_id, "i", new.generation_id)).error_code), None);
    // Whoever does not say that it is static is unknown, as it may be anybody.
    let request = HeartbeatRequest::default().with_group_id(GroupId(text("g"))).with_member_id(text(&old_id));
    let answer = client.ask(3, &request.with_generation_id(generation));
    assert_eq!(error(answer.error_code), Some(ResponseError::UnknownMemberId));
}

/// The same while it waits: for the others to join, and for what it is to read.
#[test]
fn a_static_member_that_waits_while_its_place_is_taken_is_fenced() {
    // The first of a group waits for others, so the old one is still waiting when the new one comes.
    let broker = broker(&[("group.initial.rebalance.delay.ms", "2000")]);
    let (mut zombie, mut client) = (Client::new(&broker), Client::new(&broker));
    zombie.send(5, &join("", Some("i")));
    await_member(&broker);
    client.send(5, &join("", Some("i")));
    let answer = zombie.answer::<JoinGroupRequest>(5).unwrap();
    assert_eq!(error(answer.error_code), Some(ResponseError::FencedInstanceId));
    let new = client.answer::<JoinGroupRequest>(5).unwrap();
    assert_eq!(error(new.error_code), None);
}

/// Until somebody has joined.
fn await_member(broker: &Broker) {
    let mut client = Client::new(broker);
    let listed = ListGroupsRequest::default().with_states_filter(vec![text("PreparingRebalance")]);
    while client.ask(4, &listed).groups.is_empty() {
        std::thread::yield_now();
    }
}

fn newer(member: &str, epoch: i32) -> ConsumerGroupHeartbeatRequest {
    ConsumerGroupHeartbeatRequest::default()
        .with_group_id(GroupId(text("g")))
        .with_member_id(text(member))
        .with_instance_id(Some(text("i")))
        .with_member_epoch(epoch)
        .with_rebalance_timeout_ms(20_000)
        .with_subscribed_topic_names(Some(vec![TopicName(text(TOPIC))]))
        .with_topic_partitions(Some(Vec::new()))
}

#[test]
fn the_newer_protocol_fences_and_checks_alike() {
    let broker = broker(&[]);
    let mut client = Client::new(&broker);
    let mut told = |request: &ConsumerGroupHeartbeatRequest| error(client.ask(1, request).error_code);
    assert_eq!(told(&newer("old", 1)), Some(ResponseError::UnknownMemberId));
    assert_eq!(told(&newer("old", 0)), None);
    assert_eq!(told(&newer("new", 0)), Some(ResponseError::UnreleasedInstanceId));
    assert_eq!(told(&newer("old", -2)), None);
    assert_eq!(told(&newer("new", 0)), None);
    assert_eq!(told(&newer("old", 1)), Some(ResponseError::FencedInstanceId));
    assert_eq!(told(&newer("old", -1)), Some(ResponseError::FencedInstanceId));
    assert_eq!(told(&newer("new", 1)), None);
    let wrong = Some(ResponseError::InvalidRequest);
    assert_eq!(told(&newer("x", 0).with_rebalance_timeout_ms(-1)), wrong);
    assert_eq!(told(&newer("x", 0).with_topic_partitions(None)), wrong);
    assert_eq!(told(&newer("x", 0).with_subscribed_topic_names(None)), wrong);
    assert_eq!(told(&newer("x", -2).with_instance_id(None)), wrong);
    assert_eq!(told(&newer("x", -3)), wrong);
}

#[test]
fn who_is_in_no_group_makes_none() {
    let broker = broker(&[]);
    let mut client = Client::new(&broker);
    let unknown = Some(ResponseError::UnknownMemberId);
    assert_eq!(error(client.ask(5, &join("somebody", None)).error_code), unknown);
    assert_eq!(error(client.ask(3, &beat("somebody", "i", 1)).error_code), unknown);
    assert_eq!(committed(&mut client, 8, &commit("somebody", None, 3)), Some(ResponseError::IllegalGeneration));
    assert_eq!(committed(&mut client, 9, &commit("somebody", None, 3)), Some(ResponseError::GroupIdNotFound));
    let mut groups = || -> BTreeSet<String> {
        let listed = client.ask(4, &ListGroupsRequest::default());
        listed.groups.iter().map(|group| group.group_id.to_string()).collect()
    };
    assert_eq!(groups(), BTreeSet::new());
    assert_eq!(committed(&mut Client::new(&broker), 8, &commit("", None, -1)), None);
    assert_eq!(groups(), BTreeSet::from(["g".to_owned()]));
}
