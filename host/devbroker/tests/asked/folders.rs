//! What is kept in a folder, and compaction, which works on it while records come.

use std::path::Path;
use std::time::{Duration, Instant};

use bytes::Bytes;
use kafka_protocol::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use kafka_protocol::messages::{CreateTopicsRequest, DeleteTopicsRequest};
use sandstream_devbroker::{Broker, Options, Sync};

use crate::client::{Client, TOPIC, batch, content, error, text, topic};
use crate::transactions::once;

fn start(folder: Option<&Path>) -> Broker {
    let settings = [("log.cleaner.backoff.ms".to_owned(), "1".to_owned())].into();
    let data = folder.map(Path::to_path_buf);
    Broker::start(Options { data, sync: Sync::Always, settings, ..Options::default() }).unwrap()
}

fn create(client: &mut Client) {
    let set = |(name, value): (&str, &str)| CreatableTopicConfig::default().with_name(text(name)).with_value(Some(text(value)));
    let configs = [
        ("cleanup.policy", "compact"),
        ("segment.bytes", "1048576"),
        ("min.cleanable.dirty.ratio", "0.01"),
        ("delete.retention.ms", "0"),
    ];
    let topic = CreatableTopic::default().with_name(topic(TOPIC)).with_num_partitions(1).with_replication_factor(1);
    let request = CreateTopicsRequest::default().with_topics(vec![topic.with_configs(configs.map(set).into())]);
    assert_eq!(error(client.ask(7, &request).topics[0].error_code), None);
}

/// Four segments of 100 keys over and over, an aborted record, and one that is committed.
fn fill(client: &mut Client) -> i64 {
    let value = "x".repeat(1000);
    let of = client.init("x", (-1, -1)).unwrap();
    once(client, "x", of, 0, false);
    once(client, "x", of, 1, true);
    let mut last = 0;
    for _ in 0..40 {
        let keys: Vec<String> = (0..100).map(|key| format!("key {key}")).collect();
        let records: Vec<(&str, &str)> = keys.iter().map(|key| (key.as_str(), value.as_str())).collect();
        last = client.produce(TOPIC, batch(&records, (-1, -1, -1), false), None).unwrap() + 99;
    }
    last
}

#[test]
fn compaction_keeps_the_last_of_each_key_while_the_broker_answers() {
    let folder = tempfile::tempdir().unwrap();
    for place in [None, Some(folder.path())] {
        let mut broker = start(place);
        let mut client = Client::new(&broker);
        create(&mut client);
        let last = fill(&mut client);
        let until = Instant::now() + Duration::from_secs(30);
        let compacted = loop {
            // What is asked meanwhile is answered, and what it finds is always the last of each key at least.
            let found = content(&mut client);
            assert!((last - 99..=last).all(|offset| found.contains_key(&offset)), "the last records are there");
            let (kept, begin) = (found.contains_key(&2), found.range(..last - 99).count());
            if begin < 1500 && kept {
                break found;
            }
            assert!(Instant::now() < until, "{} records are left after {place:?}", found.len());
        };
        assert_eq!(compacted.get(&2), Some(&Bytes::from_static(b"v")), "what was committed is there");
        assert!(!compacted.contains_key(&0), "what was aborted is not");
        if let Some(folder) = place {
            drop(client);
            drop(broker);
            broker = start(Some(folder));
            let again = content(&mut Client::new(&broker));
            assert_eq!(again.get(&2), Some(&Bytes::from_static(b"v")));
            assert_eq!(again.keys().next_back(), Some(&last));
            assert_eq!(names(folder, "cleaned"), 0);
        }
    }
}

fn names(folder: &Path, ending: &str) -> usize {
    let files = std::fs::read_dir(folder.join("topics").join(format!("{TOPIC}-0"))).unwrap();
    files.filter(|file| file.as_ref().unwrap().path().extension().is_some_and(|found| found == ending)).count()
}

/// A topic that is deleted, and made anew, while it is compacted: nothing of the old one comes back.
#[test]
fn a_topic_may_go_while_it_is_compacted() {
    let folder = tempfile::tempdir().unwrap();
    let broker = start(Some(folder.path()));
    let mut client = Client::new(&broker);
    for _ in 0..5 {
        create(&mut client);
        fill(&mut client);
        let gone = client.ask(4, &DeleteTopicsRequest::default().with_topic_names(vec![topic(TOPIC)]));
        assert_eq!(error(gone.responses[0].error_code), None);
    }
    create(&mut client);
    client.produce(TOPIC, batch(&[("k", "v")], (-1, -1, -1), false), None).unwrap();
    assert_eq!(content(&mut client).len(), 1);
}
