//! What a request may ask for.

use bytes::{BufMut, BytesMut};
use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::{ApiKey, MetadataRequest, ProduceRequest};

use crate::client::{Client, TOPIC, batch, broker, error, produced, topic};

/// An array that says that it has billions of elements would take all memory before one of them is read.
#[test]
fn an_array_that_cannot_be_is_not_believed() {
    let broker = broker(&[]);
    let cases: [(ApiKey, i16, &[u8]); 4] = [
        (ApiKey::Metadata, 1, &i32::MAX.to_be_bytes()),
        (ApiKey::Metadata, 9, &[0, 0xff, 0xff, 0xff, 0xff, 0x0f]),
        (ApiKey::DescribeGroups, 0, &i32::MAX.to_be_bytes()),
        (ApiKey::CreateTopics, 2, &i32::MAX.to_be_bytes()),
    ];
    for (key, version, body) in cases {
        let mut client = Client::new(&broker);
        let mut bytes = BytesMut::from(&[0; 4][..]);
        bytes.put_i16(key as i16);
        bytes.put_i16(version);
        // Correlation, and no client id.
        bytes.put_slice(&[0, 0, 0, 1, 0xff, 0xff]);
        bytes.put_slice(body);
        client.send_bytes(bytes);
        assert!(client.answer::<MetadataRequest>(version).is_none(), "{key:?}, version {version}");
    }
    let mut client = Client::new(&broker);
    assert_eq!(client.ask(12, &MetadataRequest::default().with_topics(None)).topics.len(), 1, "the broker is well");
}

#[test]
fn what_is_acknowledged_by_nobody_ends_the_connection_when_it_fails() {
    let broker = broker(&[]);
    let one = batch(&[("k", "v")], (-1, -1, -1), false);
    let mut client = Client::new(&broker);
    let ask = |name: &str, acks: i16| produced(name, &[(0, one.clone())], None).with_acks(acks);
    let answer = client.ask(7, &ask(TOPIC, 2));
    assert_eq!(error(answer.responses[0].partition_responses[0].error_code), Some(ResponseError::InvalidRequiredAcks));
    client.send(7, &ask(TOPIC, 0));
    assert_eq!(client.fetch(0, false, 1 << 20).high_watermark, 1, "it was taken in, and the connection stays");
    client.send(7, &ask("missing", 0));
    assert!(client.answer::<ProduceRequest>(7).is_none());
}

#[test]
fn a_topic_that_cannot_be_is_told_from_one_that_is_not() {
    let broker = broker(&[]);
    let mut client = Client::new(&broker);
    let cases = [("missing", ResponseError::UnknownTopicOrPartition), ("no topic", ResponseError::InvalidTopicException)];
    for (name, expected) in cases {
        let asked = vec![MetadataRequestTopic::default().with_name(Some(topic(name)))];
        let answer = client.ask(9, &MetadataRequest::default().with_topics(Some(asked)));
        assert_eq!(error(answer.topics[0].error_code), Some(expected), "{name}");
    }
}
