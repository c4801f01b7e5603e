//! The requests that the broker answers: one list, one file per family.

#![allow(
    clippy::needless_pass_by_value,
    reason = "a request is handed over: whoever answers it may move parts of it into the answer, and most do"
)]

mod commits;
mod configs;
mod consumer_group;
mod coordinator;
mod describe;
mod fetch;
mod groups;
mod membership;
mod metadata;
mod offsets;
mod produce;
mod topics;
mod transactions;
mod versions;
mod wary;

use std::sync::MutexGuard;

use bytes::{Bytes, BytesMut};
use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::{self as kafka, ApiKey, BrokerId};
use kafka_protocol::protocol::{Encodable, StrBytes};

use crate::Shared;
use crate::group::Client;
use crate::state::State;

/// A kind of request.
pub(crate) struct Api {
    pub(crate) key: ApiKey,
    pub(crate) min: i16,
    pub(crate) max: i16,
    /// Reads the request, carries it out and writes the answer.
    pub(crate) answer: fn(&Call<'_>, &mut Bytes, &mut BytesMut) -> Result<Reply, Unreadable>,
}

/// Whether the client waits for what was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reply {
    Send,
    /// It asked not to be answered.
    Silence,
    /// It asked not to be answered, and something went wrong: the end of the connection is all that can tell it.
    HangUp,
}

/// A request that cannot be read, or an answer that cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Unreadable(pub(crate) String);

/// A request on its way.
pub(crate) struct Call<'a> {
    pub(crate) broker: &'a Shared,
    pub(crate) version: i16,
    pub(crate) client: &'a Client,
}

impl Call<'_> {
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.broker.state()
    }
}

macro_rules! api {
    ($key:ident $min:literal..=$max:literal $request:ident $answer:path) => {
        Api {
            key: ApiKey::$key,
            min: $min,
            max: $max,
            answer: |call, body, out| {
                let request: kafka::$request = wary::read(body, call.version)?;
                write(&$answer(call, request), call.version, out)?;
                Ok(Reply::Send)
            },
        }
    };
}

/// Everything there is, with the versions that are spoken. Fetch stays below the versions with topic ids and sessions, and requests
/// of transactions at their first protocol; clients step down to what they find here.
pub(crate) const LIST: &[Api] = &[
    Api { key: ApiKey::Produce, min: 3, max: 9, answer: produce::answer },
    api!(Fetch 4..=11 FetchRequest fetch::fetch),
    api!(ListOffsets 1..=7 ListOffsetsRequest offsets::list),
    api!(Metadata 0..=12 MetadataRequest metadata::metadata),
    api!(OffsetCommit 2..=9 OffsetCommitRequest commits::commit),
    api!(OffsetFetch 1..=9 OffsetFetchRequest commits::fetch),
    api!(FindCoordinator 0..=4 FindCoordinatorRequest coordinator::find),
    api!(JoinGroup 0..=6 JoinGroupRequest membership::join),
    api!(Heartbeat 0..=4 HeartbeatRequest membership::heartbeat),
    api!(LeaveGroup 0..=4 LeaveGroupRequest membership::leave),
    api!(SyncGroup 0..=4 SyncGroupRequest membership::sync),
    api!(DescribeGroups 0..=6 DescribeGroupsRequest groups::describe),
    api!(ListGroups 0..=5 ListGroupsRequest groups::list),
    Api { key: ApiKey::ApiVersions, min: 0, max: 3, answer: versions::answer },
    api!(CreateTopics 2..=7 CreateTopicsRequest topics::create),
    api!(DeleteTopics 1..=6 DeleteTopicsRequest topics::delete),
    api!(DeleteRecords 0..=2 DeleteRecordsRequest topics::delete_records),
    api!(InitProducerId 0..=4 InitProducerIdRequest transactions::init),
    api!(OffsetForLeaderEpoch 2..=4 OffsetForLeaderEpochRequest offsets::of_epoch),
    api!(AddPartitionsToTxn 0..=3 AddPartitionsToTxnRequest transactions::add_partitions),
    api!(AddOffsetsToTxn 0..=3 AddOffsetsToTxnRequest transactions::add_offsets),
    api!(EndTxn 0..=3 EndTxnRequest transactions::end),
    api!(TxnOffsetCommit 0..=3 TxnOffsetCommitRequest transactions::commit_offsets),
    api!(DescribeConfigs 1..=4 DescribeConfigsRequest configs::describe),
    api!(AlterConfigs 0..=2 AlterConfigsRequest configs::alter),
    api!(IncrementalAlterConfigs 0..=1 IncrementalAlterConfigsRequest configs::alter_some),
    api!(CreatePartitions 0..=3 CreatePartitionsRequest topics::create_partitions),
    api!(DeleteGroups 0..=2 DeleteGroupsRequest groups::delete),
    api!(OffsetDelete 0..=0 OffsetDeleteRequest groups::delete_offsets),
    api!(DescribeCluster 0..=1 DescribeClusterRequest metadata::cluster),
    api!(DescribeProducers 0..=0 DescribeProducersRequest describe::producers),
    api!(DescribeTransactions 0..=0 DescribeTransactionsRequest describe::transactions),
    api!(ListTransactions 0..=1 ListTransactionsRequest describe::list_transactions),
    api!(ConsumerGroupHeartbeat 0..=1 ConsumerGroupHeartbeatRequest consumer_group::heartbeat),
    api!(ConsumerGroupDescribe 0..=1 ConsumerGroupDescribeRequest consumer_group::describe),
];

fn write(answer: &impl Encodable, version: i16, out: &mut BytesMut) -> Result<(), Unreadable> {
    answer.encode(out, version).map_err(|error| Unreadable(format!("the answer cannot be written: {error}")))
}

/// The one node there is.
pub(crate) const NODE: BrokerId = BrokerId(1);

/// What a client may do, as one bit for each operation; everybody may do everything here. Numbers of operations: AclOperation of
/// Apache Kafka's clients.
mod allowed {
    /// Read, Write, Create, Delete, Alter, Describe, DescribeConfigs, AlterConfigs.
    pub(super) const TOPIC: i32 = 1 << 3 | 1 << 4 | 1 << 5 | 1 << 6 | 1 << 7 | 1 << 8 | 1 << 10 | 1 << 11;
    /// Read, Delete, Describe, DescribeConfigs, AlterConfigs.
    pub(super) const GROUP: i32 = 1 << 3 | 1 << 6 | 1 << 8 | 1 << 10 | 1 << 11;
    /// Create, Alter, Describe, ClusterAction, DescribeConfigs, AlterConfigs, IdempotentWrite.
    pub(super) const CLUSTER: i32 = 1 << 5 | 1 << 7 | 1 << 8 | 1 << 9 | 1 << 10 | 1 << 11 | 1 << 12;
    /// For those who do not ask.
    const NOT_TOLD: i32 = i32::MIN;

    pub(super) fn told(asked: bool, operations: i32) -> i32 {
        if asked { operations } else { NOT_TOLD }
    }
}

/// A text as answers carry it.
fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

/// An error as answers carry it; 0 is none.
fn code<T>(result: &Result<T, ResponseError>) -> i16 {
    result.as_ref().err().map_or(0, ResponseError::code)
}
