//! What a fetch brings.

use std::time::{Duration, Instant};

use kafka_protocol::error::ResponseError;

use crate::client::{Client, TOPIC, batch, broker, error, fetched};
use crate::transactions::once;

/// Those who read what was committed skip what aborted transactions left. They are told of those that overlap what they got.
#[test]
fn the_aborted_transactions_of_what_is_read_and_no_others_are_told() {
    let broker = broker(&[]);
    let mut client = Client::new(&broker);
    let of = client.init("x", (-1, -1)).unwrap();
    // Offsets 0, 2, 4, ..: a record and its marker, aborted if the number is even.
    for number in 0..20 {
        assert_eq!(once(&mut client, "x", of, number, number % 2 != 0), i64::from(number) * 2);
    }
    let aborted = |from: i64, bytes: i32| {
        let data = Client::new(&broker).fetch(from, true, bytes);
        let told: Vec<i64> = data.aborted_transactions.unwrap().iter().map(|aborted| aborted.first_offset).collect();
        (told, data.records.unwrap().len())
    };
    // One batch, as the first of an answer comes however small the room is.
    assert_eq!(aborted(0, 1).0, [0]);
    assert_eq!(aborted(2, 1).0, [0; 0]);
    // The marker of the first alone: it still belongs to that transaction.
    assert_eq!(aborted(1, 1).0, [0]);
    assert_eq!(aborted(0, 1 << 20).0, (0..10).map(|number| number * 4).collect::<Vec<i64>>());
    let (told, bytes) = aborted(40, 1 << 20);
    assert_eq!((told, bytes), (vec![], 0));
    let data = client.fetch(0, false, 1 << 20);
    assert_eq!(data.aborted_transactions.unwrap_or_default().len(), 0);
}

#[test]
fn the_room_of_an_answer_is_kept_but_for_its_first_batch() {
    let broker = broker(&[]);
    broker.ensure_topic("u", 1).unwrap();
    let mut client = Client::new(&broker);
    let one = batch(&[("k", "v")], (-1, -1, -1), false);
    for name in [TOPIC, "u", TOPIC, "u"] {
        client.produce(name, one.clone(), None).unwrap();
    }
    let size = one.len() as i32;
    let cases = [(1, [1, 0]), (size, [1, 1]), (size * 2 - 1, [1, 1]), (size * 2, [2, 2])];
    for (bytes, expected) in cases {
        let answer = client.ask(11, &fetched(&[TOPIC, "u"], 0, false, bytes));
        let got: Vec<usize> =
            answer.responses.iter().map(|topic| topic.partitions[0].records.as_ref().unwrap().len() / one.len()).collect();
        assert_eq!(got, expected, "{bytes} bytes a partition");
    }
    let answer = client.ask(11, &fetched(&[TOPIC, "u"], 0, false, size * 2).with_max_bytes(size * 3));
    let got: Vec<usize> = answer.responses.iter().map(|t| t.partitions[0].records.as_ref().unwrap().len() / one.len()).collect();
    assert_eq!(got, [2, 1]);
    let behind = client.fetch(3, false, size);
    assert_eq!(error(behind.error_code), Some(ResponseError::OffsetOutOfRange));
}

#[test]
fn a_fetch_waits_for_as_many_bytes_as_it_asks_for() {
    let broker = broker(&[]);
    let (mut reader, mut writer) = (Client::new(&broker), Client::new(&broker));
    let one = batch(&[("k", "v")], (-1, -1, -1), false);
    writer.produce(TOPIC, one.clone(), None).unwrap();
    let enough = fetched(&[TOPIC], 0, false, 1 << 20).with_min_bytes(one.len() as i32 * 2).with_max_wait_ms(20_000);
    let began = Instant::now();
    reader.send(11, &enough);
    writer.produce(TOPIC, one.clone(), None).unwrap();
    let answer = reader.answer::<kafka_protocol::messages::FetchRequest>(11).unwrap();
    assert_eq!(answer.responses[0].partitions[0].records.as_ref().unwrap().len(), one.len() * 2);
    assert!(began.elapsed() < Duration::from_secs(15), "it was answered when there was enough");
    // What can never be enough is answered when its time is over, with what there is.
    let answer = reader.ask(11, &enough.with_min_bytes(i32::MAX).with_max_wait_ms(50));
    assert_eq!(answer.responses[0].partitions[0].records.as_ref().unwrap().len(), one.len() * 2);
}
