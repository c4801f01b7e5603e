//! A client that sends what it is told.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::{Bytes, BytesMut};
use kafka_protocol::error::{ParseResponseErrorCode as _, ResponseError};
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::fetch_response::PartitionData;
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::{
    BrokerId, FetchRequest, InitProducerIdRequest, ProduceRequest, ProducerId, RequestHeader, ResponseHeader, TopicName,
    TransactionalId,
};
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, Request, StrBytes};
use kafka_protocol::records::{Compression, Record, RecordBatchDecoder, RecordBatchEncoder, RecordEncodeOptions, TimestampType};
use sandstream_devbroker::{Broker, Options};

pub(crate) const TOPIC: &str = "t";

/// A broker in memory with these settings, and a topic of one partition.
pub(crate) fn broker(settings: &[(&str, &str)]) -> Broker {
    let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let broker = Broker::start(Options { settings, ..Options::default() }).unwrap();
    broker.ensure_topic(TOPIC, 1).unwrap();
    broker
}

pub(crate) fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

pub(crate) fn topic(name: &str) -> TopicName {
    TopicName(text(name))
}

pub(crate) fn error(code: i16) -> Option<ResponseError> {
    code.err()
}

pub(crate) struct Client(TcpStream);

impl Client {
    pub(crate) fn new(broker: &Broker) -> Self {
        let stream = TcpStream::connect(broker.address()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        Self(stream)
    }

    pub(crate) fn ask<R: Request>(&mut self, version: i16, request: &R) -> R::Response {
        self.send(version, request);
        self.answer::<R>(version).expect("the broker has hung up")
    }

    pub(crate) fn send<R: Request>(&mut self, version: i16, request: &R) {
        let mut bytes = BytesMut::from(&[0; 4][..]);
        let header = RequestHeader::default().with_request_api_key(R::KEY).with_request_api_version(version);
        header.with_client_id(Some(text("test"))).encode(&mut bytes, R::header_version(version)).unwrap();
        request.encode(&mut bytes, version).unwrap();
        self.send_bytes(bytes);
    }

    /// Sends a frame whose first four bytes are still to become its length.
    pub(crate) fn send_bytes(&mut self, mut bytes: BytesMut) {
        let length = (bytes.len() - 4) as u32;
        bytes[..4].copy_from_slice(&length.to_be_bytes());
        self.0.write_all(&bytes).unwrap();
    }

    /// The answer, or `None` if the connection ends before it comes.
    pub(crate) fn answer<R: Request>(&mut self, version: i16) -> Option<R::Response> {
        let mut length = [0; 4];
        self.0.read_exact(&mut length).ok()?;
        let mut bytes = BytesMut::zeroed(u32::from_be_bytes(length) as usize);
        self.0.read_exact(&mut bytes).unwrap();
        let mut bytes = bytes.freeze();
        ResponseHeader::decode(&mut bytes, R::Response::header_version(version)).unwrap();
        let answer = R::Response::decode(&mut bytes, version).unwrap();
        assert!(bytes.is_empty(), "{} bytes behind the answer", bytes.len());
        Some(answer)
    }

    /// Numbers of a producer: its own, and its epoch.
    pub(crate) fn init(&mut self, id: &str, had: (i64, i16)) -> Result<(i64, i16), ResponseError> {
        let request = InitProducerIdRequest::default()
            .with_transactional_id(Some(TransactionalId(text(id))))
            .with_transaction_timeout_ms(60_000)
            .with_producer_id(ProducerId(had.0))
            .with_producer_epoch(had.1);
        let answer = self.ask(4, &request);
        error(answer.error_code).map_or(Ok((answer.producer_id.0, answer.producer_epoch)), Err)
    }

    /// What becomes of a batch of a topic's partition 0.
    pub(crate) fn produce(&mut self, name: &str, batch: Bytes, id: Option<&str>) -> Result<i64, ResponseError> {
        let answer = self.ask(7, &produced(name, &[(0, batch)], id));
        let partition = &answer.responses[0].partition_responses[0];
        error(partition.error_code).map_or(Ok(partition.base_offset), Err)
    }

    /// What a fetch finds in a topic's partition 0.
    pub(crate) fn fetch(&mut self, from: i64, committed: bool, bytes: i32) -> PartitionData {
        let answer = self.ask(11, &fetched(&[TOPIC], from, committed, bytes));
        answer.responses[0].partitions[0].clone()
    }
}

pub(crate) fn fetched(topics: &[&str], from: i64, committed: bool, bytes: i32) -> FetchRequest {
    let partition = FetchPartition::default().with_fetch_offset(from).with_partition_max_bytes(bytes);
    let of = |name: &&str| FetchTopic::default().with_topic(topic(name)).with_partitions(vec![partition.clone()]);
    FetchRequest::default()
        .with_replica_id(BrokerId(-1))
        .with_max_bytes(i32::MAX)
        .with_min_bytes(0)
        .with_isolation_level(i8::from(committed))
        .with_topics(topics.iter().map(of).collect())
}

pub(crate) fn produced(name: &str, batches: &[(i32, Bytes)], id: Option<&str>) -> ProduceRequest {
    let data =
        |(index, batch): &(i32, Bytes)| PartitionProduceData::default().with_index(*index).with_records(Some(batch.clone()));
    let topic = TopicProduceData::default().with_name(topic(name)).with_partition_data(batches.iter().map(data).collect());
    ProduceRequest::default()
        .with_acks(-1)
        .with_timeout_ms(1000)
        .with_transactional_id(id.map(|id| TransactionalId(text(id))))
        .with_topic_data(vec![topic])
}

/// A batch of records, each a key and a value; the producer is its number, its epoch and the first sequence number.
pub(crate) fn batch(records: &[(&str, &str)], producer: (i64, i16, i32), transactional: bool) -> Bytes {
    let record = |(at, (key, value)): (i64, &(&str, &str))| Record {
        transactional,
        control: false,
        delete_horizon: false,
        partition_leader_epoch: 0,
        producer_id: producer.0,
        producer_epoch: producer.1,
        timestamp_type: TimestampType::Creation,
        offset: at,
        sequence: producer.2.wrapping_add(at as i32),
        // Retention takes away what is old.
        timestamp: SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64,
        key: (!key.is_empty()).then(|| Bytes::copy_from_slice(key.as_bytes())),
        value: Some(Bytes::copy_from_slice(value.as_bytes())),
        headers: Default::default(),
    };
    let records: Vec<Record> = (0..).zip(records).map(record).collect();
    let mut bytes = BytesMut::new();
    let options = RecordEncodeOptions { version: 2, compression: Compression::None };
    RecordBatchEncoder::encode(&mut bytes, &records, &options).unwrap();
    bytes.freeze()
}

/// The values of the records of `TOPIC`, by offset; without markers.
pub(crate) fn content(client: &mut Client) -> BTreeMap<i64, Bytes> {
    let (mut from, mut found) = (0, BTreeMap::new());
    loop {
        let data = client.fetch(from, false, 1 << 20);
        let mut records = data.records.unwrap_or_default();
        if records.is_empty() {
            return found;
        }
        while !records.is_empty() {
            let length = 12 + i32::from_be_bytes(records[8..12].try_into().unwrap()) as usize;
            let mut batch = records.split_to(length);
            let base = i64::from_be_bytes(batch[..8].try_into().unwrap());
            from = base + i64::from(i32::from_be_bytes(batch[23..27].try_into().unwrap())) + 1;
            if batch[22] & 0x20 == 0 {
                let records = RecordBatchDecoder::decode(&mut batch).unwrap().records;
                found.extend(records.into_iter().map(|record| (record.offset, record.value.unwrap_or_default())));
            }
        }
    }
}
