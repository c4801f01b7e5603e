//! Producing.

use bytes::{Bytes, BytesMut};
use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::produce_request::PartitionProduceData;
use kafka_protocol::messages::produce_response::{PartitionProduceResponse, TopicProduceResponse};
use kafka_protocol::messages::{ProduceRequest, ProduceResponse};

use super::{Call, Reply, Unreadable, wary, write};
use crate::log::batch::Batch;
use crate::log::records::{records, unpack};
use crate::state::{State, now_ms};
use crate::transaction::Owner;

/// What was appended, and at which offset the log starts.
struct Appended {
    base: i64,
    start: i64,
    time: i64,
}

pub(super) fn answer(call: &Call<'_>, body: &mut Bytes, out: &mut BytesMut) -> Result<Reply, Unreadable> {
    let request: ProduceRequest = wary::read(body, call.version)?;
    let acks = request.acks;
    let known = matches!(acks, -1..=1);
    let answer = if known { produce(call, request) } else { refused(&request, ResponseError::InvalidRequiredAcks) };
    call.broker.records_changed();
    if acks == 0 {
        let mut partitions = answer.responses.iter().flat_map(|topic| &topic.partition_responses);
        return Ok(if partitions.all(|partition| partition.error_code == 0) { Reply::Silence } else { Reply::HangUp });
    }
    write(&answer, call.version, out)?;
    Ok(Reply::Send)
}

fn produce(call: &Call<'_>, request: ProduceRequest) -> ProduceResponse {
    let transactional_id = request.transactional_id.as_ref().map(|id| id.as_str().to_owned());
    let mut responses = Vec::with_capacity(request.topic_data.len());
    for topic in request.topic_data {
        let mut response = TopicProduceResponse::default().with_name(topic.name.clone());
        for data in topic.partition_data {
            let index = data.index;
            let appended = whole(data).and_then(|batch| {
                let keyed = keyed(call, &topic.name, index, &batch)?;
                append(&mut call.state(), (&topic.name, index), &batch, keyed, transactional_id.as_deref())
            });
            let mut partition = PartitionProduceResponse::default().with_index(index).with_log_append_time_ms(-1);
            match appended {
                Ok(appended) => {
                    partition.base_offset = appended.base;
                    partition.log_append_time_ms = appended.time;
                    if call.version >= 5 {
                        partition.log_start_offset = appended.start;
                    }
                }
                Err(error) => {
                    partition.base_offset = -1;
                    partition.error_code = error.code();
                }
            }
            response.partition_responses.push(partition);
        }
        responses.push(response);
    }
    ProduceResponse::default().with_responses(responses)
}

/// The same error for all that was to be produced.
fn refused(request: &ProduceRequest, error: ResponseError) -> ProduceResponse {
    let topics = request.topic_data.iter().map(|topic| {
        let partitions = topic.partition_data.iter().map(|data| {
            let partition = PartitionProduceResponse::default().with_index(data.index).with_error_code(error.code());
            partition.with_base_offset(-1).with_log_append_time_ms(-1)
        });
        TopicProduceResponse::default().with_name(topic.name.clone()).with_partition_responses(partitions.collect())
    });
    ProduceResponse::default().with_responses(topics.collect())
}

/// The one batch that a request carries for a partition, checked without the lock.
fn whole(data: PartitionProduceData) -> Result<Batch, ResponseError> {
    let batch = Batch::parse(data.records.ok_or(ResponseError::InvalidRecord)?)?;
    let header = &batch.header;
    // Producers number without holes, and only the broker writes markers.
    if header.is_control() || header.count != header.last_delta + 1 || header.producer >= 0 && header.sequence < 0 {
        return Err(ResponseError::InvalidRecord);
    }
    Ok(batch)
}

/// Whether all records of a batch have a key, where that matters. What is compressed is unpacked for it, so it is done without the lock.
fn keyed(call: &Call<'_>, topic: &str, index: i32, batch: &Batch) -> Result<bool, ResponseError> {
    let (compact, max) = {
        let mut state = call.state();
        let (_, policy) = state.partition_mut(topic, index)?;
        (policy.compact, policy.max_message_bytes)
    };
    if compact && batch.bytes.len() <= max { has_keys(batch) } else { Ok(!compact) }
}

fn append(
    state: &mut State,
    (topic, index): (&str, i32),
    batch: &Batch,
    keyed: bool,
    transactional_id: Option<&str>,
) -> Result<Appended, ResponseError> {
    if state.full {
        return Err(ResponseError::KafkaStorageError);
    }
    let (_, policy) = state.partition_mut(topic, index)?;
    if batch.bytes.len() > policy.max_message_bytes {
        return Err(ResponseError::MessageTooLarge);
    }
    let now = now_ms();
    if !policy.append_time && batch.header.max_timestamp.saturating_sub(now) > policy.ahead_max_ms {
        return Err(ResponseError::InvalidTimestamp);
    }
    // A topic that has become compacted since takes what it would have taken then.
    if policy.compact && !keyed {
        return Err(ResponseError::InvalidRecord);
    }
    if batch.header.is_transactional() {
        let transactional_id = transactional_id.ok_or(ResponseError::InvalidTxnState)?;
        let owner = Owner { transactional_id, producer: batch.header.producer, epoch: batch.header.epoch };
        // Producers know this error from the time before KIP-890, and that one not.
        state.may_write(owner, &(topic.to_owned(), index)).map_err(|error| match error {
            ResponseError::ProducerFenced => ResponseError::InvalidProducerEpoch,
            other => other,
        })?;
    }
    let (partition, policy) = state.partition_mut(topic, index)?;
    let base = partition.produce(batch, policy, now)?;
    Ok(Appended { base, start: partition.start(), time: if policy.append_time { now } else { -1 } })
}

fn has_keys(batch: &Batch) -> Result<bool, ResponseError> {
    let unpacked = unpack(batch)?;
    for record in records(batch, &unpacked) {
        if record?.key.is_none() {
            return Ok(false);
        }
    }
    Ok(true)
}
