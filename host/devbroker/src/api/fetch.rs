//! Fetching: waits until there is enough, or long enough.

use std::time::{Duration, Instant};

use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::fetch_request::FetchPartition;
use kafka_protocol::messages::fetch_response::{AbortedTransaction, FetchableTopicResponse, PartitionData};
use kafka_protocol::messages::{FetchRequest, FetchResponse, ProducerId};

use super::Call;
use crate::state::State;

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
        let mut gathered = Gathered::new(&request);
        let answer = gathered.answer(&state, &request, call.version);
        if gathered.bytes >= enough || gathered.failed || Instant::now() >= until || call.broker.is_closing() {
            return answer;
        }
        state = call.broker.wait_for_records(state, until);
    }
}

/// What one look at the log has found.
struct Gathered {
    bytes: usize,
    left: usize,
    failed: bool,
}

impl Gathered {
    fn new(request: &FetchRequest) -> Self {
        Self { bytes: 0, left: usize::try_from(request.max_bytes).unwrap_or(0).min(BYTES_MAX), failed: false }
    }

    fn answer(&mut self, state: &State, request: &FetchRequest, version: i16) -> FetchResponse {
        let committed = request.isolation_level == 1;
        let topics = request.topics.iter().map(|topic| {
            let partitions = topic.partitions.iter().map(|asked| self.partition(state, &topic.topic, asked, committed, version));
            FetchableTopicResponse::default().with_topic(topic.topic.clone()).with_partitions(partitions.collect())
        });
        FetchResponse::default().with_responses(topics.collect())
    }

    fn partition(&mut self, state: &State, topic: &str, asked: &FetchPartition, committed: bool, version: i16) -> PartitionData {
        let mut data = PartitionData::default().with_partition_index(asked.partition).with_high_watermark(-1);
        if let Err(error) = self.read(state, topic, asked, committed, version, &mut data) {
            self.failed = true;
            data.error_code = error.code();
        }
        data
    }

    fn read(
        &mut self,
        state: &State,
        topic: &str,
        asked: &FetchPartition,
        committed: bool,
        version: i16,
        data: &mut PartitionData,
    ) -> Result<(), ResponseError> {
        let partition = state.partition(topic, asked.partition)?;
        data.high_watermark = partition.next();
        data.last_stable_offset = partition.stable();
        if version >= 5 {
            data.log_start_offset = partition.start();
        }
        let to = if committed { partition.stable() } else { partition.next() };
        let max = usize::try_from(asked.partition_max_bytes).unwrap_or(0).min(self.left);
        // A batch larger than what was asked for is sent all the same, if it is the first of the answer (KIP-74).
        if self.left == 0 && self.bytes > 0 {
            data.records = Some(bytes::Bytes::new());
            return Ok(());
        }
        let read = partition.read(asked.fetch_offset, to, max)?;
        let fits = read.records.len() <= self.left || self.bytes == 0;
        let records = if fits { read.records } else { bytes::Bytes::new() };
        self.bytes += records.len();
        self.left = self.left.saturating_sub(records.len());
        data.records = Some(records);
        if committed {
            let aborted = |a: crate::log::producers::Aborted| {
                AbortedTransaction::default().with_producer_id(ProducerId(a.producer)).with_first_offset(a.first)
            };
            data.aborted_transactions = Some(read.aborted.into_iter().map(aborted).collect());
        }
        Ok(())
    }
}
