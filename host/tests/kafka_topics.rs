//! The control log, the status topic, publishing and reading on the real broker.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[allow(unreachable_pub, missing_docs, reason = "shared by test programs, which have no readers outside")]
mod support;

use std::time::{Duration, Instant};

use sandstream::stream::kafka::{Error, KafkaFeed, KafkaNotices, PublishRecord, create, publish, read_all};
use sandstream::stream::{Announcement, Entry, Feed, Notices};
use support::kafka::{broker, config, read, unique};

const WAIT: Duration = Duration::from_secs(20);

fn next(feed: &mut KafkaFeed) -> Announcement {
    let until = Instant::now() + WAIT;
    loop {
        assert!(Instant::now() < until, "the feed says nothing");
        if let Some(announcement) = feed.next(Duration::from_millis(100)).unwrap() {
            return announcement;
        }
    }
}

fn entry(announcement: Announcement) -> Entry {
    match announcement {
        Announcement::Entry(entry) => entry,
        Announcement::CaughtUp => panic!("caught up"),
    }
}

#[test]
fn the_feed_reads_from_the_beginning_is_caught_up_once_and_goes_on() {
    let Some(brokers) = broker() else { return };
    let (config, topic) = (config(brokers, &[]), unique("models"));
    create(&config, &topic, 1, &[("cleanup.policy", "delete"), ("retention.ms", "-1")]).unwrap();
    let expects: [(&str, &[u8]); 1] = [("sandstream-expects", b"12")];
    let keyed = PublishRecord { key: Some(b"model/wine/a@1"), value: Some(b"one"), headers: &expects, ..Default::default() };
    assert_eq!(publish(&config, &topic, keyed, WAIT).unwrap(), 0);
    let keyless = PublishRecord { value: Some(b"two"), ..Default::default() };
    assert_eq!(publish(&config, &topic, keyless, WAIT).unwrap(), 1);

    let mut feed = KafkaFeed::open(&config, &topic).unwrap();
    let first = entry(next(&mut feed));
    assert_eq!((first.revision, first.key.as_deref()), (0, Some(&b"model/wine/a@1"[..])));
    assert_eq!((first.value.as_deref(), first.expects.as_deref()), (Some(&b"one"[..]), Some(&b"12"[..])));
    assert!(first.timestamp > 1_600_000_000_000);
    let second = entry(next(&mut feed));
    assert_eq!((second.revision, second.key, second.expects), (1, None, None));
    assert_eq!(next(&mut feed), Announcement::CaughtUp);

    let tombstone = PublishRecord { key: Some(b"model/wine/a@1"), ..Default::default() };
    assert_eq!(publish(&config, &topic, tombstone, WAIT).unwrap(), 2);
    let third = entry(next(&mut feed));
    assert_eq!((third.revision, third.value), (2, None), "and not caught up a second time");
}

#[test]
fn an_empty_control_log_is_caught_up_and_others_are_refused() {
    let Some(brokers) = broker() else { return };
    let (config, topic) = (config(brokers, &[]), unique("models"));
    let error = KafkaFeed::open(&config, &topic).err().unwrap();
    assert!(matches!(&error, Error::NoTopic { .. }), "{error}");
    create(&config, &topic, 1, &[]).unwrap();
    assert_eq!(next(&mut KafkaFeed::open(&config, &topic).unwrap()), Announcement::CaughtUp);
    let wide = unique("models");
    create(&config, &wide, 3, &[]).unwrap();
    let error = KafkaFeed::open(&config, &wide).err().unwrap();
    assert!(matches!(error, Error::Partitions { partitions: 3, .. }), "{error}");
}

#[test]
fn a_descriptor_as_large_as_its_topic_allows_comes_through() {
    let Some(brokers) = broker() else { return };
    let (config, topic) = (config(brokers, &[]), unique("models"));
    create(&config, &topic, 1, &[("max.message.bytes", "40000000")]).unwrap();
    let large = vec![7_u8; 30 << 20];
    publish(&config, &topic, PublishRecord { value: Some(&large), ..Default::default() }, WAIT).unwrap();
    let mut feed = KafkaFeed::open(&config, &topic).unwrap();
    assert!(entry(next(&mut feed)).value.unwrap() == large);
    let larger = vec![7_u8; 41 << 20];
    let error = publish(&config, &topic, PublishRecord { value: Some(&larger), ..Default::default() }, WAIT).unwrap_err();
    assert!(error.to_string().contains("max.message.bytes"), "{error}");
}

#[test]
fn a_broker_that_is_not_there_is_named() {
    if broker().is_none() {
        return;
    }
    let config = config("127.0.0.1:1", &[]);
    let error = publish(&config, "models", PublishRecord::default(), Duration::from_secs(1)).unwrap_err();
    assert!(matches!(&error, Error::Unreachable { .. }), "{error}");
    assert!(error.to_string().contains("127.0.0.1:1"), "{error}");
}

#[test]
fn read_all_ends_at_the_end_and_stops_when_told() {
    let Some(brokers) = broker() else { return };
    let (config, topic) = (config(brokers, &[]), unique("dlq"));
    create(&config, &topic, 3, &[]).unwrap();
    for partition in 0..3 {
        let record = PublishRecord { partition: Some(partition), value: Some(b"x"), ..Default::default() };
        publish(&config, &topic, record, WAIT).unwrap();
    }
    let mut seen = Vec::new();
    let complete = read_all(&config, &topic, WAIT, |record| {
        seen.push(record.partition);
        true
    });
    assert!(complete.unwrap());
    seen.sort_unstable();
    assert_eq!(seen, [0, 1, 2]);
    let mut count = 0;
    let complete = read_all(&config, &topic, WAIT, |_| {
        count += 1;
        count < 2
    });
    assert_eq!((complete.unwrap(), count), (false, 2));
}

#[test]
fn notices_arrive_under_their_key() {
    let Some(brokers) = broker() else { return };
    let (config, topic) = (config(brokers, &[]), unique("status"));
    create(&config, &topic, 1, &[("cleanup.policy", "compact")]).unwrap();
    let mut notices = KafkaNotices::open(&config, &topic).unwrap();
    notices.put("host/wine", b"{}");
    drop(notices);
    let seen = read(brokers, &topic, 1, "read_committed");
    assert_eq!(seen.len(), 1);
    assert_eq!((seen[0].key.as_deref(), seen[0].value.as_deref()), (Some(&b"host/wine"[..]), Some(&b"{}"[..])));
}
