//! The files of a command: which may be one, and what a failure leaves of them.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;

use serde_json::Value;

use crate::site::{Site, lines, records};

/// Names and contents of the files beside the configuration.
fn contents(site: &Site) -> BTreeMap<String, Vec<u8>> {
    let files = fs::read_dir(site.path("")).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file());
    files.map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read(&path).unwrap())).collect()
}

#[test]
fn files_that_are_one_are_refused_and_nothing_is_touched() {
    let site = Site::new(&["wine-linear"]);
    for (name, text) in [("stdin", "{}\n"), ("in.jsonl", "{}\n"), ("old.jsonl", "old\n")] {
        site.write(name, text.as_bytes());
    }
    symlink("in.jsonl", site.path("link.jsonl")).unwrap();
    symlink("new.jsonl", site.path("empty.jsonl")).unwrap();
    fs::hard_link(site.path("in.jsonl"), site.path("hard.jsonl")).unwrap();
    let before = contents(&site);
    let cases = [
        ["--input in.jsonl", "--output in.jsonl"],
        ["--input in.jsonl", "--output models/../in.jsonl"],
        ["--input in.jsonl", "--output link.jsonl"],
        ["--input in.jsonl", "--output hard.jsonl"],
        ["--input in.jsonl", "--dead-letters in.jsonl"],
        ["--input in.jsonl", "--report link.jsonl"],
        ["--output old.jsonl", "--report models/../old.jsonl"],
        ["--output new.jsonl", "--dead-letters models/../new.jsonl"],
        ["--output new.jsonl", "--dead-letters empty.jsonl"],
        ["--dead-letters new.jsonl", "--report new.jsonl"],
        ["--output stdin", ""],
    ];
    for case in cases {
        let named: Vec<_> =
            case.iter().filter_map(|word| word.split_once(' ')).map(|(option, name)| (option, site.path(name))).collect();
        let words: Vec<&str> = named.iter().flat_map(|(option, path)| [*option, path.to_str().unwrap()]).collect();
        let (code, out, err) = site.call(&words, b"{}\n");
        assert_eq!((code, out.as_str()), (1, ""), "{case:?}: {err}");
        let said = |(option, path): &(&str, std::path::PathBuf)| err.contains(&format!("{option} {}", path.display()));
        assert!(named.iter().all(said) && err.contains("are the same file"), "{case:?}: {err}");
        assert!(contents(&site) == before, "{case:?}: {:?}", contents(&site).keys());
    }
    let (code, _, err) = site.call(&["--output", "/dev/null", "--dead-letters", "/dev/null"], &records(0, 2));
    assert_eq!(code, 0, "{err}");
}

#[test]
fn a_command_that_cannot_start_leaves_files_as_they_were() {
    let site = Site::new(&["wine-linear"]);
    site.write("old.jsonl", b"old\n");
    site.write("stdin", &records(0, 2));
    let before = contents(&site);
    let path = |name: &str| site.path(name).display().to_string();
    let (old, new, none) = (path("old.jsonl"), path("new.jsonl"), path("none/file"));
    let cases: [&[&str]; 4] = [
        &["--output", &old, "--models", &none],
        &["--output", &new, "--report", &old, "--models", &none],
        &["--output", &old, "--dead-letters", &new, "--report", &none],
        &["--output", &none, "--dead-letters", &new, "--report", &old],
    ];
    for words in cases {
        let (code, out, err) = site.call(words, &records(0, 2));
        assert_eq!((code, out.as_str()), (1, ""), "{words:?}: {err}");
        assert!(err.contains("none/file") && err.contains("No such file"), "{words:?}: {err}");
        assert!(contents(&site) == before, "{words:?}: {:?}", contents(&site).keys());
    }
}

/// One record has a result and one a dead letter; one of the two files is on a disk that is full.
#[test]
fn figures_are_of_what_is_there() {
    let site = Site::new(&["wine-linear"]);
    let input = [&records(0, 1), b"{}}\n".as_slice()].concat();
    let path = |name: &str| site.path(name).display().to_string();
    let (out, bad, report) = (path("out.jsonl"), path("bad.jsonl"), path("report.json"));
    for (output, letters, expected) in [(out.as_str(), "/dev/full", [0, 0]), ("/dev/full", bad.as_str(), [0, 1])] {
        let (code, _, err) = site.call(&["--output", output, "--dead-letters", letters, "--report", &report], &input);
        assert!(code == 1 && err.contains("cannot write to /dev/full"), "{err}");
        let figures: Value = serde_json::from_str(&fs::read_to_string(&report).unwrap()).unwrap();
        assert_eq!([&figures["results"], &figures["dead_letters"]], expected.each_ref(), "{figures}");
        let there =
            [output, letters].map(|name| if name == "/dev/full" { 0 } else { lines(&fs::read_to_string(name).unwrap()).len() });
        assert_eq!(there, expected, "{output} {letters}");
    }
}
