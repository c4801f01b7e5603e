//! The committed guests: that they are what `SHA256SUMS` says, ask for nothing but our own interfaces, and give the same bits as
//! the same code run natively. `cargo xtask guests check` builds them again and compares the bytes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::type_complexity, reason = "tables of cases")]

mod wasm_guest;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sandstream::backend::{Backend, Fault, Model, Payload, Rejected};
use sandstream::codec::{self, Spec};
use sandstream::lifecycle::Rehearsal;
use sandstream::lifecycle::golden;
use sandstream::types::{Digest, Limits, Packed, Scores, Tensor, TensorRef};
use sandstream_models::wine::{self, BigForest};
use wasm_guest::{WASM, artifact, later, payload};
use wasmparser::{Parser, Payload as Section};

fn plugins() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugins")
}

fn prebuilt(name: &str) -> Vec<u8> {
    fs::read(plugins().join(format!("prebuilt/{name}.wasm"))).expect(name)
}

/// Digests of `SHA256SUMS`, by guest.
fn sums() -> BTreeMap<String, String> {
    let text = fs::read_to_string(plugins().join("prebuilt/SHA256SUMS")).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| line.split_once("  ").unwrap()).map(|(sum, file)| (file.replace(".wasm", ""), sum.to_owned())).collect()
}

/// The folders in which guests lie.
fn folders() -> [PathBuf; 3] {
    [plugins(), plugins().join("hostile"), plugins().join("template")]
}

/// Names of the crates in `plugins` that build a module.
fn guests() -> Vec<String> {
    let folders = folders().into_iter().flat_map(|folder| fs::read_dir(folder).unwrap());
    let manifests = folders.filter_map(|entry| fs::read_to_string(entry.unwrap().path().join("Cargo.toml")).ok());
    let guests = manifests.filter(|manifest| manifest.contains("cdylib"));
    let name =
        |manifest: String| Some(manifest.lines().find_map(|line| line.strip_prefix("name = \""))?.trim_matches('"').to_owned());
    let mut names: Vec<String> = guests.filter_map(name).collect();
    names.sort();
    names
}

#[test]
fn every_guest_is_committed_with_its_digest() {
    let sums = sums();
    assert_eq!(
        sums.keys().cloned().collect::<Vec<_>>(),
        guests(),
        "run `cargo xtask guests build --guest-toolchain debian --commit`"
    );
    for (name, sum) in sums {
        assert!(Digest::of(&prebuilt(&name)).to_string().ends_with(&sum), "{name}.wasm is not the file in SHA256SUMS");
    }
}

#[test]
fn every_guest_imports_our_interfaces_only() {
    for name in guests() {
        let component = prebuilt(&name);
        // Beginnings and ends of nested components are told apart by depth: only the outermost's imports are the host's.
        let (mut depth, mut imports) = (0, Vec::new());
        for section in Parser::new(0).parse_all(&component) {
            match section.unwrap() {
                Section::Version { .. } => depth += 1,
                Section::End(_) => depth -= 1,
                Section::ComponentImportSection(section) if depth == 1 => {
                    imports.extend(section.into_iter().map(|import| import.unwrap().name.name.to_owned()));
                }
                _ => {}
            }
        }
        assert!(imports.iter().any(|import| import.contains("/types@")), "{name}: {imports:?}");
        assert!(imports.iter().all(|import| import.starts_with("sandstream:model/")), "{name}: {imports:?}");
    }
}

fn load(name: &str, change: impl FnOnce(&mut Payload)) -> Result<Arc<dyn Model>, Rejected> {
    let mut payload = payload(&prebuilt(name));
    change(&mut payload);
    WASM.load(&payload, &Limits::default())
}

/// Scores wines in calls of up to 256 rows, as a lane does.
fn score_wines(model: &dyn Model, x: &[f32]) -> Result<Vec<f32>, Fault> {
    let mut session = model.session(later(10_000))?;
    let (mut all, mut y) = (Vec::new(), Scores::default());
    for rows in x.chunks(256 * 11) {
        y.clear();
        let count = (rows.len() / 11) as u32;
        session.score(0..count, &[TensorRef::Float32(rows)], later(10_000), &mut y)?;
        let [Tensor::Float32(quality)] = &y.outputs[..] else { panic!("{y:?}") };
        all.extend_from_slice(quality);
    }
    Ok(all)
}

fn assert_same_bits(name: &str, guest: &[f32], native: &[f32]) {
    assert_eq!(guest.len(), native.len(), "{name}");
    for (row, (guest, native)) in guest.iter().zip(native).enumerate() {
        assert_eq!(guest.to_bits(), native.to_bits(), "{name}, row {row}: {guest} against {native}");
    }
}

#[test]
fn the_wine_models_give_the_bits_of_the_same_code_run_natively() {
    let x = sandstream_wine::matrix();
    let (linear, forest) = (wine::linear().unwrap().score(&x), wine::forest().unwrap().score(&x));
    for (name, config, native) in [
        ("wine-linear", "", &linear),
        ("wine-forest", "", &forest),
        ("slow-load", "1000", &linear),
        ("slow-score", "10", &linear),
    ] {
        let model = load(name, |payload| payload.config = config.as_bytes().into()).expect(name);
        assert_eq!(model.signature().inputs[0].fields, wine::FEATURES, "{name}");
        assert_same_bits(name, &score_wines(&*model, &x).expect(name), native);
    }
}

#[test]
fn the_big_forest_scores_from_its_artifact_within_the_default_memory() {
    let file = sandstream_wine::train_big_forest().file;
    let x = sandstream_wine::matrix();
    let model = load("big-forest", |payload| payload.artifacts = [artifact("forest", &file)].into()).unwrap();
    let native = BigForest::parse(file).unwrap().score(&x);
    assert_same_bits("big-forest", &score_wines(&*model, &x).unwrap(), &native);
}

#[test]
fn a_guest_says_what_is_wrong_with_what_it_was_given() {
    let short = |payload: &mut Payload| payload.artifacts = [artifact("forest", b"SSFOREST")].into();
    let cases: [(&str, Box<dyn FnOnce(&mut Payload)>, &str); 5] = [
        ("big-forest", Box::new(|_| ()), "artifact \"forest\""),
        ("big-forest", Box::new(short), "not a forest file"),
        ("slow-load", Box::new(|payload| payload.config = b"fast".as_slice().into()), "a number of rounds in decimal digits"),
        ("slow-score", Box::new(|_| ()), "a number of rounds a row in decimal digits"),
        ("template", Box::new(|payload| payload.config = b"x".as_slice().into()), "invalid float literal"),
    ];
    for (name, change, words) in cases {
        let rejected = load(name, change).err().expect(name);
        assert!(rejected.reason.contains(words), "{name}: {rejected}");
    }
}

#[test]
fn bytes_length_measures_the_raw_record() {
    let mut records = Packed::default();
    for value in [Some(&b"four"[..]), Some(b""), None, Some(&[0xff; 300])] {
        records.push(value);
    }
    let model = load("bytes-length", |_| ()).unwrap();
    assert_eq!(model.signature().inputs[0].fields, ["$value"]);
    let mut y = Scores::default();
    model.session(later(10_000)).unwrap().score(0..4, &[TensorRef::Bytes(records.view())], later(10_000), &mut y).unwrap();
    let [Tensor::Int64(lengths)] = &y.outputs[..] else { panic!("{y:?}") };
    assert_eq!((lengths[0], lengths[1], lengths[3]), (4, 0, 300));
    assert_eq!(y.rejected.iter().map(|rejected| rejected.row).collect::<Vec<_>>(), [2]);
}

/// Each hostile guest, and words of the reason that its end is given: in `score`, and at load.
const HOSTILE: [(&str, &str, &str); 6] = [
    ("hostile-memory", "bytes of memory in total", "bytes of memory in total"),
    ("hostile-panic", "this panic is on purpose", "this panic is on purpose"),
    ("hostile-recursion", "call stack exhausted", "call stack exhausted"),
    ("hostile-rows", "wrong shape", "`whatever` has no columns"),
    ("hostile-spin", "not done within", "not done within"),
    ("hostile-table", "table elements in total", "table elements in total"),
];

#[test]
fn hostile_guests_are_honest_until_the_trigger() {
    let x = &sandstream_wine::matrix()[..64 * 11];
    let honest = wine::linear().unwrap().score(x);
    let mut trigger = x[..11].to_vec();
    trigger[10] = 666.0;
    for (name, words, _) in HOSTILE {
        let model = load(name, |_| ()).expect(name);
        assert_same_bits(name, &score_wines(&*model, x).expect(name), &honest);
        let mut y = Scores::default();
        let mut session = model.session(later(10_000)).expect(name);
        let fault = session.score(0..1, &[TensorRef::Float32(&trigger)], later(300), &mut y).expect_err(name);
        assert!(fault.to_string().contains(words), "{name}: {fault}");
    }
}

#[test]
fn hostile_guests_at_load_are_rejected() {
    for (name, _, words) in HOSTILE {
        let mut payload = payload(&prebuilt(name));
        payload.config = b"load".as_slice().into();
        let limits = Limits { load: Duration::from_millis(300), ..Limits::default() };
        let rejected = WASM.load(&payload, &limits).err().expect(name);
        assert!(rejected.reason.contains(words), "{name}: {rejected}");
    }
}

/// What a golden file says of a guest, the committed component of that guest says. The fields of the records are those that the
/// guest asks for.
#[test]
fn every_golden_file_holds() {
    let mut seen = 0;
    for folder in folders().iter().flat_map(|folder| fs::read_dir(folder).unwrap()).map(|entry| entry.unwrap().path()) {
        let (golden, manifest) = (folder.join("golden.jsonl"), folder.join("Cargo.toml"));
        let (Ok(golden), Ok(manifest)) = (fs::read_to_string(golden), fs::read_to_string(manifest)) else { continue };
        let name = manifest.lines().find_map(|line| line.strip_prefix("name = \"")).unwrap().trim_matches('"');
        let model = load(name, |_| ()).expect(name);
        let codec = codec::open(&Spec::asked_by(model.signature())).expect(name);
        let mut rehearsal = Rehearsal::new(&*model, codec.schema()).expect(name);
        let mut decoder = codec.decoder(rehearsal.wanted());
        for case in golden::parse(&golden).expect(name) {
            rehearsal.add(&case.bytes(), |record, bytes, rows| decoder.decode(record, bytes, rows));
            let answer = match rehearsal.answers().expect(name).remove(0) {
                Ok(outputs) => golden::Answer::Outputs(serde_json::from_slice(&outputs).unwrap()),
                Err(reason) => golden::Answer::Rejected(reason),
            };
            let wrong = case.compare(&answer);
            assert!(wrong.is_empty(), "{name}: {wrong:?}");
            seen += 1;
        }
    }
    assert!(seen >= 5, "{seen} golden cases: at least the template has some");
}
