//! `sandstream pipe`, called as its users call it: records in, results out, models that come and go as files of a folder.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod files;
mod models;
mod site;
mod stop;
#[allow(unreachable_pub, missing_docs, reason = "shared by test programs, which have no readers outside")]
#[path = "../support/mod.rs"]
mod support;

use std::fs;
use std::io::Write as _;
use std::process::Child;

use serde_json::Value;
use site::{CONFIG, Site, check, lines, records};
use support::program::guest;

#[test]
fn from_and_to_whatever_there_is() {
    const COUNT: usize = 5000;
    let site = Site::new(&["wine-linear"]);
    let records = records(0, COUNT);
    let (input, output) = (site.write("in.jsonl", &records), site.path("out.jsonl").display().to_string());
    let report = site.path("report.json").display().to_string();
    for (from, to) in [(false, false), (true, false), (false, true), (true, true)] {
        let mut words = vec!["--report", report.as_str()];
        if from {
            words.extend(["--input", input.as_str()]);
        }
        if to {
            words.extend(["--output", output.as_str()]);
        }
        let (code, out, err) = site.call(&words, if from { b"" } else { &records });
        assert_eq!(code, 0, "{words:?}: {err}");
        let results = lines(&if to { fs::read_to_string(&output).unwrap() } else { out });
        assert_eq!(results.len(), COUNT, "{words:?}");
        check(&results, 0, "wine-linear");
        let figures: Value = serde_json::from_str(&fs::read_to_string(&report).unwrap()).unwrap();
        assert_eq!((&figures["records_in"], &figures["results"]), (&COUNT.into(), &COUNT.into()), "{figures}");
        assert_eq!((&figures["whole_input"], &figures["models"][0]["model"]), (&true.into(), &"wine-linear".into()), "{figures}");
    }
}

/// The two data types have the same fields; which one a record is, it says itself.
#[test]
fn several_data_types_have_a_folder_each() {
    let site = Site::new(&["wine-linear"]);
    let (wine, stream) = CONFIG.split_once("[streams.wine]").unwrap();
    let stream = stream.replace("{ constant = \"wine\" }", "{ field = \"kind\" }");
    site.write("host.toml", format!("{wine}{}[streams.wine]{stream}", wine.replace("types.wine", "types.vine")).as_bytes());
    for (data_type, model) in [("wine", "wine-linear"), ("vine", "wine-forest"), ("beer", "wine-linear")] {
        fs::create_dir(site.path(&format!("models/{data_type}"))).unwrap();
        fs::copy(guest(model), site.path(&format!("models/{data_type}/{model}@7.wasm"))).unwrap();
    }
    let text = String::from_utf8(records(0, 30)).unwrap();
    let kind = |i: usize| if i.is_multiple_of(3) { "wine" } else { "vine" };
    let lines_in: Vec<_> =
        text.lines().enumerate().map(|(i, line)| format!("{{\"kind\":\"{}\",{}", kind(i), &line[1..])).collect();
    let (code, out, err) = site.call(&[], lines_in.join("\n").as_bytes());
    assert_eq!(code, 0, "{err}");
    for part in
        ["the stream has several data types; put it into a folder of its own", "no data type `beer`; the nearest is `wine`"]
    {
        assert!(err.contains(part), "no `{part}` in {err}");
    }
    let results = lines(&out);
    assert_eq!(results.len(), 30);
    for (i, result) in results.iter().enumerate() {
        assert_eq!((&result["data_type"], &result["version"]), (&kind(i).into(), &"7".into()), "{result}");
        check(std::slice::from_ref(result), i, if kind(i) == "wine" { "wine-linear" } else { "wine-forest" });
    }
}

#[test]
fn protobuf_messages_after_their_lengths() {
    let site = Site::new(&["wine-linear"]);
    let schema = format!("{}/../examples/wine/wine.proto", env!("CARGO_MANIFEST_DIR"));
    let (_, stream) = CONFIG.split_once("[streams.wine]").unwrap();
    let config = format!("[types.wine]\nformat = \"protobuf\"\nschema = \"{schema}\"\nFEATURES\n[streams.wine]{stream}");
    let features = CONFIG.split_once("fields = ").unwrap().1.split_once(']').unwrap().0;
    site.write("host.toml", config.replace("FEATURES", &format!("features = {features}]")).as_bytes());
    let message = |i: usize| {
        let message = sandstream_wine::records()[i].to_protobuf();
        assert!(message.len() < 0x80, "its length is one byte");
        [&[message.len() as u8], message.as_slice()].concat()
    };
    let input: Vec<u8> = (0..50).flat_map(message).collect();
    let (code, out, err) = site.call(&[], &input);
    assert_eq!((code, lines(&out).len()), (0, 50), "{err}");
    check(&lines(&out), 0, "wine-linear");
    let (code, out, err) = site.call(&[], &input[..input.len() - 1]);
    assert_eq!((code, lines(&out).len()), (1, 49), "{err}");
    assert!(err.contains("49 records are answered, then the input failed: record 49: the input ends within it"), "{err}");
    let (code, out, err) = site.call(&[], &[input.as_slice(), b"\x85"].concat());
    assert_eq!((code, lines(&out).len()), (1, 50), "{err}");
    assert!(err.contains("record 50: the input ends within its length"), "{err}");
}

/// Spreadsheets and editors write one.
#[test]
fn a_byte_order_mark_is_no_part_of_the_first_record() {
    let site = Site::new(&["wine-linear"]);
    let (code, out, err) = site.call(&[], &[b"\xef\xbb\xbf".as_slice(), &records(0, 3)].concat());
    assert_eq!((code, lines(&out).len()), (0, 3), "{err}");
    check(&lines(&out), 0, "wine-linear");
}

#[test]
fn what_cannot_be_scored_is_said_and_the_rest_goes_on() {
    let site = Site::new(&["wine-linear"]);
    let letters = site.path("bad.jsonl").display().to_string();
    let input = [&records(0, 1), b"{\"alcohol\": \"much\"}\n\n\xff\n".as_slice(), &records(1, 2)].concat();
    let (code, out, err) = site.call(&["--dead-letters", &letters], &input);
    assert_eq!(code, 2, "{err}");
    let offsets: Vec<_> = lines(&out).iter().map(|result| result["offset"].as_u64().unwrap()).collect();
    assert_eq!(offsets, [0, 3]);
    let letters = lines(&fs::read_to_string(letters).unwrap());
    let said = |i: usize, name: &str| letters[i][name].as_str().unwrap_or_default().to_owned();
    assert_eq!((letters.len(), &letters[0]["offset"], &letters[1]["offset"]), (2, &1.into(), &2.into()), "{letters:?}");
    assert_eq!((said(0, "stage"), said(0, "record")), ("decode".to_owned(), "{\"alcohol\": \"much\"}".to_owned()));
    assert!(said(0, "reason").contains("expected a number"), "{letters:?}");
    assert_eq!(said(1, "record_hex"), "ff");
}

#[test]
fn what_cannot_work_is_said_with_what_to_do() {
    let site = Site::new(&[]);
    site.write("models/broken.wasm", b"\0asm, as far as one can see");
    let missing = site.path("none").display().to_string();
    let cases: &[(&[&str], &str)] = &[
        (&["--wait", "100ms"], "0 records are answered, the next 2 wait: waiting for a model of wine; --wait 100ms is over"),
        (&["--wait", "1s"], "wine/broken@"),
        (&["--stream", "vine"], "has no [streams.vine], but wine; the nearest is `wine`"),
        (&["--data-type", "whine"], "stream `wine` has no such data type; the nearest is `wine`"),
        (&["--input", &missing], "none: No such file"),
        (&["--output", "x", "--dead-letters", "x"], "need a file each"),
        (&["--models", &missing], "the folder of models, "),
        #[cfg(not(feature = "arrow"))]
        (&["--input", "wine.parquet"], "wine.parquet: this program was built without Parquet and Arrow files"),
        #[cfg(not(feature = "arrow"))]
        (&["--output", "scores.arrow"], "--features sandstream/arrow"),
        (&["--wait", "long"], "expected a duration such as"),
    ];
    for (words, expected) in cases {
        let (code, out, err) = site.call(words, &records(0, 2));
        assert_eq!((code, out.as_str()), (1, ""), "{words:?}: {err}");
        assert!(err.contains(expected), "{words:?}: no `{expected}` in {err}");
    }
}

/// Peak of resident memory, KiB.
fn peak(child: &Child) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn memory_does_not_grow_with_the_input() {
    let site = Site::new(&["wine-linear"]);
    let mut pipe = site.start(&[]);
    let part = records(0, 20_000);
    let mut peaks = Vec::new();
    let mut input = pipe.input.take().unwrap();
    for round in 0..10 {
        let part = part.clone();
        let (sent, back) = std::sync::mpsc::sync_channel(1);
        std::thread::scope(|scope| {
            scope.spawn(move || {
                input.write_all(&part).unwrap();
                sent.send(input).unwrap();
            });
            let results = pipe.results(20_000);
            assert_eq!(results[0]["offset"], round * 20_000);
        });
        input = back.recv().unwrap();
        peaks.push(peak(&pipe.child));
    }
    drop(input);
    assert!(pipe.end().0.success());
    assert!(peaks[9] < peaks[1] + 16 * 1024, "KiB at the peak, by round of 4 MB: {peaks:?}");
}
