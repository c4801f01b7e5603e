//! TLS, SCRAM and ACLs: a whole host and the commands on the secure listener of the real broker, and what is said where a
//! password or a right is missing.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[allow(unreachable_pub, missing_docs, reason = "shared by test programs, which have no readers outside")]
mod support;

use std::time::Instant;

use sandstream::stream::kafka::create;
use support::kafka::{config, produce, read, secure_broker};
use support::program::{PATIENCE, Site, guest};

/// The user `sand` may use what begins with its name, and nothing else.
fn site(stem: &str, password: &str) -> Option<Site> {
    let (mut settings, open) = secure_broker()?;
    let secure = settings.remove("bootstrap.servers").unwrap();
    if !password.is_empty() {
        settings.insert("sasl.password".into(), password.into());
    }
    let properties: String = settings.iter().map(|(key, value)| format!("{key} = {value:?}\n")).collect();
    let features = sandstream_wine::FEATURES;
    let text = format!(
        r#"
        [kafka]
        brokers = "{secure}"
        {properties}
        [control]
        topic = "NAME.models"
        [types.wine]
        format = "json"
        fields = {features:?}
        [streams.scores]
        inputs = ["NAME.in"]
        type = {{ constant = "wine" }}
        group = "NAME"
        instance = "one"
        "#
    );
    Some(Site::new(open.trim(), stem, &text))
}

#[test]
fn a_whole_host_runs_over_tls_with_a_password_and_no_more_rights_than_it_needs() {
    let Some(site) = site("sand-host", "") else { return };
    site.call(&["check", "--kafka", "--create", "--partitions", "2"]).expect("--create", 0, &["control log: made"]);
    site.call(&["check", "--kafka"]).expect("check", 0, &["transactional id", "may use it"]);
    let host = site.run();
    site.call(&["model", "publish", &guest("wine-linear")]).expect("publish", 0, &["Live on one/scores"]);
    let records: Vec<_> = (0..500_u64).map(|i| (i, sandstream_wine::records()[i as usize].to_json(i, 0))).collect();
    produce(&site.brokers, &format!("{}.in", site.name), 2, &records);
    let until = Instant::now() + PATIENCE;
    let results = || read(&site.brokers, &format!("{}.in.scores", site.name), 2, "read_committed").len();
    while results() < records.len() {
        assert!(Instant::now() < until, "{} of {} results: {}", results(), records.len(), host.log());
    }
    host.end();
    assert_eq!(results(), records.len());
}

#[test]
fn a_wrong_password_is_said_to_be_one() {
    let Some(site) = site("sand-wrong", "not the password") else { return };
    let said = "Authentication failed";
    for words in [&["check", "--kafka"][..], &["model", "list"], &["run"], &["dlq", "list"]] {
        site.call(words).expect(&words.join(" "), 1, &[said]);
    }
}

#[test]
fn a_right_that_is_missing_is_named() {
    // Nothing that begins so is the user's.
    let Some(site) = site("forbidden", "") else { return };
    for (ending, partitions) in [("in", 2), ("in.scores", 2), ("in.dlq", 2), ("models", 1), ("models.status", 1)] {
        create(&config(&site.brokers, &[]), &format!("{}.{ending}", site.name), partitions, &[]).unwrap();
    }
    let group = format!("grant Read on group `{}`", site.name);
    let id = format!("grant Write and Describe on transactional ids with the prefix `{}-one-`", site.name);
    let topic = format!("topic {}.in.scores", site.name);
    let parts = [&group, &id, &topic, "Topic authorization failed", "Grant the user Read on the inputs"];
    site.call(&["check", "--kafka"]).expect("check", 1, &parts);
    for words in [&["model", "list"][..], &["run"], &["dlq", "list"]] {
        site.call(words).expect(&words.join(" "), 1, &["Topic authorization failed", "Grant the user"]);
    }
}
