//! The guest kit as its users call it, with components that are committed: no compiler is needed. `cargo xtask guests templates`
//! does the rest with every language's own tools.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[allow(unreachable_pub, missing_docs, reason = "shared by test programs, which have no readers outside")]
mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use support::program::{Ran, guest};
use tempfile::TempDir;

const LANGUAGES: [&str; 5] = ["rust", "c", "go", "js", "python"];

fn call(folder: &Path, words: &[&str]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sandstream"));
    command.args(words).current_dir(folder).env("SANDSTREAM_CACHE", env!("CARGO_TARGET_TMPDIR"));
    let out = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ran { code: out.status.code().unwrap_or(-1), out: text(&out.stdout), err: text(&out.stderr) }
}

/// A project in Rust, with a committed component in the place of its own.
fn project(component: &str) -> (TempDir, PathBuf) {
    let parent = tempfile::tempdir().unwrap();
    call(parent.path(), &["new", "mine", "--lang", "rust"]).expect("new", 0, &["made mine"]);
    let folder = parent.path().join("mine");
    fs::create_dir(folder.join("build")).unwrap();
    fs::copy(guest(component), folder.join("build/mine.wasm")).unwrap();
    (parent, folder)
}

fn golden(folder: &Path, lines: &str) {
    fs::write(folder.join("golden.jsonl"), lines).unwrap();
}

#[test]
fn a_project_of_every_language_has_its_files_and_its_name() {
    let parent = tempfile::tempdir().unwrap();
    for language in LANGUAGES {
        let name = format!("my-{language}");
        let ran = call(parent.path(), &["new", &name, "--lang", language]).expect(language, 0, &["next:", "component", "a row"]);
        assert!(ran.out.contains(&format!("cd {name} && sandstream build")), "{ran:?}");
        let manifest = fs::read_to_string(parent.path().join(&name).join("sandstream.toml")).unwrap();
        assert!(manifest.contains(&format!("name = \"{name}\"\nlanguage = \"{language}\"")), "{manifest}");
        let again = call(parent.path(), &["new", &name, "--lang", language]);
        again.expect("a folder that is in use", 1, &["there and not empty"]);
    }
}

#[test]
fn what_cannot_be_is_refused_with_what_to_do() {
    let parent = tempfile::tempdir().unwrap();
    let cases: [(&[&str], &str); 8] = [
        (&["new", "../x", "--lang", "c"], "cannot be a guest's name"),
        (&["new", "Upper", "--lang", "c"], "cannot be a guest's name"),
        (&["new", "sandstream", "--lang", "c"], "cannot be a guest's name"),
        (&["new", "x", "--lang", "phyton"], "the nearest is `python`"),
        (&["build"], "no sandstream.toml"),
        (&["check"], "no sandstream.toml"),
        (&["test"], "sandstream new"),
        (&["bench"], "no sandstream.toml"),
    ];
    for (words, said) in cases {
        call(parent.path(), words).expect(&words.join(" "), 1, &[said]);
    }
    call(parent.path(), &["new", "mine", "--lang", "js"]).expect("new", 0, &[]);
    let folder = parent.path().join("mine");
    for command in ["check", "test", "bench"] {
        call(&folder, &[command]).expect(command, 1, &["run `sandstream build` first"]);
    }
    fs::write(folder.join("sandstream.toml"), "name = \"mine\"\nlanguage = \"js\"\ngoldne = \"x\"\n").unwrap();
    call(&folder, &["check"]).expect("an unknown key", 1, &["sandstream.toml:3", "the nearest is `golden`"]);
}

#[test]
fn a_good_guest_passes_every_check() {
    let (_parent, folder) = project("template");
    let about = call(&folder, &["check", "--json"]).expect("check", 0, &[]).json();
    assert_eq!((&about["ok"], &about["guest"]["goldens"]), (&true.into(), &5.into()), "{about:#}");
    assert_eq!(about["guest"]["fits"], serde_json::json!(["wine"]), "{about:#}");
    call(&folder, &["check"]).expect("check", 0, &["answered alike", "of at most 64.0 MiB", "model publish"]);
    call(&folder, &["test"]).expect("test", 0, &["5 cases"]);
    let costs = call(&folder, &["bench", "--json", "--report", "b.json"]).expect("bench", 0, &[]).json();
    let rows: Vec<_> = costs["batches"].as_array().unwrap().iter().map(|batch| batch["rows"].as_u64().unwrap()).collect();
    assert_eq!(rows, [1, 64, 1024]);
    for batch in costs["batches"].as_array().unwrap() {
        let share = batch["border_share"].as_f64().unwrap();
        assert!(share > 0.0 && share <= 1.0 && batch["ns_per_row"]["median"].as_f64().unwrap() > 0.0, "{batch}");
    }
    assert!(costs["memory_bytes"].as_u64().unwrap() > 0, "{costs}");
    assert!(fs::read_to_string(folder.join("b.json")).unwrap().contains("core_share_at_10000_per_s"));
}

#[test]
fn each_check_says_what_is_wrong() {
    let (_parent, folder) = project("template");
    let manifest = fs::read_to_string(folder.join("sandstream.toml")).unwrap();
    let cases = [
        ("a data type that lacks a field", manifest.replace("\"pH\", ", ""), "type wine", "the nearest it has is"),
        ("no data type", manifest.split("[types").next().unwrap().to_owned(), "data type", "no [types.<name>]"),
        ("a limit", manifest.clone() + "[limits]\nmemory = \"64KiB\"\n", "warm", "its limit is 65536"),
        ("a config that is no number", manifest.replace("# config", "config"), "warm", "invalid float literal"),
    ];
    fs::write(folder.join("config.txt"), "many").unwrap();
    for (what, text, about, said) in cases {
        fs::write(folder.join("sandstream.toml"), text).unwrap();
        let found = call(&folder, &["check", "--json"]).expect(what, 1, &[]).json();
        let wrong = found["findings"].as_array().unwrap().iter().find(|finding| finding["level"] == "wrong").unwrap();
        assert!(wrong["about"] == about && wrong["text"].as_str().unwrap().contains(said), "{what}: {found:#}");
    }
}

#[test]
fn a_foreign_import_is_named_with_what_stubs_it() {
    let (_parent, folder) = project("template");
    let text = r#"(component (import "wasi:clocks/wall-clock@0.2.0" (instance (export "now" (func)))))"#;
    fs::write(folder.join("build/mine.wasm"), wat::parse_str(text).unwrap()).unwrap();
    call(&folder, &["check"]).expect(
        "check",
        1,
        &["`wasi:clocks/wall-clock@0.2.0`: a guest has no WASI", "wasm32-unknown-unknown"],
    );
}

#[test]
fn a_golden_file_is_compared_and_brought_up_to_date() {
    let (_parent, folder) = project("template");
    golden(
        &folder,
        "// a remark\n{\"record\": {\"alcohol\": 9, \"pH\": 3}, \"outputs\": {\"score\": 13}}\n{\"record\": {\"alcohol\": 1, \"pH\": 3}}\n\
         {\"record\": {\"alcohol\": 1}, \"rejected\": \"pH is missing\"}\n",
    );
    call(&folder, &["test"]).expect("test", 1, &["2     score   13", "12.0", "nothing yet", "2 of 3 cases"]);
    call(&folder, &["check"]).expect("check", 1, &["line 2 `score`: expected 13, got 12.0"]);
    call(&folder, &["test", "--update"]).expect("update", 0, &["2 of 3 cases"]);
    call(&folder, &["test"]).expect("test", 0, &["3 cases"]);
    let text = fs::read_to_string(folder.join("golden.jsonl")).unwrap();
    assert!(text.starts_with("// a remark\n") && text.contains("\"rejected\": \"pH is missing\""), "{text}");
    golden(&folder, "{}\n");
    call(&folder, &["test"]).expect("no case", 1, &["golden.jsonl: line 1: expected a key `record`"]);
}

#[test]
fn a_panic_comes_with_its_message_and_the_functions_it_was_in() {
    let (_parent, folder) = project("hostile-panic");
    let fields: Vec<String> = (0..11).map(|i| format!("\"{}\": 666", sandstream_models::wine::FEATURES[i])).collect();
    golden(&folder, &format!("{{\"record\": {{{}}}, \"outputs\": {{}}}}\n", fields.join(", ")));
    let manifest = fs::read_to_string(folder.join("sandstream.toml")).unwrap();
    fs::write(folder.join("sandstream.toml"), manifest.split("[types").next().unwrap()).unwrap();
    call(&folder, &["test"]).expect("test", 1, &["this panic is on purpose", "\n    in "]);
}
