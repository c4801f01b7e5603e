//! `sandstream check`: of a file alone, of topics on the real broker, of a model.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[allow(unreachable_pub, missing_docs, reason = "shared by test programs, which have no readers outside")]
mod support;

use sandstream::stream::kafka::create;
use support::kafka::{broker, config};
use support::program::{Site, guest};

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
[types.other]
format = "json"
fields = ["alcohol"]
[streams.scores]
inputs = ["NAME.in"]
type = { constant = "wine" }
group = "NAME"
instance = "one"
"#;

#[test]
fn a_file_alone_is_checked_without_a_broker() {
    let good = Site::new("127.0.0.1:1", "check", TEXT);
    good.call(&["check"]).expect("a good file", 0, &["declares 2 data types and 1 streams"]);
    let cases = [
        (TEXT.replace("group =", "gruop ="), "host.toml:18: `streams.scores.gruop`", "nearest"),
        (TEXT.replace("[types.wine]", "[types.wine]\nfeatures = [\"alcohl\"]"), "[types.wine]", "`alcohol`"),
        (TEXT.replace("instance =", "include = [\"pHH\"]\ninstance ="), "[streams.scores]", "`pH`"),
    ];
    for (text, place, words) in cases {
        let site = Site::new("127.0.0.1:1", "check", &text);
        let ran = site.call(&["check", "--json"]).expect(place, 1, &[place, words]);
        assert_eq!(ran.json()["ok"], false, "{ran:#?}");
    }
    let without = Site::new("127.0.0.1:1", "check", &TEXT.replace("[kafka]\nbrokers = \"BROKERS\"\n", ""));
    without.call(&["check"]).expect("enough for `pipe`", 0, &["has no [kafka]", "`run` needs one"]);
    good.call(&["check", "--kafka"]).expect("nobody answers", 1, &["WRONG", "no answer from 127.0.0.1:1"]);
}

#[test]
fn a_model_is_joined_with_the_data_types() {
    let site = Site::new("127.0.0.1:1", "check", TEXT);
    let linear = guest("wine-linear");
    let ran = site.call(&["check", "--json", "--model", &linear]).expect("a model", 0, &["fits data type `wine`"]);
    let model = &ran.json()["models"][0];
    assert_eq!(model["fits"], serde_json::json!(["wine"]), "{model:#}");
    assert_eq!(model["outputs"][0]["name"], "quality", "{model:#}");
    assert!(model["imports"].as_array().unwrap().iter().any(|import| import.as_str().unwrap().contains("/types@")));
    let cases: [(&[&str], &[&str]); 3] = [
        (&["--model", &linear, "--data-type", "other"], &["does not fit data type `other`", "fixed"]),
        (&["--model", &linear, "--type", "pmml"], &["rejected at verify", "PMML"]),
        (&["--model", &guest("hostile-memory"), "--type", "onnx"], &["rejected at compile", "no ONNX model"]),
    ];
    for (words, parts) in cases {
        site.call(&[&["check"], words].concat()).expect(&words.join(" "), 1, parts);
    }
    site.call(&["check", "--model", "/no/such.wasm"]).expect("no file", 1, &["cannot read /no/such.wasm"]);
}

/// Topics as they are found, and what is said of each.
type Case<'a> = (&'a str, i32, &'a [(&'a str, &'a str)], &'a [&'a str]);

#[test]
fn topics_that_are_missing_or_wrong_are_named_and_made() {
    let Some(brokers) = broker() else { return };
    let forever: &[(&str, &str)] = &[("retention.ms", "-1"), ("retention.bytes", "-1"), ("cleanup.policy", "delete")];
    let cases: [Case<'_>; 5] = [
        ("in.scores", 2, &[], &["output of `scores`: expected 3 partitions as", "got 2"]),
        ("models", 2, forever, &["control log: expected 1 partition", "got 2"]),
        ("models", 1, &[("retention.bytes", "-1")], &["expected retention.ms=-1, got 604800000", "kafka-configs --alter"]),
        ("models.status", 1, &[], &["expected cleanup.policy=compact, got delete"]),
        ("models.activations", 1, &[("cleanup.policy", "compact")], &["expected cleanup.policy=delete, got compact"]),
    ];
    for (topic, partitions, settings, parts) in cases {
        let site = Site::new(brokers, "check", TEXT);
        create(&config(brokers, &[]), &format!("{}.{topic}", site.name), partitions, settings).unwrap();
        let missing = format!("topic {}.in ", site.name);
        site.call(&["check", "--kafka"]).expect("others are missing", 1, &[&missing, "does not exist; make it, or say --create"]);
        site.call(&["check", "--kafka", "--create", "--partitions", "3"]).expect(topic, 1, parts);
    }
    let site = Site::new(brokers, "check", TEXT);
    create(&config(brokers, &[]), &format!("{}.in.dlq", site.name), 1, &[]).unwrap();
    create(&config(brokers, &[]), &format!("{}.in", site.name), 3, &[("max.message.bytes", "5000000")]).unwrap();
    let made = site.call(&["check", "--kafka", "--create"]);
    made.expect(
        "--create",
        0,
        &["control log: made", "spread by their keys", "a model of up to 1044492 bytes", "becomes an envelope"],
    );
    let again = site.call(&["check", "--kafka"]).expect("after --create", 0, &["output of `scores`: 3 partitions", "group"]);
    assert!(!again.out.contains("made"), "{again:#?}");
}
