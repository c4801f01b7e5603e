//! Producers' epochs.

use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::add_partitions_to_txn_request::AddPartitionsToTxnTopic;
use kafka_protocol::messages::{AddPartitionsToTxnRequest, EndTxnRequest, ProducerId, TransactionalId};

use crate::client::{Client, TOPIC, batch, broker, error, text, topic};

const NONE: (i64, i16) = (-1, -1);

fn begin(client: &mut Client, id: &str, of: (i64, i16)) -> Option<ResponseError> {
    let topics = vec![AddPartitionsToTxnTopic::default().with_name(topic(TOPIC)).with_partitions(vec![0])];
    let request = AddPartitionsToTxnRequest::default()
        .with_v3_and_below_transactional_id(TransactionalId(text(id)))
        .with_v3_and_below_producer_id(ProducerId(of.0))
        .with_v3_and_below_producer_epoch(of.1)
        .with_v3_and_below_topics(topics);
    error(client.ask(3, &request).results_by_topic_v3_and_below[0].results_by_partition[0].partition_error_code)
}

fn end(client: &mut Client, id: &str, of: (i64, i16), commit: bool) -> Option<ResponseError> {
    let request = EndTxnRequest::default().with_transactional_id(TransactionalId(text(id)));
    let request = request.with_producer_id(ProducerId(of.0)).with_producer_epoch(of.1).with_committed(commit);
    error(client.ask(3, &request).error_code)
}

/// Writes a record in a transaction of its own; gives its offset.
pub(crate) fn once(client: &mut Client, id: &str, of: (i64, i16), sequence: i32, commit: bool) -> i64 {
    assert_eq!(begin(client, id, of), None);
    let offset = client.produce(TOPIC, batch(&[("k", "v")], (of.0, of.1, sequence), true), Some(id)).unwrap();
    assert_eq!(end(client, id, of, commit), None);
    offset
}

/// KIP-360: a producer that raises its epoch may ask twice, because the first answer was lost; whoever else comes with it is late.
#[test]
fn a_producer_that_asks_for_its_epoch_again_is_told_it_again() {
    let broker = broker(&[]);
    let mut client = Client::new(&broker);
    let first = client.init("x", NONE).unwrap();
    let second = client.init("x", first).unwrap();
    assert_eq!(second, (first.0, first.1 + 1));
    assert_eq!(client.init("x", first), Ok(second), "the answer was lost");
    assert_eq!(client.init("x", first), Ok(second), "and again");
    assert_eq!(client.init("x", second), Ok((first.0, first.1 + 2)));
    assert_eq!(client.init("x", first), Err(ResponseError::ProducerFenced), "two behind");
    // A new producer of that id fences: then nobody has lost an answer.
    let third = client.init("x", NONE).unwrap();
    assert_eq!(client.init("x", second), Err(ResponseError::ProducerFenced));
    assert_eq!(client.init("x", (third.0 + 1000, third.1)), Err(ResponseError::ProducerFenced));
    assert_eq!(client.init("x", (third.0, -1)), Err(ResponseError::InvalidRequest));
}

#[test]
fn a_producer_that_works_with_its_new_epoch_has_not_lost_the_answer() {
    let broker = broker(&[]);
    let mut client = Client::new(&broker);
    let first = client.init("x", NONE).unwrap();
    let second = client.init("x", first).unwrap();
    assert_eq!(begin(&mut client, "x", second), None);
    assert_eq!(client.init("x", first), Err(ResponseError::ProducerFenced));
    client.produce(TOPIC, batch(&[("k", "v")], (second.0, second.1, 0), true), Some("x")).unwrap();
    assert_eq!(end(&mut client, "x", second, true), None, "its transaction was left alone");
}

#[test]
fn epochs_that_are_used_up_begin_anew_with_another_number() {
    let broker = broker(&[("transaction.abort.timed.out.transaction.cleanup.interval.ms", "1")]);
    let mut client = Client::new(&broker);
    let mut has = client.init("x", NONE).unwrap();
    let first = has.0;
    while has.0 == first {
        let next = client.init("x", has).unwrap();
        assert!(next == (has.0, has.1 + 1) || has.1 == i16::MAX - 1 && next.1 == 0, "after {has:?} came {next:?}");
        if next.0 != first {
            assert_eq!(client.init("x", has), Ok(next), "the answer with the new number was lost");
        }
        has = next;
    }
    once(&mut client, "x", has, 0, true);
}
