//! Models that are too large for a record, published as an operator does it, with a host that runs beside on the real broker.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[allow(unreachable_pub, missing_docs, reason = "shared by test programs, which have no readers outside")]
mod support;

use std::collections::BTreeSet;

use prost::Message as _;
use sandstream::stream::kafka::{PublishRecord, create, publish};
use sandstream::types::Digest;
use sandstream::types::control::chunk_key;
use sandstream::types::proto::ModelDescriptor;
use support::kafka::{Seen, broker, config, read};
use support::program::{PATIENCE, Site, guest};

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
commit.interval = "20ms"
[limits]
payload = "4MiB"
"#;

/// Topics that take records of 200 kB at most, chunks on two partitions.
fn site(stem: &str) -> Option<Site> {
    let site = Site::new(broker()?, stem, TEXT);
    let small = ("max.message.bytes", "200000");
    let log = [("cleanup.policy", "delete"), ("retention.ms", "-1"), ("retention.bytes", "-1"), small];
    let settings = config(&site.brokers, &[]);
    create(&settings, &format!("{}.models", site.name), 1, &log).unwrap();
    create(&settings, &chunks(&site), 2, &[("cleanup.policy", "compact"), small]).unwrap();
    let made = site.call(&["check", "--kafka", "--create", "--partitions", "1"]);
    made.expect("check --create", 0, &["large models in chunks: 2 partitions", "goes in chunks"]);
    Some(site)
}

fn chunks(site: &Site) -> String {
    format!("{}.models.chunks", site.name)
}

/// A good module that is as large as wanted: a custom section at its end, which says nothing.
fn padded(site: &Site, name: &str, size: usize) -> String {
    let mut module = std::fs::read(guest("wine-linear")).unwrap();
    let padding = size - module.len() - 6;
    module.push(0);
    // Its length, as LEB128 of five bytes.
    module.extend((0..5).map(|at| (padding >> (7 * at)) as u8 & 0x7f | if at < 4 { 0x80 } else { 0 }));
    let name_at = module.len();
    module.extend((0..padding).map(|at| (at * 31 % 251) as u8));
    module[name_at..name_at + 4].copy_from_slice(&[3, b'p', b'a', b'd']);
    let path = site.folder.path().join(format!("{name}.wasm"));
    std::fs::write(&path, module).unwrap();
    path.to_str().unwrap().to_owned()
}

fn digest(path: &str) -> Digest {
    Digest::of(&std::fs::read(path).unwrap())
}

fn written(site: &Site) -> Vec<Seen> {
    read(&site.brokers, &chunks(site), 2, "read_committed")
}

#[test]
fn a_model_too_large_for_a_record_goes_in_chunks() {
    let Some(site) = site("chunks") else { return };
    let large = padded(&site, "large", 3 << 20);
    let host = site.run();
    let publish = |words: &[&str], code, parts: &[&str]| {
        site.call(&[&["model", "publish"], words].concat()).expect(&words.join(" "), code, parts)
    };
    let said = publish(&[&large, "--version", "1"], 0, &["wine/large@1 (revision 0): Live on one/scores"]);
    assert!(said.err.contains("too large for a record of") && said.err.contains("3.0 MiB in 26 chunks"), "{said:?}");
    let seen = written(&site);
    let keys: BTreeSet<String> = seen.iter().map(|seen| String::from_utf8(seen.key.clone().unwrap()).unwrap()).collect();
    assert_eq!(keys, (0..26).map(|number| chunk_key(digest(&large), number)).collect(), "one of each");
    assert!(seen.iter().all(|seen| seen.value.as_ref().unwrap().len() <= 122_880));

    let listed = site.call(&["model", "list", "--json"]).json();
    assert_eq!(listed[0]["digest"], digest(&large).to_string(), "the payload's digest, as if it had been carried: {listed:#}");
    site.call(&["model", "show", "large@1"]).expect("show", 0, &[&digest(&large).to_string(), "Live"]);

    let again = publish(&[&large, "--version", "1"], 0, &["same content at revision 0", "Live on one/scores"]);
    assert!(again.err.contains("26 chunks"), "{again:?}");
    publish(&[&guest("wine-linear"), "--version", "1"], 0, &["wine/wine-linear@1", "Live"]);
    host.end();
    let host = site.run();
    site.call(&["model", "rollback"]).expect("fetched anew", 0, &["wine/large@1 (pinned at", "Live on one/scores"]);
    host.end();
}

#[test]
fn a_wrong_chunk_is_named_and_mended_by_publishing_again() {
    let Some(site) = site("mended") else { return };
    let large = padded(&site, "large", 1 << 20);
    let host = site.run();
    let publish_model = |version: &str, parts: &[&str]| {
        let what = format!("version {version}");
        site.call(&["model", "publish", &large, "--version", version]).expect(&what, 0, parts)
    };
    publish_model("1", &["wine/large@1 (revision 0): Live on one/scores"]);
    let third = chunk_key(digest(&large), 2);
    let wrong = PublishRecord { key: Some(third.as_bytes()), value: Some(b"something else"), ..PublishRecord::default() };
    publish(&config(&site.brokers, &[]), &chunks(&site), wrong, PATIENCE).unwrap();
    let copies: Vec<_> = written(&site).into_iter().filter(|seen| seen.key.as_deref() == Some(third.as_bytes())).collect();
    assert_eq!((copies.len(), copies[0].partition), (2, copies[1].partition), "the same key, so the same partition");

    let log = format!("{}.models", site.name);
    let first = read(&site.brokers, &log, 1, "read_committed").remove(0);
    let mut descriptor = ModelDescriptor::decode(first.value.unwrap().as_slice()).unwrap();
    descriptor.version = Some("2".into());
    descriptor.chunks.as_mut().unwrap().chunks[2].offset = copies[1].offset;
    let revision = site.control(&log, Some("model/wine/large@2"), Some(&descriptor.encode_to_vec()));
    let listed = site.until(&["model", "list", "--json"], |models| models[1]["hosts"][0]["state"] == "Rejected");
    let reason = listed[1]["hosts"][0]["reason"].as_str().unwrap();
    for part in ["chunk 3 of 9", &third, "expected 122880 bytes", "got 14 of", "publish the model again"] {
        assert!(reason.contains(part), "no `{part}` in {reason}");
    }
    assert_eq!(listed[0]["hosts"][0]["state"], "Live", "{listed:#}");
    publish_model("2", &[&format!("same content at revision {revision}"), "Live on one/scores"]);
    host.end();
}

#[test]
fn what_cannot_go_in_chunks_says_what_to_do() {
    let Some(site) = site("refused") else { return };
    let name = |path: &str| format!("wide={path}");
    let linear = guest("wine-linear");
    let wide = padded(&site, "wide", 1 << 20);
    let artifact = format!("wide=@{wide}");
    let cases: [(&[&str], i32, &[&str]); 4] = [
        (&[&padded(&site, "huge", 5 << 20)], 1, &["the model has 5242880 bytes", "at most 4194304", "`limits.payload`"]),
        (&[&linear, "--config-file", &wide], 1, &["beside what goes in chunks", "takes 200000", "--config-file smaller"]),
        (&[&linear, "--artifact", &artifact, "--wait", "1s"], 2, &["1.0 MiB in 9 chunks", "no host has answered within 1s"]),
        (&[&linear, "--artifact", &name("nowhere.bin")], 1, &["nowhere.bin"]),
    ];
    for (words, code, parts) in cases {
        site.call(&[&["model", "publish"], words].concat()).expect(&words.join(" "), code, parts);
    }
}

#[test]
fn where_there_is_no_chunks_topic_it_is_asked_for() {
    let Some(broker) = broker() else { return };
    let site = Site::new(broker, "topicless", TEXT);
    let log = [("cleanup.policy", "delete"), ("retention.ms", "-1"), ("retention.bytes", "-1"), ("max.message.bytes", "200000")];
    let settings = config(&site.brokers, &[]);
    create(&settings, &format!("{}.models", site.name), 1, &log).unwrap();
    create(&settings, &format!("{}.models.status", site.name), 1, &[("cleanup.policy", "compact")]).unwrap();
    let large = padded(&site, "large", 1 << 20);
    let said = site.call(&["model", "publish", &large]);
    said.expect("publish", 1, &["models.chunks`", "does not exist", "check --kafka --create", "--location"]);
    let checked = site.call(&["check", "--kafka"]);
    assert!(checked.out.contains("too large for a record cannot be published; make it, or say --create"), "{checked:?}");
}
