//! Keys of the control log and what a model is known by.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use sandstream::types::control::{Key, carried_bytes, escape, model_digest};
use sandstream::types::proto::{Artifact, Grants, ModelDescriptor, Signature, artifact::Content, model_descriptor::Payload};
use sandstream::types::{Digest, ModelId};

const PARTS: [&str; 9] = ["wine", "a b", "a/b", "a@b", "100%", "%2F", "Weißwein 🍷", "..", "tab\tnewline\n"];

fn model(data_type: &str, name: &str, version: &str) -> Key {
    Key::Model(ModelId { data_type: data_type.into(), name: name.into(), version: version.into() })
}

#[test]
fn keys_round_trip() {
    for a in PARTS {
        for b in PARTS {
            let keys = [
                model(a, b, "1"),
                model("t", a, b),
                Key::Evaluator { name: a.into(), version: b.into() },
                Key::Label { data_type: a.into(), label: b.into() },
                Key::Deployment { data_type: a.into() },
            ];
            for key in keys {
                let text = key.to_string();
                assert_eq!(Key::parse(text.as_bytes()), Ok(key), "{text}");
            }
        }
    }
}

#[test]
fn keys_as_people_write_them() {
    let cases: [(&str, Option<Key>); 16] = [
        ("model/wine/linear@1", Some(model("wine", "linear", "1"))),
        ("model/wine/a%20b%2Fc@v%401", Some(model("wine", "a b/c", "v@1"))),
        ("model/wine/a b@1", Some(model("wine", "a b", "1"))),
        ("deployment/wine", Some(Key::Deployment { data_type: "wine".into() })),
        ("label/wine/champion", Some(Key::Label { data_type: "wine".into(), label: "champion".into() })),
        ("evaluator/pmml@2", Some(Key::Evaluator { name: "pmml".into(), version: "2".into() })),
        ("", None),
        ("model", None),
        ("model/wine", None),
        ("model/wine/linear", None),
        ("model/wine/linear@", None),
        ("model/wine/@1", None),
        ("model//linear@1", None),
        ("model/wine/li/near@1", None),
        ("deployment/", None),
        ("other/wine", None),
    ];
    for (text, expected) in cases {
        assert_eq!(Key::parse(text.as_bytes()).ok(), expected, "{text}");
    }
    assert!(Key::parse(b"deployment/\xff").is_err(), "not UTF-8");
    assert!(Key::parse(b"deployment/%ff").is_err(), "not UTF-8 once decoded");
    assert_eq!(escape("a/b@c d%"), "a%2Fb%40c%20d%25");
}

/// Each of the fields that count makes another model; no two of them the same one.
#[test]
fn every_field_that_counts_changes_the_digest() {
    let payload = Digest::of(b"model");
    let content = Digest::of(b"file");
    let artifact = |name: &str| Artifact { name: name.into(), content: Some(Content::Data(b"file".to_vec())), sha256: None };
    let plain = ModelDescriptor::default;
    let with = [
        ModelDescriptor { config: Some(b"c".to_vec()), ..plain() },
        ModelDescriptor { config: Some(Vec::new()), ..plain() },
        ModelDescriptor { evaluator: Some("c".into()), ..plain() },
        ModelDescriptor { artifacts: vec![artifact("a")], ..plain() },
        ModelDescriptor { artifacts: vec![artifact("b")], ..plain() },
        ModelDescriptor { artifacts: vec![artifact("a"), artifact("b")], ..plain() },
        ModelDescriptor { grants: Some(Grants::default()), ..plain() },
        ModelDescriptor { grants: Some(Grants { instances: Some(1), ..Grants::default() }), ..plain() },
        ModelDescriptor { signature: Some(Signature::default()), ..plain() },
    ];
    let digest = |descriptor: &ModelDescriptor| model_digest(descriptor, payload, &vec![content; descriptor.artifacts.len()]);
    assert_eq!(digest(&plain()), payload, "without them it is the payload's");
    let named = ModelDescriptor { name: "n".into(), version: Some("1".into()), description: "d".into(), ..plain() };
    assert_eq!(digest(&named), payload, "what a model is called is not what it is");
    let mut digests: Vec<_> = with.iter().map(digest).chain([payload]).collect();
    digests.sort();
    digests.dedup();
    assert_eq!(digests.len(), with.len() + 1);
    assert_ne!(model_digest(&with[3], payload, &[payload]), model_digest(&with[3], payload, &[content]), "an artifact's content");
}

#[test]
fn carried_bytes_are_payload_and_artifacts() {
    let artifact = |content| Artifact { name: "a".into(), content: Some(content), sha256: None };
    let descriptor = ModelDescriptor {
        payload: Some(Payload::Data(vec![0; 5])),
        artifacts: vec![artifact(Content::Data(vec![0; 7])), artifact(Content::Location("/x".into()))],
        ..ModelDescriptor::default()
    };
    assert_eq!(carried_bytes(&descriptor), 12);
}
