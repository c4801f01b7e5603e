//! The examples are what they say: their own files, on topics of this test's, with the commands that their comments name. The
//! Protobuf one is fed with the tutorial's bytes as its producers write them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[allow(unreachable_pub, missing_docs, reason = "shared by test programs, which have no readers outside")]
mod support;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde_json::Value;
use support::kafka::{Seen, broker, produce, read};
use support::program::{PATIENCE, Site, guest};

const PARTITIONS: i32 = 2;
const COUNT: u64 = 300;

/// An example's own file; only names are this test's.
fn example(brokers: &str, file: &str) -> Site {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../examples/wine").join(file);
    let mut site = Site::of(brokers, "example", &path);
    let name = site.name.clone();
    for (key, value) in [
        ("KAFKA__BROKERS", brokers.to_owned()),
        ("CONTROL__TOPIC", format!("{name}.models")),
        ("STREAMS__WINE__INPUTS", format!("[\"{name}.in\"]")),
        ("STREAMS__WINE__GROUP", name.clone()),
        ("ADMIN__BIND", "127.0.0.1:0".to_owned()),
    ] {
        site.set(&format!("SANDSTREAM__{key}"), &value);
    }
    site.call(&["check", "--kafka", "--create", "--partitions", "2"]).expect(file, 0, &["control log: made"]);
    site.call(&["check", "--kafka", "--model", &guest("wine-linear")]).expect(file, 0, &["fits data type `wine`"]);
    site
}

fn await_results(site: &Site, count: u64) -> Vec<Seen> {
    let until = Instant::now() + PATIENCE;
    loop {
        let seen = read(&site.brokers, &format!("{}.in.scores", site.name), PARTITIONS, "read_committed");
        if seen.len() >= count as usize {
            return seen;
        }
        assert!(Instant::now() < until, "{} of {count} results", seen.len());
    }
}

/// Each record is answered once, with what the native code of the same model says.
fn assert_scored(results: &[Seen]) -> Vec<Value> {
    let expected: Vec<f32> = sandstream_models::wine::linear().unwrap().score(&sandstream_wine::matrix());
    let keys: BTreeSet<u64> = results.iter().map(|seen| number(seen.key.as_deref().unwrap())).collect();
    assert!(keys.into_iter().eq(0..COUNT) && results.len() == COUNT as usize);
    let check = |seen: &Seen| {
        let result: Value = serde_json::from_slice(seen.value.as_deref().unwrap()).unwrap();
        let quality = result["outputs"]["quality"].as_f64().unwrap() as f32;
        let wanted = expected[number(seen.key.as_deref().unwrap()) as usize];
        assert!((quality - wanted).abs() <= 1e-5, "{result}: expected {wanted}");
        result
    };
    results.iter().map(check).collect()
}

fn number(text: &[u8]) -> u64 {
    std::str::from_utf8(text).unwrap().parse().unwrap()
}

#[test]
fn json() {
    let Some(brokers) = broker() else { return };
    let site = example(brokers, "json.toml");
    let host = site.run();
    site.call(&["model", "publish", "--data-type", "wine", &guest("wine-linear")]).expect("publish", 0, &["Live"]);
    let records: Vec<_> = (0..COUNT).map(|i| (i, sandstream_wine::records()[i as usize].to_json(i, 0))).collect();
    produce(brokers, &format!("{}.in", site.name), PARTITIONS, &records);
    for (result, seen) in assert_scored(&await_results(&site, COUNT)).iter().zip(await_results(&site, COUNT)) {
        assert_eq!(result["id"], number(seen.key.as_deref().unwrap()), "`include` repeats the record's id: {result}");
    }
    host.end();
}

/// A field of a Protobuf message, by hand, as the tutorial's generated code writes it.
fn text(number: u8, text: &str) -> Vec<u8> {
    bytes(number, text.as_bytes())
}

fn bytes(number: u8, content: &[u8]) -> Vec<u8> {
    let mut field = vec![number << 3 | 2];
    let mut length = content.len();
    while length >= 128 {
        field.push(length as u8 | 128);
        length >>= 7;
    }
    field.push(length as u8);
    [&field, content].concat()
}

/// A descriptor of the tutorial: name, description, dataType, modeltype, data. The first type is 0, which proto3 leaves out.
fn descriptor(name: &str, model_type: u8, data: &[u8]) -> Vec<u8> {
    let kind = if model_type == 0 { Vec::new() } else { vec![4 << 3, model_type] };
    [text(1, name), text(2, "generated from the tutorial"), text(3, "wine"), kind, bytes(5, data)].concat()
}

#[test]
fn protobuf_with_the_tutorials_own_bytes() {
    let Some(brokers) = broker() else { return };
    let site = example(brokers, "protobuf.toml");
    let host = site.run();
    let (log, linear) = (format!("{}.models", site.name), std::fs::read(guest("wine-linear")).unwrap());
    assert_eq!(site.control(&log, None, Some(&descriptor("winequality model", 4, &linear))), 0);
    let list = ["model", "list", "--json"];
    let live = site.until(&list, |models| models[0]["live"] == true);
    assert_eq!((&live[0]["name"], &live[0]["version"]), (&"winequality model".into(), &"0".into()), "{live:#}");

    // What is no graph, and PMML, until there is something that runs it.
    for (revision, kind, words) in [(1, 0, "GraphDef"), (2, 1, "SavedModel"), (3, 2, "PMML")] {
        assert_eq!(site.control(&log, None, Some(&descriptor(words, kind, b"a model"))), revision);
        let said = site.until(&list, |models| models[revision as usize]["hosts"][0]["state"] == "Rejected");
        let reason = said[revision as usize]["hosts"][0]["reason"].as_str().unwrap();
        assert!(reason.contains(words), "{words}: {reason}");
        assert!(said[0]["live"] == true, "the WASM model stays live: {said:#}");
    }

    let records: Vec<_> = (0..COUNT).map(|i| (i, sandstream_wine::records()[i as usize].to_protobuf())).collect();
    produce(brokers, &format!("{}.in", site.name), PARTITIONS, &records);
    for result in assert_scored(&await_results(&site, COUNT)) {
        assert_eq!((&result["model"], &result["version"]), (&"winequality model".into(), &"0".into()), "{result}");
    }
    host.end();
}

/// The tutorial's own graphs, as its own publisher sends them: the frozen one, whose only input is 11 wide and has no name that the
/// records know, and the SavedModel, which another training made.
#[test]
fn the_tutorials_tensorflow_models() {
    let Some(brokers) = broker() else { return };
    let wine = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/wine");
    if !wine.exists() {
        return eprintln!("skipped: there is no {}", wine.display());
    }
    let site = example(brokers, "protobuf.toml");
    let host = site.run();
    let (log, input) = (format!("{}.models", site.name), format!("{}.in", site.name));
    let frozen = std::fs::read(wine.join("optimized_WineQuality.pb")).unwrap();
    assert_eq!(site.control(&log, None, Some(&descriptor("tensorflow", 0, &frozen))), 0);
    let list = ["model", "list", "--json"];
    site.until(&list, |models| models[0]["live"] == true);
    let records: Vec<_> = (0..).zip(sandstream_wine::records()).map(|(i, wine)| (i, wine.to_protobuf())).collect();
    let count = records.len() as u64;
    produce(brokers, &input, PARTITIONS, &records);
    assert_answered(&await_results(&site, count), &expected(&wine.join("optimized_WineQuality.expected.csv")));
    host.end();

    let site = example(brokers, "protobuf.toml");
    let host = site.run();
    let saved = wine.join("saved/1").display().to_string();
    site.call(&["model", "publish", "--data-type", "wine", "--name", "saved", &saved]).expect("a folder", 0, &["Live"]);
    produce(brokers, &format!("{}.in", site.name), PARTITIONS, &records);
    assert_answered(&await_results(&site, count), &expected(&wine.join("saved.expected.csv")));
    host.end();
}

/// Outputs of TensorFlow, a line a record.
fn expected(path: &Path) -> Vec<Vec<f64>> {
    let line = |line: &str| line.split(',').map(|cell| cell.trim().parse().unwrap()).collect();
    std::fs::read_to_string(path).unwrap().lines().map(line).collect()
}

/// Relative, as small scores count as much as large ones.
fn assert_answered(results: &[Seen], expected: &[Vec<f64>]) {
    let keys: BTreeSet<u64> = results.iter().map(|seen| number(seen.key.as_deref().unwrap())).collect();
    assert!(keys.into_iter().eq(0..expected.len() as u64) && results.len() == expected.len());
    for seen in results {
        let result: Value = serde_json::from_slice(seen.value.as_deref().unwrap()).unwrap();
        let (_, got) = result["outputs"].as_object().unwrap().iter().next().unwrap();
        let got: Vec<f64> = got.as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect();
        let expected = &expected[number(seen.key.as_deref().unwrap()) as usize];
        assert_eq!(got.len(), expected.len(), "{result}");
        for (got, expected) in got.iter().zip(expected) {
            assert!((got - expected).abs() <= 1e-4 * expected.abs() + 1e-12, "{got} is not {expected}: {result}");
        }
    }
}
