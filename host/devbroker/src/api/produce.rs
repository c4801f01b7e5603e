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
    let answer = produce(call, request);
    call.broker.records_changed();
    if acks == 0 {
        return Ok(Reply::Silence);
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
            let (index, batch) = (data.index, whole(data));
            let appended =
                batch.and_then(|batch| append(&mut call.state(), &topic.name, index, &batch, transactional_id.as_deref()));
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

fn append(
    state: &mut State,
    topic: &str,
    index: i32,
    batch: &Batch,
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
    if policy.compact && lacks_a_key(batch)? {
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

fn lacks_a_key(batch: &Batch) -> Result<bool, ResponseError> {
    let unpacked = unpack(batch)?;
    for record in records(batch, &unpacked) {
        if record?.key.is_none() {
            return Ok(true);
        }
    }
    Ok(false)
}
