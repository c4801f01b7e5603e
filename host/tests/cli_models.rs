//! The commands on models, as an operator calls them, with a host that runs beside them on the real broker.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[allow(unreachable_pub, missing_docs, reason = "shared by test programs, which have no readers outside")]
mod support;

use serde_json::Value;
use support::kafka::{broker, produce, read};
use support::program::{Site, guest};

const TEXT: &str = r#"
[kafka]
brokers = "BROKERS"
[control]
topic = "NAME.models"
locations = ["."]
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
"#;

fn site(stem: &str) -> Option<Site> {
    let site = Site::new(broker()?, stem, TEXT);
    let made = site.call(&["check", "--kafka", "--create", "--partitions", "2"]);
    made.expect("check --create", 0, &["NAME.in".replace("NAME", &site.name).as_str()]);
    Some(site)
}

/// One step of a story: the words, the exit code, and what is said.
type Step<'a> = (&'a [&'a str], i32, &'a [&'a str]);

fn tell(site: &Site, steps: &[Step<'_>]) {
    for (words, code, parts) in steps {
        site.call(&[&["model"], *words].concat()).expect(&words.join(" "), *code, parts);
    }
}

#[test]
fn a_model_is_published_replaced_rolled_back_pinned_unpinned_and_retired() {
    let Some(site) = site("models") else { return };
    let (linear, forest) = (guest("wine-linear"), guest("wine-forest"));
    let broken = site.folder.path().join("broken.wasm");
    std::fs::write(&broken, b"\0asm, but not really").unwrap();
    let broken = broken.to_str().unwrap();
    let host = site.run();
    tell(
        &site,
        &[
            (&["rollback"], 1, &["no model of `wine` is live"]),
            (&["publish", &linear], 0, &["wine/wine-linear@0 (revision 0): Live on one/scores"]),
            (&["publish", &linear], 0, &["same content at revision 0", "wine/wine-linear@0 (revision 0): Live on one/scores"]),
            (&["rollback"], 1, &["was live before `wine/wine-linear@0`"]),
            (
                &["publish", &forest, "--name", "forest", "--version", "2", "--description", "trees"],
                0,
                &["wine/forest@2 (revision 2): Live"],
            ),
            (&["list"], 0, &["wine-linear", "Warm", "forest", "live", "one/scores Live"]),
            (&["show", "forest@2"], 0, &["trees", "WASM", "on one/scores", "latest"]),
            (&["publish", broken, "--version", "3"], 2, &["wine/broken@3 (revision 3): Rejected on one/scores at verify"]),
            (
                &["publish", &linear, "--name", "forest", "--version", "2"],
                2,
                &["refused", "publish other bytes under another version"],
            ),
            (&["rollback"], 0, &["wine/wine-linear@0 (pinned at revision 5): Live on one/scores"]),
            (&["rollback"], 1, &["was live before `wine/wine-linear@0`", "--to NAME@VERSION"]),
            (&["show", "wine-linear"], 0, &["wine-linear@0 is pinned (revision 5)"]),
            (
                &["publish", &linear, "--version", "6", "--grant", "memory=32MiB"],
                0,
                &["wine/wine-linear@6 (revision 6): Warm on one/scores", "`wine-linear@0` is live", "model unpin --config"],
            ),
            (&["publish", &linear, "--version", "7", "--expects", "5"], 2, &["refused", "changed at revision 6"]),
            (&["unpin"], 0, &["wine/wine-linear@6 (latest at revision 8): Live on one/scores"]),
            (&["unpin"], 0, &["no version is pinned"]),
            (&["rollback", "--to", "forest@2"], 0, &["wine/forest@2 (pinned at revision 9): Live"]),
            (
                &["publish", &linear, "--version", "10", "--unpin", "--grant", "call=30ms"],
                0,
                &["wine/wine-linear@10 (revision 10): Live"],
            ),
            (&["retire", "wine-linear@10"], 0, &["wine/wine-linear@10 (revision 10): Retired on one/scores"]),
            (&["retire", "wine-linear@10"], 1, &["there is no model `wine/wine-linear@10`", "forest@2"]),
            (&["label", "champion", "forest@2"], 0, &["stands for wine/forest@2"]),
            (&["label", "champion", "forest@1"], 1, &["there is no model `wine/forest@1`"]),
            (&["publish", &linear, "--data-type", "whine"], 1, &["the nearest is `wine`"]),
            (&["publish", &linear, "--grant", "memroy=1MiB"], 1, &["the nearest is `memory`"]),
        ],
    );
    let listed = site.call(&["model", "list", "--json"]).json();
    let all: Vec<String> = listed.as_array().unwrap().iter().map(summary).collect();
    assert_eq!(
        all,
        ["wine-linear@0 -", "forest@2 =champion", "broken@3 -", "wine-linear@6 live"],
        "and what was refused is not in the catalog: {listed:#}"
    );
    host.end();
}

fn summary(model: &Value) -> String {
    let text = |name: &str| model[name].as_str().unwrap();
    let labels = model["labels"].as_array().unwrap().iter().map(|label| format!("={}", label.as_str().unwrap()));
    let marks: Vec<String> =
        ["live", "pinned"].into_iter().filter(|mark| model[mark] == true).map(str::to_owned).chain(labels).collect();
    let marks = if marks.is_empty() { "-".to_owned() } else { marks.join(" ") };
    format!("{}@{} {marks}", text("name"), text("version"))
}

#[test]
fn where_no_host_runs_publish_says_so_and_the_record_is_there() {
    let Some(site) = site("unheard") else { return };
    let linear = guest("wine-linear");
    tell(
        &site,
        &[
            (&["publish", &linear, "--wait", "1s"], 2, &["no host has answered within 1s", "is in the control log"]),
            (&["publish", &linear, "--version", "1", "--no-wait"], 0, &["published; no host was waited for"]),
            (&["list"], 0, &["none has spoken of it"]),
        ],
    );
}

#[test]
fn a_model_is_published_by_its_location() {
    let Some(site) = site("located") else { return };
    std::fs::copy(guest("wine-linear"), site.folder.path().join("linear.wasm")).unwrap();
    let host = site.run();
    tell(
        &site,
        &[
            (&["publish", "--location", "linear.wasm", "--name", "l"], 0, &["wine/l@0 (revision 0): Live on one/scores"]),
            (&["publish", "--location", "elsewhere.wasm"], 1, &["elsewhere.wasm", "give PATH"]),
        ],
    );
    host.end();
}

#[test]
fn dead_letters_are_listed_with_where_they_came_from() {
    let Some(site) = site("letters") else { return };
    let host = site.run();
    tell(&site, &[(&["publish", &guest("wine-linear")], 0, &["Live"])]);
    let records: Vec<_> = (0..40_u64).map(|i| (i, if i % 10 == 7 { b"{\"alcohol\":".to_vec() } else { wine(i) })).collect();
    produce(&site.brokers, &format!("{}.in", site.name), 2, &records);
    let all = ["dlq", "list", "--json"];
    let listed = site.until(&all, |letters| letters.as_array().is_some_and(|letters| letters.len() == 4));
    for (letter, number) in listed.as_array().unwrap().iter().zip([7_i64, 17, 27, 37]) {
        let expected = [
            (&letter["key"], Value::from(number.to_string())),
            (&letter["value"], "{\"alcohol\":".into()),
            (&letter["stage"], "decode".into()),
            (&letter["class"], "sandstream.Undecodable".into()),
            (&letter["dataType"], "wine".into()),
            (&letter["origin"]["topic"], format!("{}.in", site.name).into()),
            (&letter["origin"]["partition"], (number % 2).into()),
            (&letter["origin"]["offset"], (number / 2).into()),
            (&letter["topic"], format!("{}.in.dlq", site.name).into()),
        ];
        for (got, wanted) in expected {
            assert_eq!(*got, wanted, "{letter:#}");
        }
    }
    let newest = site.call(&["dlq", "list", "--limit", "2", "--json"]).json();
    assert_eq!(newest.as_array().unwrap()[..], listed.as_array().unwrap()[2..]);
    site.call(&["dlq", "list", "--stream", "scores"]).expect("a table", 0, &["decode", "byte 11"]);
    site.call(&["dlq", "list", "--stream", "scoers"]).expect("no such stream", 1, &["has no [streams.scoers]"]);
    host.end();
    let results = read(&site.brokers, &format!("{}.in.scores", site.name), 2, "read_committed");
    assert_eq!(results.len(), 36);
}

fn wine(i: u64) -> Vec<u8> {
    sandstream_wine::records()[i as usize % 1599].to_json(i, 0)
}

/// A golden file of one wine, whose quality is off by so much.
fn golden(site: &Site, name: &str, off: f64, tolerance: &str) -> String {
    let (wine, said) = (sandstream_wine::records()[0].to_json(0, 0), sandstream_models::wine::linear().unwrap());
    let said = f64::from(said.score(&sandstream_wine::matrix()[..11])[0]) + off;
    let record: Value = serde_json::from_slice(&wine).unwrap();
    let path = site.folder.path().join(name);
    let text = format!("// the first wine\n{{\"record\": {record}, \"outputs\": {{\"quality\": {said}}}{tolerance}}}\n");
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

#[test]
fn goldens_are_asked_before_a_model_answers() {
    let Some(site) = site("goldens") else { return };
    let (linear, words) = (guest("wine-linear"), |more: &[&str]| [&["publish"], more].concat().join(" "));
    let right = golden(&site, "right.jsonl", 0.0, "");
    let wrong = golden(&site, "wrong.jsonl", 0.5, "");
    let loose = golden(&site, "loose.jsonl", 0.5, ", \"tolerance\": 0.5");
    let unsaid = site.folder.path().join("unsaid.jsonl").display().to_string();
    std::fs::write(&unsaid, "{\"record\": {}}\n").unwrap();
    // Looked at, and not published: no host runs yet, and none is asked.
    let checks: [(&str, i32, &[&str]); 4] = [
        (&right, 0, &["`x` takes fixed acidity, volatile acidity", "its golden as written", "WASM"]),
        (&wrong, 1, &["rejected at warm: golden 1 `quality`: expected 5.5", ", got 5.0"]),
        (&loose, 1, &["golden 1 has a tolerance of 0.5, at most 0.001 is allowed"]),
        (&unsaid, 1, &["unsaid.jsonl: line 1 has neither `outputs` nor `rejected`"]),
    ];
    for (file, code, parts) in checks {
        let call = ["publish", &linear, "--golden", file, "--check"];
        site.call(&[&["model"], &call[..]].concat()).expect(&words(&call), code, parts);
    }
    let host = site.run();
    tell(
        &site,
        &[
            (&["publish", &linear, "--golden", &right], 0, &["wine/wine-linear@0 (revision 0): Live"]),
            (
                &["publish", &guest("wine-forest"), "--golden", &wrong],
                2,
                &["Rejected on one/scores at warm", "golden 1 `quality`: expected", "got"],
            ),
            (&["publish", &guest("wine-forest"), "--golden", &loose], 2, &["Rejected on one/scores at verify", "at most 0.001"]),
            (&["list"], 0, &["wine-linear", "live"]),
        ],
    );
    host.end();
}
