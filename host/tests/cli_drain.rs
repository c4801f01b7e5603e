//! SIGTERM while records stream: what was begun is committed, nothing is aborted, and the next host goes on where this one ended.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[allow(unreachable_pub, missing_docs, reason = "shared by test programs, which have no readers outside")]
mod support;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use support::kafka::{Seen, broker, produce, read};
use support::program::{PATIENCE, Site, guest};

const PARTITIONS: i32 = 4;
/// Records produced at a time.
const BURST: u64 = 2_000;

const TEXT: &str = r#"
[kafka]
brokers = "BROKERS"
[control]
topic = "NAME.models"
[types.wine]
format = "json"
fields = [
    "fixed acidity", "volatile acidity", "citric acid", "residual sugar", "chlorides", "free sulfur dioxide",
    "total sulfur dioxide", "density", "pH", "sulphates", "alcohol",
]
[streams.scores]
inputs = ["NAME.in"]
type = { constant = "wine" }
group = "NAME"
instance = "one"
lanes = 2
"#;

#[test]
fn a_host_that_is_told_to_end_loses_nothing_and_aborts_nothing() {
    let Some(brokers) = broker() else { return };
    let site = Site::new(brokers, "drain", TEXT);
    site.call(&["check", "--kafka", "--create", "--partitions", "4"]).expect("topics", 0, &[]);
    let host = site.run();
    site.call(&["model", "publish", &guest("wine-linear")]).expect("publish", 0, &["Live"]);

    let (stop, sent) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        let load = scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                let from = sent.load(Ordering::Relaxed);
                let records: Vec<_> = (from..from + BURST).map(|i| (i, wine(i))).collect();
                produce(brokers, &format!("{}.in", site.name), PARTITIONS, &records);
                sent.store(from + BURST, Ordering::Relaxed);
            }
        });
        await_results(&site, 1);
        let (status, log) = host.terminate();
        assert!(status.success(), "{status}: {log}");
        assert!(log.contains("drained"), "{log}");
        let before = committed(&site);
        assert!(!before.is_empty());
        assert_each_once(&before);
        assert_eq!(before, results(&site, "read_uncommitted"), "nothing was aborted or left open");

        let host = site.run();
        await_results(&site, before.len() + 1);
        stop.store(true, Ordering::Relaxed);
        load.join().unwrap();
        await_results(&site, sent.load(Ordering::Relaxed) as usize);
        host.end();
    });
    let all = committed(&site);
    assert_eq!(all.len() as u64, sent.load(Ordering::Relaxed), "nothing is lost");
    assert_each_once(&all);
    assert_eq!(all, results(&site, "read_uncommitted"), "nothing was aborted");
    assert!(read(brokers, &format!("{}.in.dlq", site.name), PARTITIONS, "read_committed").is_empty());
}

fn results(site: &Site, isolation: &str) -> Vec<Seen> {
    read(&site.brokers, &format!("{}.in.scores", site.name), PARTITIONS, isolation)
}

fn committed(site: &Site) -> Vec<Seen> {
    results(site, "read_committed")
}

fn await_results(site: &Site, count: usize) {
    let until = Instant::now() + PATIENCE;
    loop {
        let there = committed(site).len();
        if there >= count {
            return;
        }
        assert!(Instant::now() < until, "{there} of {count} results");
    }
}

/// In every partition the keys are those of the records in their order, from the first one, without a gap.
fn assert_each_once(results: &[Seen]) {
    for partition in 0..PARTITIONS {
        let of_it = results.iter().filter(|seen| seen.partition == partition);
        for (at, seen) in of_it.enumerate() {
            let number = at as u64 * PARTITIONS as u64 + partition as u64;
            assert_eq!(seen.key.as_deref(), Some(number.to_string().as_bytes()), "result {at} of partition {partition}");
        }
    }
}

fn wine(i: u64) -> Vec<u8> {
    sandstream_wine::records()[i as usize % 1599].to_json(i, 0)
}
