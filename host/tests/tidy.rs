//! Holds what the compiler does not: the floors of ARCHITECTURE.md, which module may name which library, where `unsafe` may
//! stand, and how long a file may get. Every finding names file and line.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// The floor of each module of the host. A module imports from lower floors only, and from itself.
const FLOORS: &[(&str, u32)] = &[
    ("types", 0),
    ("telemetry", 0),
    ("backend", 1),
    ("stream", 1),
    ("codec", 1),
    ("binding", 1),
    ("registry", 2),
    ("pipeline", 3),
    ("lifecycle", 3),
    ("admin", 3),
    ("config", 4),
    ("cli", 5),
    ("app", 5),
    ("main", 6),
    ("lib", 6),
];

/// Neighbours that may see each other: both assemble the program.
const TOGETHER: &[(&str, &str)] = &[("cli", "app")];

/// A library and the only folders or files of `host/src` that may name it.
const NAMED_BY: &[(&str, &[&str])] = &[
    ("rdkafka", &["stream/kafka/", "stream/kafka.rs"]),
    ("wasmtime", &["backend/wasm/", "backend/wasm.rs"]),
    ("wasmparser", &["backend/wasm/"]),
    ("rustc_demangle", &["backend/wasm/"]),
    ("sandstream_graphs", &["backend/graph/"]),
    ("tar", &["lifecycle/folder.rs"]),
    ("prost_reflect", &["codec/"]),
    ("protox", &["codec/"]),
    ("arc_swap", &["registry.rs"]),
    ("axum", &["admin/"]),
    // Servers, the requests to brokers that rdkafka has as futures only, and object stores.
    ("tokio", &["admin/", "stream/kafka/admin.rs", "lifecycle/web/stores/"]),
    ("object_store", &["lifecycle/web/stores/"]),
    ("reqwest", &["lifecycle/web/stores/"]),
    ("rustls", &["lifecycle/web/stores/"]),
    ("http_body_util", &["lifecycle/web/stores/"]),
    ("async_trait", &["lifecycle/web/stores/"]),
    ("prometheus_client", &["admin/"]),
    ("toml", &["config/"]),
    ("clap", &["cli/", "main.rs"]),
    ("clap_complete", &["cli/completions.rs"]),
    ("clap_mangen", &["cli/man.rs"]),
    ("arrow_array", &["cli/pipe/columns/"]),
    ("arrow_ipc", &["cli/pipe/columns/"]),
    ("arrow_schema", &["cli/pipe/columns/"]),
    ("parquet", &["cli/pipe/columns/"]),
    ("indicatif", &["cli/pipe/", "cli/model/"]),
    ("memchr", &["cli/pipe/"]),
    ("anyhow", &["cli/", "app.rs", "app/", "main.rs"]),
    ("csv", &["cli/"]),
    ("sandstream_kit", &["cli/"]),
];

/// Where `unsafe` may stand: one audited module per library boundary.
const UNSAFE: &[&str] = &["stream/kafka/ffi.rs", "backend/wasm/"];

const LINES_MAX: usize = 600;

/// A source file: its path below the root it was found in, and its lines without comments and texts.
struct Source {
    name: String,
    lines: Vec<String>,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

fn sources(folder: &Path) -> Vec<Source> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(folder_now) = open.pop() {
        let Ok(entries) = fs::read_dir(&folder_now) else { continue };
        for path in entries.map(|entry| entry.unwrap().path()) {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() && name != "target" {
                open.push(path);
            } else if name.ends_with(".rs") {
                let text = fs::read_to_string(&path).unwrap();
                let name = path.strip_prefix(folder).unwrap().to_string_lossy().into_owned();
                found.push(Source { name, lines: code(&text) });
            }
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

/// What a scan of Rust text is inside of.
enum Inside {
    Code,
    Text,
    RawText(usize),
    Comment(usize),
}

/// The lines of `text` with comments and string contents blanked, so that a word in them counts for nothing.
fn code(text: &str) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    let (mut lines, mut line, mut inside, mut i) = (Vec::new(), String::new(), Inside::Code, 0);
    let starts = |i: usize, what: &str| what.chars().enumerate().all(|(k, c)| chars.get(i + k) == Some(&c));
    while i < chars.len() {
        let c = chars[i];
        if c == '\n' {
            lines.push(std::mem::take(&mut line));
            i += 1;
            continue;
        }
        match inside {
            Inside::Code if starts(i, "//") => i = (i..chars.len()).find(|&k| chars[k] == '\n').unwrap_or(chars.len()),
            Inside::Code if starts(i, "/*") => (inside, i) = (Inside::Comment(1), i + 2),
            Inside::Code if starts(i, "'\"'") => i += 3,
            Inside::Code if starts(i, "r\"") || starts(i, "r#") => match raw_hashes(&chars[i + 1..]) {
                Some(hashes) => (inside, i) = (Inside::RawText(hashes), i + 2 + hashes),
                None => (line, i) = (line + "r", i + 1),
            },
            Inside::Code if c == '"' => (inside, i) = (Inside::Text, i + 1),
            Inside::Code => {
                line.push(c);
                i += 1;
            }
            Inside::Text if c == '\\' && chars.get(i + 1) != Some(&'\n') => i += 2,
            Inside::Text => {
                if c == '"' {
                    inside = Inside::Code;
                }
                i += 1;
            }
            Inside::RawText(hashes) => {
                let end = c == '"' && (1..=hashes).all(|k| chars.get(i + k) == Some(&'#'));
                (inside, i) = if end { (Inside::Code, i + 1 + hashes) } else { (Inside::RawText(hashes), i + 1) };
            }
            Inside::Comment(depth) if starts(i, "/*") => (inside, i) = (Inside::Comment(depth + 1), i + 2),
            Inside::Comment(depth) if starts(i, "*/") => {
                (inside, i) = (if depth == 1 { Inside::Code } else { Inside::Comment(depth - 1) }, i + 2);
            }
            Inside::Comment(_) => i += 1,
        }
    }
    lines.push(line);
    lines
}

fn raw_hashes(after_r: &[char]) -> Option<usize> {
    let hashes = after_r.iter().take_while(|&&c| c == '#').count();
    (after_r.get(hashes) == Some(&'"')).then_some(hashes)
}

fn floor(module: &str) -> Option<u32> {
    FLOORS.iter().find(|(name, _)| *name == module).map(|(_, floor)| *floor)
}

/// The module of the host a file belongs to: its first folder, or its own name.
fn module_of(name: &str) -> &str {
    name.split('/').next().unwrap().trim_end_matches(".rs")
}

/// The modules named after `crate::` or `sandstream::` in a file, with line numbers; groups over several lines included.
fn imports(source: &Source, prefix: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (at, line) in source.lines.iter().enumerate() {
        for (start, _) in line.match_indices(prefix) {
            let before = line[..start].chars().next_back();
            if before.is_some_and(|c| c.is_alphanumeric() || c == '_') {
                continue;
            }
            let rest = &line[start + prefix.len()..];
            if rest.starts_with('{') {
                let tail = source.lines[at + 1..].iter().take(40).map(String::as_str);
                let text = std::iter::once(rest).chain(tail).collect::<Vec<_>>().join("\n");
                found.extend(group_heads(&text).map(|(down, name)| (at + 1 + down, name)));
            } else {
                found.push((at + 1, word(rest)));
            }
        }
    }
    found.retain(|(_, name)| !name.is_empty());
    found
}

fn word(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

/// First names of the entries of a `{a::b, c::{d, e}}` group, with how many lines down they are.
fn group_heads(text: &str) -> impl Iterator<Item = (usize, String)> {
    let (mut depth, mut down, mut fresh, mut found) = (0, 0, false, Vec::new());
    for (i, c) in text.char_indices() {
        match c {
            '{' => (depth, fresh) = (depth + 1, depth == 0),
            '}' if depth == 1 => break,
            '}' => depth -= 1,
            ',' if depth == 1 => fresh = true,
            '\n' => down += 1,
            c if c.is_whitespace() => {}
            _ if fresh => {
                found.push((down, word(&text[i..])));
                fresh = false;
            }
            _ => {}
        }
    }
    found.into_iter()
}

/// All findings in one message, so that one run shows everything there is to mend.
fn report(findings: &[String]) {
    let mut message = String::new();
    for finding in findings {
        writeln!(message, "{finding}").unwrap();
    }
    assert!(findings.is_empty(), "\n{message}");
}

fn upward(source: &Source) -> Vec<String> {
    let own = module_of(&source.name);
    let Some(from) = floor(own) else {
        return vec![format!("host/src/{}:1: module `{own}` has no floor in host/tests/tidy.rs", source.name)];
    };
    let modules = imports(source, "crate::").into_iter().chain(imports(source, "sandstream::"));
    let wrong = modules.filter(|(_, to)| {
        let Some(to_floor) = floor(to) else { return false };
        to != own && to_floor >= from && !TOGETHER.contains(&(own, to)) && !TOGETHER.contains(&(to, own))
    });
    wrong
        .map(|(line, to)| {
            let way = if floor(&to) == Some(from) { "sideways" } else { "upward" };
            format!(
                "host/src/{}:{line}: {way} import: `{own}` (floor {from}) names `{to}` (floor {})",
                source.name,
                floor(&to).unwrap()
            )
        })
        .collect()
}

#[test]
fn imports_go_strictly_down() {
    let findings: Vec<_> = sources(&root().join("host/src")).iter().flat_map(upward).collect();
    report(&findings);
}

/// The scan must see what it forbids, however it is written, and nothing that is only spoken of.
#[test]
fn the_scan_sees_what_it_forbids() {
    let check = |name: &str, text: &str| upward(&Source { name: name.to_owned(), lines: code(text) });
    let cases = [
        ("codec/json.rs", "use crate::binding::Binding;", Some("host/src/codec/json.rs:1: sideways")),
        (
            "codec/json.rs",
            "\n\nuse crate::{\n    types::Rows,\n    pipeline::Lane,\n};",
            Some("host/src/codec/json.rs:5: upward"),
        ),
        ("registry.rs", "fn f() { crate::app::run() }", Some("host/src/registry.rs:1: upward")),
        ("attic/mod.rs", "", Some("host/src/attic/mod.rs:1: module `attic` has no floor")),
        ("registry.rs", "use crate::{types::{Digest, app}, backend::Model};", None),
        (
            "codec/json.rs",
            "// use crate::pipeline::Lane;\n/* crate::app /* crate::app */ crate::app */ let x = \"crate::app\";",
            None,
        ),
        ("codec/json.rs", "let x = r#\"\" crate::app\"#; let y = '\"'; let z = \"\\\"crate::app\";", None),
        ("cli/run.rs", "use crate::app::run;", None),
    ];
    for (name, text, expected) in cases {
        let found = check(name, text);
        match expected {
            Some(start) => assert!(found.len() == 1 && found[0].starts_with(start), "{name}: {text:?} gave {found:?}"),
            None => assert!(found.is_empty(), "{name}: {text:?} gave {found:?}"),
        }
    }
}

#[test]
fn only_its_module_names_a_library() {
    let mut findings = Vec::new();
    for source in sources(&root().join("host/src")) {
        for (library, owners) in NAMED_BY {
            if owners.iter().any(|owner| source.name.starts_with(owner)) {
                continue;
            }
            for (at, line) in source.lines.iter().enumerate() {
                let named = line.match_indices(library).any(|(start, _)| {
                    let before = line[..start].chars().next_back();
                    let after = &line[start + library.len()..];
                    let bounded = !before.is_some_and(|c| c.is_alphanumeric() || "_:.".contains(c));
                    bounded && (after.starts_with("::") || (line.trim_start().starts_with("use ") && after.starts_with(';')))
                });
                if named {
                    findings.push(format!("host/src/{}:{}: only {owners:?} may name `{library}`", source.name, at + 1));
                }
            }
        }
    }
    report(&findings);
}

#[test]
fn unsafe_stands_in_its_places_only() {
    let mut findings = Vec::new();
    for folder in ["host", "graphs", "kit", "xtask", "trials", "examples"] {
        for source in sources(&root().join(folder)) {
            let inner = source.name.strip_prefix("src/").unwrap_or(&source.name);
            if folder == "host" && UNSAFE.iter().any(|place| inner.starts_with(place)) {
                continue;
            }
            for (at, line) in source.lines.iter().enumerate() {
                if line.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == "unsafe") {
                    findings.push(format!("{folder}/{}:{}: `unsafe` belongs in {UNSAFE:?}", source.name, at + 1));
                }
            }
        }
    }
    report(&findings);
}

#[test]
fn no_file_is_too_long_to_hold_in_the_head() {
    let folders = ["host", "graphs", "kit", "xtask", "trials", "examples", "plugins"];
    let all = folders.iter().flat_map(|folder| sources(&root().join(folder)).into_iter().map(move |source| (folder, source)));
    let long = all.filter(|(_, source)| source.lines.len() > LINES_MAX);
    let findings: Vec<_> = long
        .map(|(folder, source)| {
            format!("{folder}/{}:{LINES_MAX}: {} lines; two rooms would be better", source.name, source.lines.len())
        })
        .collect();
    report(&findings);
}

/// A guest without a prebuilt component could not be tested on a machine without the guest toolchain.
#[test]
fn every_guest_has_a_prebuilt_component() {
    let plugins = root().join("plugins");
    let mut findings = Vec::new();
    for (folder, prefix) in [(plugins.clone(), ""), (plugins.join("hostile"), "hostile-"), (plugins.join("template"), "")] {
        let entries = fs::read_dir(&folder).unwrap();
        for path in entries.map(|entry| entry.unwrap().path()) {
            let manifest = fs::read_to_string(path.join("Cargo.toml")).unwrap_or_default();
            let folder = path.file_name().unwrap().to_string_lossy().into_owned();
            let name = if folder == "rust" { "template".to_owned() } else { folder };
            // The kit, the weights and what guests share are no modules.
            if !manifest.contains("cdylib") {
                continue;
            }
            let component = format!("{prefix}{name}.wasm");
            if !plugins.join("prebuilt").join(&component).is_file() {
                findings.push(format!("{}: no plugins/prebuilt/{component}; run `cargo xtask guests build`", path.display()));
            }
        }
    }
    report(&findings);
}
