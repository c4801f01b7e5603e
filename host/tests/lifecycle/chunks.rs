//! Models in chunks beside the control log: they are what was announced, or they are rejected with the chunk that is not.

use prost::Message as _;
use sandstream::lifecycle::{Config, Inline};
use sandstream::stream::memory::Message;
use sandstream::types::control::chunk_key;
use sandstream::types::proto::model_descriptor::Payload;
use sandstream::types::proto::{Artifact, Manifest, ModelDescriptor, artifact, manifest};
use sandstream::types::{Digest, Limits};

use super::host::{CHUNKS, Host, Log, descriptor};

const DATA: &str = "fake:1 trap-on:101 late-on:1002 refuse-on:1003 shape-on:1004 fields=x,z";
const PIECE: usize = 10;

/// Cuts a payload up and writes its pieces; the descriptor that refers to them.
fn written(log: &Log, data: &str) -> ModelDescriptor {
    log.0.create(CHUNKS, 2);
    let digest = Digest::of(data.as_bytes());
    let chunks = data.as_bytes().chunks(PIECE).enumerate().map(|(number, piece)| put(log, digest, number, piece));
    let chunks = Some(Manifest { size: data.len() as u64, chunks: chunks.collect() });
    ModelDescriptor { payload: None, sha256: Some(digest.0.to_vec()), chunks, ..descriptor("a", "") }
}

/// Writes one piece, every third into the other partition.
fn put(log: &Log, payload: Digest, number: usize, piece: &[u8]) -> manifest::Chunk {
    let partition = i32::from(number % 3 == 2);
    let offset = keyed(log, partition, &chunk_key(payload, number), Some(piece));
    manifest::Chunk { sha256: Digest::of(piece).0.to_vec(), size: piece.len() as u32, partition, offset }
}

fn keyed(log: &Log, partition: i32, key: &str, value: Option<&[u8]>) -> i64 {
    let message = Message { key: Some(key.into()), value: value.map(<[u8]>::to_vec), timestamp: 0, headers: Vec::new() };
    log.0.produce(CHUNKS, partition, message).unwrap()
}

/// A host with a model that answers, and what becomes of another one.
fn published(log: &Log, config: &Config, descriptor: &ModelDescriptor) -> (Host, String) {
    log.order("good=fake:7");
    let mut host = Host::with(log, config, Box::new(Inline::default()));
    host.step();
    let revision = log.put(None, Some(descriptor.encode_to_vec()), None);
    host.step();
    let status = host.registry().models().iter().find(|model| model.revision == revision).cloned().expect("it is listed");
    let reason = status.reason.filter(|_| status.state.to_string() == "Rejected").unwrap_or_default();
    assert_eq!(host.live() == "good@0", !reason.is_empty(), "{reason}");
    (host, reason)
}

fn check(what: &str, log: &Log, config: &Config, descriptor: &ModelDescriptor, words: &str) {
    let (_, reason) = published(log, config, descriptor);
    assert_eq!(reason.is_empty(), words.is_empty(), "{what}: {reason}");
    assert!(words.split('|').all(|word| reason.contains(word)), "{what}: {reason}");
}

#[test]
fn the_same_model_carried_or_in_chunks_is_the_same() {
    let log = Log::new();
    let (mut host, _) = published(&log, &Config::new("host"), &written(&log, DATA));
    let digest = host.version().unwrap().digest;
    assert_eq!(digest, Digest::of(DATA.as_bytes()));
    host.order(&format!("a={DATA}"));
    assert_eq!((host.live(), host.version().unwrap().digest), ("a@1".into(), digest), "the newest has these bytes already");
    assert_eq!(host.loaded(), ["fake:7", DATA]);
}

/// What each case does to a manifest, and what is said of it.
type Claim = (&'static str, fn(&mut ModelDescriptor), &'static str);

#[test]
fn what_a_manifest_claims_is_checked() {
    fn first(descriptor: &mut ModelDescriptor) -> &mut manifest::Chunk {
        &mut descriptor.chunks.as_mut().unwrap().chunks[0]
    }
    let cases: [Claim; 11] = [
        ("nothing", |_| {}, ""),
        ("no digest", |model| model.sha256 = None, "in chunks|no sha256"),
        ("data too", |model| model.payload = Some(Payload::Data(vec![1])), "`chunks` beside `data`"),
        ("no chunks", |model| model.chunks = Some(Manifest::default()), "names none"),
        ("a size of its own", |model| model.chunks.as_mut().unwrap().size += 1, "has 72 bytes by its manifest|8 chunks have 71"),
        ("all that there is", |model| model.chunks.as_mut().unwrap().size = u64::MAX, "18446744073709551615"),
        ("a short digest", |model| first(model).sha256 = vec![0; 31], "chunk 1 of 8|32 bytes|31"),
        ("an empty chunk", |model| first(model).size = 0, "chunk 1 of 8|got none"),
        ("a partition below 0", |model| first(model).partition = -1, "chunk 1 of 8|got -1 and 0"),
        ("an offset below 0", |model| first(model).offset = -1, "chunk 1 of 8|got 0 and -1"),
        ("no such partition", |model| first(model).partition = 9, "chunk 1 of 8|partition 9|not there"),
    ];
    for (what, change, words) in cases {
        let log = Log::new();
        let mut descriptor = written(&log, DATA);
        change(&mut descriptor);
        check(what, &log, &Config::new("host"), &descriptor, words);
    }
}

#[test]
fn chunks_that_are_not_what_was_announced_are_named() {
    let digest = Digest::of(DATA.as_bytes());
    // What lies at the place of the third chunk, and what is said of it.
    let cases: [(&str, Option<&[u8]>, &str); 4] = [
        ("wrong", Some(b"0123456789"), "chunk 3 of 8|partition 1|expected 10 bytes of digest|got 10 of|publish the model again"),
        ("partial", Some(b"002 re"), "chunk 3 of 8|expected 10 bytes|got 6 of|publish the model again"),
        ("oversize", Some(&[b' '; 5000]), "chunk 3 of 8|expected 10 bytes|got 5000 of"),
        ("a tombstone", None, "chunk 3 of 8|got 0 of"),
    ];
    for (what, value, words) in cases {
        let log = Log::new();
        let mut descriptor = written(&log, DATA);
        let at = keyed(&log, 1, &chunk_key(digest, 2), value);
        descriptor.chunks.as_mut().unwrap().chunks[2].offset = at;
        check(what, &log, &Config::new("host"), &descriptor, words);
    }
    let log = Log::new();
    let mut missing = written(&log, DATA);
    missing.chunks.as_mut().unwrap().chunks[4].offset = 100;
    check("missing", &log, &Config::new("host"), &missing, "chunk 5 of 8|offset 100|not there|`models.chunks`|publish");
    let log = Log::new();
    let mut whole = written(&log, DATA);
    whole.sha256 = Some(vec![7; 32]);
    check("another's chunks", &log, &Config::new("host"), &whole, "chunk 1 of 8|not there");
}

/// Pieces that are each as announced, and are not the payload.
#[test]
fn the_whole_is_checked_too() {
    let log = Log::new();
    log.0.create(CHUNKS, 2);
    let claimed = Digest::of(b"something else");
    let chunks = (0..2).map(|number| put(&log, claimed, number, b"fake:1 and")).collect();
    let chunks = Some(Manifest { size: 20, chunks });
    let model = ModelDescriptor { payload: None, sha256: Some(claimed.0.to_vec()), chunks, ..descriptor("a", "") };
    let expected = format!("2 chunks are as announced|{}|expected {claimed}", Digest::of(b"fake:1 andfake:1 and"));
    check("the whole", &log, &Config::new("host"), &model, &expected);
}

#[test]
fn without_their_topic_they_cannot_be_read() {
    let other = Log::new();
    check("no topic", &Log::new(), &Config::new("host"), &written(&other, DATA), "8 chunks|`models.chunks` does not exist");
}

/// The topic does not even exist: what is over the limit is not looked for.
#[test]
fn the_payload_limit_holds_before_anything_is_fetched() {
    let descriptor = written(&Log::new(), DATA);
    let config = Config { limits: Limits { payload_bytes: 70, ..Limits::default() }, ..Config::new("host") };
    check("too large", &Log::new(), &config, &descriptor, "71 bytes in 8 chunks|at most 70|limits.payload");
}

/// Compaction leaves the last copy of each key: at a later offset than the first manifest says.
#[test]
fn copies_that_were_written_later_are_found() {
    let log = Log::new();
    let descriptor = written(&log, DATA);
    let compacted = Log::new();
    compacted.0.create(CHUNKS, 2);
    (0..20).for_each(|number| compacted.0.skip(CHUNKS, number % 2));
    keyed(&compacted, 0, "someone else's", Some(b"x"));
    let digest = Digest::of(DATA.as_bytes());
    DATA.as_bytes().chunks(PIECE).enumerate().for_each(|(number, piece)| drop(put(&compacted, digest, number, piece)));
    check("later copies", &compacted, &Config::new("host"), &descriptor, "");
}

/// What was rejected is mended by publishing it again: the chunks count that were sent then.
#[test]
fn publishing_again_mends_a_lost_chunk() {
    let log = Log::new();
    let mut broken = written(&log, DATA);
    let wrong = keyed(&log, 0, &chunk_key(Digest::of(DATA.as_bytes()), 0), Some(b"0123456789"));
    broken.chunks.as_mut().unwrap().chunks[0].offset = wrong;
    let (mut host, reason) = published(&log, &Config::new("host"), &broken);
    assert!(reason.contains("chunk 1 of 8"), "{reason}");
    host.log.put(None, Some(written(&log, DATA).encode_to_vec()), None);
    host.step();
    assert_eq!(host.live(), "a@1", "the model that was announced first");
}

#[test]
fn artifacts_come_in_chunks_too() {
    // What is done to the artifact, and what is said of it.
    type Change = fn(&mut Artifact);
    let cases: [(&str, Change, &str); 3] = [
        ("an artifact", |_| {}, ""),
        ("a lost chunk", |artifact| chunks_of(artifact).chunks[1].offset += 1, "artifact `w`|chunk 2 of 3"),
        ("no digest", |artifact| artifact.sha256 = None, "artifact `w`|no sha256"),
    ];
    for (what, change, words) in cases {
        let log = Log::new();
        let ModelDescriptor { chunks, sha256, .. } = written(&log, "a file of some length");
        let mut artifact = Artifact { name: "w".into(), content: chunks.map(artifact::Content::Chunks), sha256 };
        change(&mut artifact);
        let model = ModelDescriptor { artifacts: vec![artifact], ..descriptor("a", "fake:1") };
        check(what, &log, &Config::new("host"), &model, words);
    }
}

fn chunks_of(artifact: &mut Artifact) -> &mut Manifest {
    match &mut artifact.content {
        Some(artifact::Content::Chunks(chunks)) => chunks,
        other => panic!("expected chunks, got {other:?}"),
    }
}

/// Nothing of a model is in memory that nobody wants.
#[test]
fn chunks_of_models_that_are_not_wanted_are_not_fetched() {
    let log = Log::new();
    let other = Log::new();
    log.put(None, Some(written(&other, DATA).encode_to_vec()), None);
    log.order("b=fake:2");
    let mut host = Host::new(&log);
    host.step();
    assert_eq!((host.live(), host.states()), ("b@1".into(), "a@0 Announced, b@1 Live".into()));
    assert_eq!(host.loaded(), ["fake:2"]);
}
