//! What a descriptor may claim, and where its bytes may be.

use std::os::unix::fs::symlink;
use std::path::Path;

use prost::Message as _;
use sandstream::lifecycle::{Config, Inline};
use sandstream::types::proto::model_descriptor::{ModelType, Payload};
use sandstream::types::proto::{Artifact, Grants, ModelDescriptor, artifact};
use sandstream::types::{Digest, Limits};

use super::host::{Host, Log, descriptor, id_of};

/// Publishes without a key and says what became of it: the reason, or nothing where it is live.
fn published(config: &Config, key: Option<&str>, descriptor: &ModelDescriptor) -> String {
    let log = Log::new();
    log.put(key, Some(descriptor.encode_to_vec()), None);
    let mut host = Host::with(&log, config, Box::new(Inline::default()));
    host.step();
    match host.version() {
        Some(_) => String::new(),
        None => {
            let status = host.registry().models().first().expect("it is listed").clone();
            assert_eq!((status.state.to_string().as_str(), status.stage.as_deref()), ("Rejected", Some("verify")));
            status.reason.expect("a reason")
        }
    }
}

fn check(config: &Config, cases: &[(&str, ModelDescriptor, &str)]) {
    for (what, descriptor, words) in cases {
        let reason = published(config, None, descriptor);
        assert_eq!(reason.is_empty(), words.is_empty(), "{what}: {reason}");
        assert!(words.split('|').all(|word| reason.contains(word)), "{what}: {reason}");
    }
}

#[test]
fn claims_are_checked() {
    let plain = || descriptor("a", "fake:1");
    let of = |kind: ModelType| ModelDescriptor { model_type: kind.into(), ..plain() };
    let right = Digest::of(b"fake:1").0.to_vec();
    let golden = |line: &str| ModelDescriptor { goldens: vec![line.into()], ..plain() };
    check(
        &Config::new("host"),
        &[
            ("as it is", plain(), ""),
            ("with its digest", ModelDescriptor { sha256: Some(right), ..plain() }, ""),
            ("with another's", ModelDescriptor { sha256: Some(vec![0; 32]), ..plain() }, "sha256:0000|claims"),
            ("with none at all", ModelDescriptor { sha256: Some(vec![0; 31]), ..plain() }, "32 bytes|31"),
            ("no payload", ModelDescriptor { payload: None, ..plain() }, "neither `data` nor `location`"),
            ("empty payload", descriptor("a", ""), "empty"),
            ("no name", descriptor("", "fake:1"), "empty name"),
            ("a name as long as may be", descriptor(&"n".repeat(255), "fake:1"), ""),
            ("a longer name", descriptor(&"ü".repeat(128), "fake:1"), "name has at most 255 bytes|has 256"),
            ("a long version", ModelDescriptor { version: Some("1".repeat(1 << 21)), ..plain() }, "version|255|2097152"),
            ("empty version", ModelDescriptor { version: Some(String::new()), ..plain() }, "empty version"),
            ("tensorflow", of(ModelType::Tensorflow), "TENSORFLOW|not built yet"),
            ("pmml", of(ModelType::Pmml), "PMML|not built yet"),
            ("unheard of", ModelDescriptor { model_type: 99, ..plain() }, "99"),
            ("evaluator", ModelDescriptor { evaluator: Some("pmml".into()), ..plain() }, "`evaluator`|not built yet"),
            ("lineage", ModelDescriptor { lineage: Some(vec![]), ..plain() }, "`lineage`"),
            ("no golden", ModelDescriptor { goldens: vec![vec![]], ..plain() }, "golden 1: expected a JSON object"),
            ("a golden without an answer", golden("{\"record\": {}}"), "golden 1|neither `outputs` nor `rejected`"),
            (
                "a golden that lets everything through",
                golden("{\"record\": {}, \"outputs\": {}, \"tolerance\": 0.01}"),
                "golden 1 has a tolerance of 0.01, at most 0.001|`limits.golden_tolerance`",
            ),
            ("effective_from", ModelDescriptor { effective_from: Some(vec![]), ..plain() }, "`effective_from`"),
            ("authenticity", ModelDescriptor { authenticity: vec![vec![]], ..plain() }, "`authenticity`"),
            ("formats", ModelDescriptor { formats: vec![vec![]], ..plain() }, "`formats`"),
            (
                "formats and lineage",
                ModelDescriptor { formats: vec![vec![]], lineage: Some(vec![]), ..plain() },
                "`formats`|`lineage`",
            ),
        ],
    );
}

#[test]
fn key_and_value_agree() {
    let versioned = ModelDescriptor { version: Some("1".into()), ..descriptor("a", "fake:1") };
    let long = format!("model/wine/{}@1", "a".repeat(256));
    let cases = [
        (Some("model/wine/a@1"), &versioned, ""),
        (None, &versioned, ""),
        (Some("model/wine/a@2"), &versioned, "wine/a@2"),
        (Some("model/wine/b@1"), &versioned, "wine/b@1"),
        (Some("model/wine/a@0"), &descriptor("a", "fake:1"), "no version"),
        (Some(&*long), &versioned, "has 256"),
    ];
    for (key, descriptor, words) in cases {
        let reason = published(&Config::new("host"), key, descriptor);
        assert_eq!(reason.is_empty(), words.is_empty(), "{key:?}: {reason}");
        assert!(reason.contains(words), "{key:?}: {reason}");
    }
}

/// Nothing that is put on the log stops the host or the models after it.
#[test]
fn nonsense_is_refused_and_the_log_goes_on() {
    let log = Log::new();
    for key in
        [None, Some("nonsense"), Some("model/wine/a@1"), Some("deployment/wine"), Some("label/wine/x"), Some("evaluator/e@1")]
    {
        log.put(key, Some(b"\xff\xff\xff".to_vec()), None);
        log.put(key, Some(Vec::new()), None);
    }
    log.put(None, None, None);
    log.put(Some("evaluator/e@1"), None, None);
    log.put(Some("\u{fffd}"), None, None);
    let last = log.order("a=fake:1");
    let mut host = Host::new(&log);
    host.step();
    assert_eq!(host.live(), format!("a@{last}"));
}

#[test]
fn grants_are_applied_up_to_the_maxima() {
    let maxima = Limits { memory_bytes: 1 << 30, instances: 20, ..sandstream::lifecycle::default_maxima() };
    let config = Config { maxima, ..Config::new("host") };
    let with = |grants| ModelDescriptor { grants: Some(grants), ..descriptor("a", "fake:1") };
    let much = Grants { memory_bytes: Some(2 << 30), instances: Some(21), load_ms: Some(1), ..Grants::default() };
    check(&config, &[("too much of two", with(much), "`memory_bytes`|1073741824|`instances`|20")]);
    assert!(!published(&config, None, &with(much)).contains("load_ms"));

    let log = Log::new();
    let some = Grants { memory_bytes: Some(1 << 20), call_per_row_us: Some(100_000), ..Grants::default() };
    log.put(None, Some(with(some).encode_to_vec()), None);
    let mut host = Host::with(&log, &config, Box::new(Inline::default()));
    host.step();
    let version = host.version().unwrap();
    let expected = Limits { memory_bytes: 1 << 20, call_per_row: std::time::Duration::from_millis(100), ..Limits::default() };
    assert_eq!((&version.limits, version.model.limits()), (&expected, &expected));
    assert_ne!(version.digest, Digest::of(b"fake:1"), "grants are part of what a model is");
}

fn located(location: &str, sha256: Option<Digest>) -> ModelDescriptor {
    let payload = Some(Payload::Location(location.into()));
    ModelDescriptor { payload, sha256: sha256.map(|digest| digest.0.to_vec()), ..descriptor("a", "") }
}

fn files(root: &Path) -> Config {
    let (inside, outside) = (root.join("inside"), root.join("outside"));
    std::fs::create_dir_all(inside.join("folder")).unwrap();
    std::fs::create_dir_all(&outside).unwrap();
    std::fs::write(inside.join("model"), "fake:1").unwrap();
    std::fs::write(inside.join("large"), vec![b' '; 2000]).unwrap();
    std::fs::write(outside.join("secret"), "fake:1").unwrap();
    symlink("model", inside.join("link")).unwrap();
    symlink("../outside/secret", inside.join("escape")).unwrap();
    symlink(&outside, inside.join("folder/escape")).unwrap();
    rustix::fs::mknodat(rustix::fs::CWD, inside.join("pipe"), rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    let limits = Limits { payload_bytes: 1000, ..Limits::default() };
    Config { locations: vec![inside], limits, ..Config::new("host") }
}

#[test]
fn locations_stay_under_their_roots() {
    let root = tempfile::tempdir().unwrap();
    let config = files(root.path());
    let absolute = |name: &str| root.path().join(name).display().to_string();
    let digest = Some(Digest::of(b"fake:1"));
    let network = if cfg!(feature = "stores") { "under none of the roots" } else { "this build reads no|--features stores" };
    check(
        &config,
        &[
            ("absolute", located(&absolute("inside/model"), digest), ""),
            ("relative", located("model", digest), ""),
            ("as a url", located(&format!("file://{}", absolute("inside/model")), digest), ""),
            ("a link within", located("link", digest), ""),
            ("another's digest", located("model", Some(Digest::of(b"x"))), "expected sha256:"),
            ("without a digest", located("model", None), "without sha256|unverified_locations"),
            ("not there", located("absent", digest), "`absent`"),
            ("a folder with a link out", located("folder", digest), "`folder`|`escape` cannot be read"),
            ("a pipe", located("pipe", digest), "pipe"),
            ("too large", located("large", digest), "2000|1000"),
            ("outside", located(&absolute("outside/secret"), digest), "under none of the roots"),
            ("climbing", located("../outside/secret", digest), "under none of the roots"),
            ("climbing on", located(&absolute("inside/../outside/secret"), digest), "under none of the roots"),
            ("a link out", located("escape", digest), "`escape`"),
            ("a folder's link out", located("folder/escape/secret", digest), "escape/secret"),
            ("the web", located("http://example.com/model", digest), "under none of the roots"),
            ("the web, encrypted", located("https://example.com/model", digest), network),
            ("another scheme", located("ftp://example.com/model", digest), "expected a file, or a place"),
            ("a store", located("s3://models/model", digest), network),
        ],
    );
    let trusting = Config { unverified_locations: true, ..config };
    check(
        &trusting,
        &[("without a digest, allowed", located("model", None), ""), ("still inside", located("escape", None), "escape")],
    );
}

#[test]
fn artifacts_are_checked_and_handed_on() {
    let root = tempfile::tempdir().unwrap();
    let config = files(root.path());
    let artifact = |name: &str, content, sha256: Option<Digest>| Artifact {
        name: name.into(),
        content: Some(content),
        sha256: sha256.map(|digest| digest.0.to_vec()),
    };
    let data = || artifact::Content::Data(b"weights".to_vec());
    let file = || artifact::Content::Location("model".into());
    let right = Some(Digest::of(b"fake:1"));
    let with = |artifacts| ModelDescriptor { artifacts, ..descriptor("a", "fake:1") };
    check(
        &config,
        &[
            ("two", with(vec![artifact("w", data(), None), artifact("m", file(), right)]), ""),
            ("twice", with(vec![artifact("w", data(), None), artifact("w", file(), right)]), "distinct"),
            ("wrong", with(vec![artifact("w", data(), right)]), "artifact `w`|claims"),
            ("unverified", with(vec![artifact("m", file(), None)]), "artifact `m`|without sha256"),
            ("missing", with(vec![Artifact { content: None, ..artifact("w", data(), None) }]), "artifact `w`|neither"),
        ],
    );
}

#[test]
fn the_payload_limit_holds_for_carried_bytes() {
    let config = Config { limits: Limits { payload_bytes: 5, ..Limits::default() }, ..Config::new("host") };
    check(&config, &[("six bytes", descriptor("a", "fake:1"), "6 bytes|at most 5")]);
}

/// Versions of a keyless descriptor are offsets, gaps included.
#[test]
fn the_tutorials_descriptor_has_its_offset_for_a_version() {
    let log = Log::new();
    log.0.skip(super::host::LOG, 0);
    log.0.skip(super::host::LOG, 0);
    log.order("wine quality=fake:1");
    let mut host = Host::new(&log);
    host.step();
    let version = host.version().unwrap();
    assert_eq!((version.id.clone(), version.revision), (id_of("wine quality", "2"), 2));
    assert_eq!(version.digest, Digest::of(b"fake:1"));
}
