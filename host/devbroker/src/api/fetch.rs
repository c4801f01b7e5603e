//! Fetching: waits until there is enough, or long enough.

use std::time::{Duration, Instant};

use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::fetch_request::FetchPartition;
use kafka_protocol::messages::fetch_response::{AbortedTransaction, FetchableTopicResponse, PartitionData};
use kafka_protocol::messages::{FetchRequest, FetchResponse, ProducerId};

use super::Call;
use crate::log::Extent;
use crate::log::producers::Aborted;
use crate::state::State;

/// The isolation level of those who read what was committed.
const COMMITTED: i8 = 1;
/// Bytes of records in one answer, whatever is asked for.
const BYTES_MAX: usize = 64 << 20;
/// A client may ask to wait this long; it is asked again afterwards.
const WAIT_MAX: Duration = Duration::from_secs(60);

pub(super) fn fetch(call: &Call<'_>, request: FetchRequest) -> FetchResponse {
    let wait = Duration::from_millis(u64::try_from(request.max_wait_ms).unwrap_or(0)).min(WAIT_MAX);
    let until = Instant::now() + wait;
    // A request for nothing, which Java's consumer sends before it goes, has enough at once.
    let enough = if request.topics.is_empty() { 0 } else { usize::try_from(request.min_bytes).unwrap_or(0) };
    let mut state = call.state();
    loop {
        // Nothing is read before there is enough.
        let plan = Plan::new(&state, &request);
        if plan.bytes >= enough || plan.failed || Instant::now() >= until || call.broker.is_closing() {
            return answer(&state, &request, &plan, call.version);
        }
        state = call.broker.wait_for_records(state, until);
    }
}

/// What is to be read of each partition, in the order in which they were asked for.
struct Plan {
    extents: Vec<Result<Extent, ResponseError>>,
    bytes: usize,
    failed: bool,
}

impl Plan {
    fn new(state: &State, request: &FetchRequest) -> Self {
        let most = usize::try_from(request.max_bytes).unwrap_or(0).min(BYTES_MAX);
        let mut plan = Self { extents: Vec::new(), bytes: 0, failed: false };
        for topic in &request.topics {
            for asked in &topic.partitions {
                let max = usize::try_from(asked.partition_max_bytes).unwrap_or(0).min(most.saturating_sub(plan.bytes));
                // A batch larger than what was asked for is sent all the same, if it is the first of the answer (KIP-74).
                let extent = state.partition(&topic.topic, asked.partition).and_then(|partition| {
                    let to = if request.isolation_level == COMMITTED { partition.stable() } else { partition.next() };
                    partition.extent(asked.fetch_offset, to, max, plan.bytes == 0)
                });
                plan.bytes += extent.as_ref().map_or(0, |extent| extent.bytes);
                plan.failed |= extent.is_err();
                plan.extents.push(extent);
            }
        }
        plan
    }
}

fn answer(state: &State, request: &FetchRequest, plan: &Plan, version: i16) -> FetchResponse {
    let mut extents = plan.extents.iter();
    let topics = request.topics.iter().map(|topic| {
        let partitions = topic.partitions.iter().zip(&mut extents).map(|(asked, extent)| {
            let mut data = PartitionData::default().with_partition_index(asked.partition).with_high_watermark(-1);
            let extent = extent.as_ref().map_err(|error| *error);
            if let Err(error) = extent.and_then(|extent| read(state, request, (&topic.topic, asked), extent, &mut data)) {
                data.error_code = error.code();
            }
            if version < 5 {
                data.log_start_offset = -1;
            }
            data
        });
        FetchableTopicResponse::default().with_topic(topic.topic.clone()).with_partitions(partitions.collect())
    });
    FetchResponse::default().with_responses(topics.collect())
}

fn read(
    state: &State,
    request: &FetchRequest,
    (topic, asked): (&str, &FetchPartition),
    extent: &Extent,
    data: &mut PartitionData,
) -> Result<(), ResponseError> {
    let partition = state.partition(topic, asked.partition)?;
    data.high_watermark = partition.next();
    data.last_stable_offset = partition.stable();
    data.log_start_offset = partition.start();
    data.records = Some(partition.read(extent)?);
    if request.isolation_level == COMMITTED {
        let told = |a: Aborted| AbortedTransaction::default().with_producer_id(ProducerId(a.producer)).with_first_offset(a.first);
        data.aborted_transactions = Some(partition.aborted(extent).map(told).collect());
    }
    Ok(())
}
