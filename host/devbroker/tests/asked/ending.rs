//! The end of a broker.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use kafka_protocol::messages::{FetchRequest, HeartbeatRequest};
use sandstream_devbroker::{Api, Broker, Fault, Options, Sync};

use crate::client::{Client, TOPIC, batch, broker, fetched, produced};

fn in_folder(folder: &Path, sync: Sync) -> Options {
    Options { data: Some(folder.to_path_buf()), sync, ..Options::default() }
}

/// Bytes of all segments of a topic.
fn bytes(folder: &Path) -> u64 {
    let partitions = fs::read_dir(folder.join("topics")).unwrap();
    let files = partitions.flat_map(|partition| fs::read_dir(partition.unwrap().path()).unwrap());
    files.map(|file| file.unwrap().metadata().unwrap().len()).sum()
}

/// Whoever uses the folder next must not meet a request that is still being carried out.
#[test]
fn a_broker_ends_when_its_last_request_is_through() {
    let folder = tempfile::tempdir().unwrap();
    let broker = Broker::start(in_folder(folder.path(), Sync::Always)).unwrap();
    broker.ensure_topic(TOPIC, 50).unwrap();
    let one = batch(&[("k", "v")], (-1, -1, -1), false);
    let all: Vec<_> = (0..50).map(|partition| (partition, one.clone())).collect();
    let mut client = Client::new(&broker);
    client.send(7, &produced(TOPIC, &all, None));
    while bytes(folder.path()) == 0 {
        std::thread::yield_now();
    }
    drop(broker);
    assert_eq!(bytes(folder.path()), one.len() as u64 * 50, "the request was carried out wholly before the broker was gone");
    let again = Broker::start(in_folder(folder.path(), Sync::Always)).unwrap();
    assert_eq!(Client::new(&again).fetch(0, false, 1 << 20).high_watermark, 1);
}

#[test]
fn requests_that_wait_do_not_hold_up_the_end() {
    let broker = broker(&[]);
    broker.faults().order(Api::Heartbeat, Fault::Delay(Duration::from_secs(300)), 1);
    let (mut fetch, mut heartbeat, mut idle) = (Client::new(&broker), Client::new(&broker), Client::new(&broker));
    fetch.send(11, &fetched(&[TOPIC], 0, false, 1).with_min_bytes(1).with_max_wait_ms(60_000));
    heartbeat.send(3, &HeartbeatRequest::default());
    while broker.faults().left() > 0 {
        std::thread::yield_now();
    }
    let began = Instant::now();
    drop(broker);
    assert!(began.elapsed() < Duration::from_secs(10), "it took {:?}", began.elapsed());
    assert!(fetch.answer::<FetchRequest>(11).is_none_or(|answer| answer.responses.len() == 1));
    assert!(idle.answer::<HeartbeatRequest>(3).is_none());
}
