//! Offsets of a partition: first, last, by time, by epoch.

use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::list_offsets_request::ListOffsetsPartition;
use kafka_protocol::messages::list_offsets_response::{ListOffsetsPartitionResponse, ListOffsetsTopicResponse};
use kafka_protocol::messages::offset_for_leader_epoch_response::{EpochEndOffset, OffsetForLeaderTopicResult};
use kafka_protocol::messages::{
    ListOffsetsRequest, ListOffsetsResponse, OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse,
};

use super::Call;
use crate::log::Found;
use crate::state::State;

const LATEST: i64 = -1;
const EARLIEST: i64 = -2;
const LATEST_TIMESTAMP: i64 = -3;

pub(super) fn list(call: &Call<'_>, request: ListOffsetsRequest) -> ListOffsetsResponse {
    let state = call.state();
    let committed = request.isolation_level == 1;
    let topics = request.topics.iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|asked| {
            let mut answer = ListOffsetsPartitionResponse::default()
                .with_partition_index(asked.partition_index)
                .with_offset(-1)
                .with_timestamp(-1);
            match look(&state, &topic.name, asked, committed) {
                Ok(Some(found)) => {
                    (answer.offset, answer.timestamp) = (found.offset, found.timestamp);
                    if call.version >= 4 {
                        answer.leader_epoch = 0;
                    }
                }
                Ok(None) => {}
                Err(error) => answer.error_code = error.code(),
            }
            answer
        });
        ListOffsetsTopicResponse::default().with_name(topic.name.clone()).with_partitions(partitions.collect())
    });
    ListOffsetsResponse::default().with_topics(topics.collect())
}

fn look(state: &State, topic: &str, asked: &ListOffsetsPartition, committed: bool) -> Result<Option<Found>, ResponseError> {
    let partition = state.partition(topic, asked.partition_index)?;
    let at = |offset| Ok(Some(Found { offset, timestamp: -1 }));
    let last = if committed { partition.stable() } else { partition.next() };
    match asked.timestamp {
        LATEST => at(last),
        EARLIEST => at(partition.start()),
        LATEST_TIMESTAMP => partition.latest(),
        timestamp if timestamp >= 0 => Ok(partition.find(timestamp)?.filter(|found| found.offset < last)),
        _ => Err(ResponseError::UnsupportedVersion),
    }
}

/// There is one epoch, and it has not ended.
pub(super) fn of_epoch(call: &Call<'_>, request: OffsetForLeaderEpochRequest) -> OffsetForLeaderEpochResponse {
    let state = call.state();
    let topics = request.topics.iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|asked| {
            let answer = EpochEndOffset::default().with_partition(asked.partition).with_leader_epoch(-1).with_end_offset(-1);
            match state.partition(&topic.topic, asked.partition) {
                Err(error) => answer.with_error_code(error.code()),
                Ok(_) if asked.leader_epoch > 0 => answer,
                Ok(partition) => answer.with_leader_epoch(0).with_end_offset(partition.next()),
            }
        });
        OffsetForLeaderTopicResult::default().with_topic(topic.topic.clone()).with_partitions(partitions.collect())
    });
    OffsetForLeaderEpochResponse::default().with_topics(topics.collect())
}
