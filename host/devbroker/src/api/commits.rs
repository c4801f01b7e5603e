//! How far groups came.

use std::time::Instant;

use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::offset_commit_response::{OffsetCommitResponsePartition, OffsetCommitResponseTopic};
use kafka_protocol::messages::offset_fetch_request::OffsetFetchRequestGroup;
use kafka_protocol::messages::offset_fetch_response::{
    OffsetFetchResponseGroup, OffsetFetchResponsePartition, OffsetFetchResponsePartitions, OffsetFetchResponseTopic,
    OffsetFetchResponseTopics,
};
use kafka_protocol::messages::{OffsetCommitRequest, OffsetCommitResponse, OffsetFetchRequest, OffsetFetchResponse, TopicName};

use super::{Call, text};
use crate::group::{Claim, Group, TopicPartition};
use crate::journal::OffsetFact;
use crate::state::State;

/// From this version on a request knows KIP-848's errors.
const KNOWS_EPOCHS: i16 = 9;
/// Bytes of what a client writes beside an offset; Kafka's `offset.metadata.max.bytes`.
const METADATA_MAX: usize = 4096;

pub(super) fn commit(call: &Call<'_>, request: OffsetCommitRequest) -> OffsetCommitResponse {
    let mut state = call.state();
    let claim = Claim {
        member: &request.member_id,
        instance: request.group_instance_id.as_deref(),
        generation: request.generation_id_or_member_epoch,
        knows_epochs: call.version >= KNOWS_EPOCHS,
        transactional: false,
    };
    let group = request.group_id.as_str();
    let allowed = may_commit(&mut state, group, claim);
    let mut topics = Vec::with_capacity(request.topics.len());
    for topic in &request.topics {
        let mut answer = OffsetCommitResponseTopic::default().with_name(topic.name.clone());
        for asked in &topic.partitions {
            let at = (asked.partition_index, asked.committed_offset, asked.committed_leader_epoch);
            let fact = OffsetFact::new(&topic.name, at, asked.committed_metadata.as_deref());
            let done = allowed.and_then(|()| note(&mut state, group, &fact));
            let code = done.err().map_or(0, |error| error.code());
            let answered = OffsetCommitResponsePartition::default().with_partition_index(asked.partition_index);
            answer.partitions.push(answered.with_error_code(code));
        }
        topics.push(answer);
    }
    if allowed.is_ok()
        && let Err(error) = state.record_offsets(group)
    {
        for partition in topics.iter_mut().flat_map(|topic| &mut topic.partitions) {
            partition.error_code = error.code();
        }
    }
    OffsetCommitResponse::default().with_topics(topics)
}

/// Whether whoever claims to be a member may commit for a group. Only a commit without a generation makes one that is not there.
pub(super) fn may_commit(state: &mut State, group: &str, claim: Claim<'_>) -> Result<(), ResponseError> {
    match state.groups.get_mut(group) {
        Some(group) => group.may_commit(claim, Instant::now()),
        None if claim.generation < 0 => Ok(()),
        None if claim.knows_epochs => Err(ResponseError::GroupIdNotFound),
        None => Err(ResponseError::IllegalGeneration),
    }
}

fn note(state: &mut State, group: &str, fact: &OffsetFact) -> Result<(), ResponseError> {
    check(state, fact)?;
    state.groups.entry(group.to_owned()).or_default().commit(fact);
    Ok(())
}

/// Whether an offset may be committed: its partition exists, and what is written beside it is short.
pub(super) fn check(state: &State, fact: &OffsetFact) -> Result<(), ResponseError> {
    state.partition(&fact.topic, fact.partition)?;
    if fact.metadata.len() > METADATA_MAX { Err(ResponseError::OffsetMetadataTooLarge) } else { Ok(()) }
}

/// What is answered about a partition.
struct Known {
    partition: i32,
    offset: i64,
    leader_epoch: i32,
    metadata: String,
    code: i16,
}

pub(super) fn fetch(call: &Call<'_>, request: OffsetFetchRequest) -> OffsetFetchResponse {
    let mut state = call.state();
    let stable = request.require_stable;
    if call.version < 8 {
        let asked = request.topics.map(|topics| topics.into_iter().map(|t| (t.name.to_string(), t.partition_indexes)).collect());
        let topics = known(&state, &request.group_id, asked, stable).into_iter().map(|(name, partitions)| {
            let partition = |known: Known| {
                let epoch = if call.version >= 5 { known.leader_epoch } else { -1 };
                OffsetFetchResponsePartition::default()
                    .with_partition_index(known.partition)
                    .with_committed_offset(known.offset)
                    .with_committed_leader_epoch(epoch)
                    .with_metadata(Some(text(&known.metadata)))
                    .with_error_code(known.code)
            };
            OffsetFetchResponseTopic::default()
                .with_name(TopicName(text(&name)))
                .with_partitions(partitions.into_iter().map(partition).collect())
        });
        return OffsetFetchResponse::default().with_topics(topics.collect());
    }
    let groups = request.groups.into_iter().map(|asked| group(&mut state, asked, stable));
    OffsetFetchResponse::default().with_groups(groups.collect())
}

fn group(state: &mut State, asked: OffsetFetchRequestGroup, stable: bool) -> OffsetFetchResponseGroup {
    let id = asked.group_id.to_string();
    let mut answer = OffsetFetchResponseGroup::default().with_group_id(asked.group_id);
    // Only members of the newer protocol say who they are.
    if let Some(member) = asked.member_id.as_deref().filter(|_| asked.member_epoch >= 0)
        && let Some(members) = state.groups.get_mut(&id).and_then(Group::as_consumer)
    {
        let claim = Claim { member, instance: None, generation: asked.member_epoch, knows_epochs: true, transactional: false };
        if let Err(error) = members.may_commit(claim) {
            answer.error_code = error.code();
            return answer;
        }
    }
    let topics = asked.topics.map(|topics| topics.into_iter().map(|t| (t.name.to_string(), t.partition_indexes)).collect());
    let topics = known(state, &id, topics, stable).into_iter().map(|(name, partitions)| {
        let partition = |known: Known| {
            OffsetFetchResponsePartitions::default()
                .with_partition_index(known.partition)
                .with_committed_offset(known.offset)
                .with_committed_leader_epoch(known.leader_epoch)
                .with_metadata(Some(text(&known.metadata)))
                .with_error_code(known.code)
        };
        OffsetFetchResponseTopics::default()
            .with_name(TopicName(text(&name)))
            .with_partitions(partitions.into_iter().map(partition).collect())
    });
    answer.topics = topics.collect();
    answer
}

/// The offsets of a group, of all partitions or of those asked for. With `stable`, a partition whose offset an open transaction may
/// still change is to be asked about again (KIP-447).
fn known(state: &State, group: &str, asked: Option<Vec<(String, Vec<i32>)>>, stable: bool) -> Vec<(String, Vec<Known>)> {
    let none = std::collections::BTreeMap::new();
    let offsets = state.groups.get(group).map_or(&none, |group| &group.offsets);
    let asked = asked.unwrap_or_else(|| {
        let mut topics: Vec<(String, Vec<i32>)> = Vec::new();
        for (topic, partition) in offsets.keys() {
            match topics.last_mut().filter(|(last, _)| last == topic) {
                Some((_, partitions)) => partitions.push(*partition),
                None => topics.push((topic.clone(), vec![*partition])),
            }
        }
        topics
    });
    let unstable = if stable { state.unstable(group) } else { std::collections::BTreeSet::new() };
    let one = |key: &TopicPartition| {
        let moving = unstable.contains(key);
        let committed = offsets.get(key).filter(|_| !moving);
        Known {
            partition: key.1,
            offset: committed.map_or(-1, |committed| committed.offset),
            leader_epoch: committed.map_or(-1, |committed| committed.leader_epoch),
            metadata: committed.map(|committed| committed.metadata.clone()).unwrap_or_default(),
            code: if moving { ResponseError::UnstableOffsetCommit.code() } else { 0 },
        }
    };
    let topic = |(topic, partitions): (String, Vec<i32>)| {
        let known = partitions.into_iter().map(|partition| one(&(topic.clone(), partition))).collect();
        (topic, known)
    };
    asked.into_iter().map(topic).collect()
}
