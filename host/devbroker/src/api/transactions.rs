//! Producers' numbers and their transactions.

use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::add_partitions_to_txn_response::{
    AddPartitionsToTxnPartitionResult, AddPartitionsToTxnTopicResult,
};
use kafka_protocol::messages::txn_offset_commit_response::{TxnOffsetCommitResponsePartition, TxnOffsetCommitResponseTopic};
use kafka_protocol::messages::{
    AddOffsetsToTxnRequest, AddOffsetsToTxnResponse, AddPartitionsToTxnRequest, AddPartitionsToTxnResponse, EndTxnRequest,
    EndTxnResponse, InitProducerIdRequest, InitProducerIdResponse, ProducerId, TxnOffsetCommitRequest, TxnOffsetCommitResponse,
};

use super::{Call, commits};
use crate::group::Claim;
use crate::journal::OffsetFact;
use crate::state::State;
use crate::transaction::Owner;

/// Clients of older versions know a fenced producer by another error.
fn told(error: ResponseError, version: i16, since: i16) -> i16 {
    match error {
        ResponseError::ProducerFenced if version < since => ResponseError::InvalidProducerEpoch.code(),
        other => other.code(),
    }
}

pub(super) fn init(call: &Call<'_>, request: InitProducerIdRequest) -> InitProducerIdResponse {
    let mut state = call.state();
    let given = match &request.transactional_id {
        None => state.next_producer().map(|producer| (producer, 0)),
        Some(id) if id.is_empty() || (request.producer_id.0 < 0) != (request.producer_epoch < 0) => {
            Err(ResponseError::InvalidRequest)
        }
        Some(id) => {
            let had = (request.producer_id.0 >= 0).then_some((request.producer_id.0, request.producer_epoch));
            state.init_producer(id, request.transaction_timeout_ms, had)
        }
    };
    drop(state);
    call.broker.records_changed();
    match given {
        Ok((producer, epoch)) => {
            InitProducerIdResponse::default().with_producer_id(ProducerId(producer)).with_producer_epoch(epoch)
        }
        Err(error) => InitProducerIdResponse::default()
            .with_producer_id(ProducerId(-1))
            .with_producer_epoch(-1)
            .with_error_code(told(error, call.version, 4)),
    }
}

pub(super) fn add_partitions(call: &Call<'_>, request: AddPartitionsToTxnRequest) -> AddPartitionsToTxnResponse {
    let mut state = call.state();
    let owner = Owner {
        transactional_id: &request.v3_and_below_transactional_id,
        producer: request.v3_and_below_producer_id.0,
        epoch: request.v3_and_below_producer_epoch,
    };
    let topics = &request.v3_and_below_topics;
    let asked = || topics.iter().flat_map(|topic| topic.partitions.iter().map(|&p| (topic.name.to_string(), p)));
    let unknown = asked().any(|(topic, partition)| state.partition(&topic, partition).is_err());
    // All of them or none, as Kafka does it.
    let added = if unknown { Err(ResponseError::OperationNotAttempted) } else { state.add_to_transaction(owner, asked()) };
    let results = topics.iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|&partition| {
            let code = match (state.partition(&topic.name, partition), added) {
                (Err(error), _) => error.code(),
                (Ok(_), Err(error)) => told(error, call.version, 2),
                (Ok(_), Ok(())) => 0,
            };
            AddPartitionsToTxnPartitionResult::default().with_partition_index(partition).with_partition_error_code(code)
        });
        AddPartitionsToTxnTopicResult::default().with_name(topic.name.clone()).with_results_by_partition(partitions.collect())
    });
    AddPartitionsToTxnResponse::default().with_results_by_topic_v3_and_below(results.collect())
}

pub(super) fn add_offsets(call: &Call<'_>, request: AddOffsetsToTxnRequest) -> AddOffsetsToTxnResponse {
    let owner =
        Owner { transactional_id: &request.transactional_id, producer: request.producer_id.0, epoch: request.producer_epoch };
    let added = call.state().add_group(owner, &request.group_id);
    AddOffsetsToTxnResponse::default().with_error_code(added.err().map_or(0, |error| told(error, call.version, 2)))
}

pub(super) fn end(call: &Call<'_>, request: EndTxnRequest) -> EndTxnResponse {
    let owner =
        Owner { transactional_id: &request.transactional_id, producer: request.producer_id.0, epoch: request.producer_epoch };
    let ended = call.state().end_transaction(owner, request.committed);
    call.broker.records_changed();
    EndTxnResponse::default().with_error_code(ended.err().map_or(0, |error| told(error, call.version, 2)))
}

pub(super) fn commit_offsets(call: &Call<'_>, request: TxnOffsetCommitRequest) -> TxnOffsetCommitResponse {
    let mut state = call.state();
    let done = try_commit(&mut state, &request);
    let topics = request.topics.iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|asked| {
            let code = done.err().map_or(0, |error| told(error, call.version, i16::MAX));
            TxnOffsetCommitResponsePartition::default().with_partition_index(asked.partition_index).with_error_code(code)
        });
        TxnOffsetCommitResponseTopic::default().with_name(topic.name.clone()).with_partitions(partitions.collect())
    });
    TxnOffsetCommitResponse::default().with_topics(topics.collect())
}

/// Only a member of the group's present generation may commit for it (KIP-447): this is what keeps out a host that was taken for dead.
fn try_commit(state: &mut State, request: &TxnOffsetCommitRequest) -> Result<(), ResponseError> {
    let group = request.group_id.as_str();
    let classic = Claim::classic(&request.member_id, request.group_instance_id.as_deref(), request.generation_id);
    let claim = Claim { transactional: true, ..classic };
    // Producers without a member to show are let in, as before KIP-447.
    if !(claim.generation < 0 && claim.member.is_empty()) {
        commits::may_commit(state, group, claim)?;
    }
    let mut offsets = Vec::new();
    for topic in &request.topics {
        for asked in &topic.partitions {
            let at = (asked.partition_index, asked.committed_offset, asked.committed_leader_epoch);
            let fact = OffsetFact::new(&topic.name, at, asked.committed_metadata.as_deref());
            commits::check(state, &fact)?;
            offsets.push(fact);
        }
    }
    let owner =
        Owner { transactional_id: &request.transactional_id, producer: request.producer_id.0, epoch: request.producer_epoch };
    state.commit_in_transaction(owner, group, offsets)
}
