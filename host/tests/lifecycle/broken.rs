//! A model that fails at any step leaves the old one Live, and says why.

use prost::Message as _;
use sandstream::lifecycle::{Config, Inline};
use sandstream::registry::Raised;
use sandstream::types::proto::{Dtype, Grants, Signature, signature};

use super::host::{Host, Log, descriptor};

#[test]
fn the_old_model_stays_live() {
    let cases = [
        ("bad=nonsense", "verify", "nonsense"),
        ("bad=fake:1 reject-load", "warm", "told to reject"),
        ("bad=panic", "compile", "told to panic"),
        ("bad=fake:1 trap-session", "warm", "told to trap"),
        ("bad=fake:1 trap-on:0", "warm", "trap value 0"),
        ("bad=fake:1 trap-on:0.5", "warm", "trap value 0.5"),
        ("bad=fake:1 shape-on:0", "warm", "wrong shape"),
        ("bad=fake:1 late-on:0", "warm", "time limit"),
        ("bad=fake:1 stateful", "warm", "`stateful`"),
        ("bad=fake:1 fields=x,acidity", "warm", "acidity"),
    ];
    for (order, stage, words) in cases {
        let mut host = Host::new(&Log::new());
        host.order("good=fake:7");
        let before = host.version().unwrap();
        host.order(order);
        let status = host.status(1);
        assert_eq!((status.state.to_string().as_str(), status.stage.as_deref()), ("Rejected", Some(stage)), "{order}");
        let reason = status.reason.unwrap();
        assert!(reason.contains(words), "{order}: {reason}");
        assert!(std::sync::Arc::ptr_eq(&before, &host.version().unwrap()), "{order}: the very same version");
        host.order("next=fake:8");
        assert_eq!(host.live(), "next@2", "{order}: and the next one is not hindered");
    }
}

/// A model may refuse rows and calls it does not like the look of; made-up rows prove nothing then.
#[test]
fn refusals_of_made_up_rows_are_no_faults() {
    for order in ["a=fake:1 refuse-on:0", "a=fake:1 reject-on:0"] {
        let mut host = Host::new(&Log::new());
        host.order(order);
        assert_eq!(host.live(), "a@0", "{order}");
    }
}

#[test]
fn a_stateful_model_needs_its_grant() {
    let mut host = Host::new(&Log::new());
    let grants = Some(Grants { stateful: Some(true), ..Grants::default() });
    let granted = sandstream::types::proto::ModelDescriptor { grants, ..descriptor("a", "fake:1 stateful") };
    host.log.put(None, Some(granted.encode_to_vec()), None);
    host.step();
    assert_eq!(host.live(), "a@0");
}

#[test]
fn what_was_rejected_is_tried_again_when_it_is_published_again() {
    let mut host = Host::new(&Log::new());
    host.order("bad=nonsense");
    host.order("bad=nonsense");
    assert_eq!(host.loaded(), ["nonsense", "nonsense"]);
    assert_eq!(host.states(), "bad@0 Rejected");
}

#[test]
fn the_declared_signature_is_the_models_own() {
    let field = |fields: &[&str]| fields.iter().map(|name| (*name).to_owned()).collect();
    let input = |fields: &[&str], dtype: Dtype| signature::Input {
        name: "x".into(),
        dtype: dtype.into(),
        fields: field(fields),
        dims: Vec::new(),
    };
    let output = |width| signature::Output { name: "y".into(), dtype: Dtype::Float64.into(), width };
    let cases = [
        (input(&["x"], Dtype::Float64), output(1), None),
        (input(&["z"], Dtype::Float64), output(1), Some("inputs")),
        (input(&["x"], Dtype::Float32), output(1), Some("inputs")),
        (input(&["x"], Dtype::Float64), output(2), Some("outputs")),
    ];
    for (input, output, expected) in cases {
        let signature = Some(Signature { inputs: vec![input], outputs: vec![output] });
        let declared = sandstream::types::proto::ModelDescriptor { signature, ..descriptor("a", "fake:1") };
        let log = Log::new();
        log.put(None, Some(declared.encode_to_vec()), None);
        let mut host = Host::new(&log);
        host.step();
        let reason = host.status(0).reason.unwrap_or_default();
        assert_eq!(host.version().is_some(), expected.is_none(), "{reason}");
        assert!(reason.contains(expected.unwrap_or_default()), "{reason}");
    }
}

/// A model that one stream cannot bind answers in the other; both share what was loaded.
#[test]
fn streams_are_apart() {
    let log = Log::new();
    let streams: [(&str, &[(&str, &[&str])]); 3] =
        [("s", &[("wine", &["x", "z"])]), ("narrow", &[("wine", &["x"])]), ("other", &[("beer", &["x"])])];
    let mut host = Host::of(&log, &Config::new("host"), Box::new(Inline::default()), &streams);
    host.order("a=fake:1");
    host.order("b=fake:2 fields=x,z");
    let live = |name: &str| super::host::live(&host.registries[name]).map(|version| version.id.name.clone());
    assert_eq!((live("s"), live("narrow"), live("other")), (Some("b".into()), Some("a".into()), None));
    assert_eq!(host.loaded().len(), 2, "each was loaded once for both");
    assert!(host.registries["other"].models().is_empty());
    let neighbour = super::host::live(&host.registries["narrow"]).unwrap();
    host.order("c=fake:3 fields=x,z");
    assert!(std::sync::Arc::ptr_eq(&neighbour, &super::host::live(&host.registries["narrow"]).unwrap()), "not even touched");
}

/// What one stream tries again says nothing about another, which has found the same model to be harmful.
#[test]
fn another_streams_preparation_forgives_nothing() {
    let streams: [(&str, &[(&str, &[&str])]); 2] = [("s", &[("wine", &["x", "z"])]), ("narrow", &[("wine", &["x"])])];
    let mut host = Host::of(&Log::new(), &Config::new("host"), Box::new(Inline::default()), &streams);
    host.order("a=fake:1");
    host.order("b=fake:2 fields=x,z");
    let version = host.version().unwrap();
    host.registry().raise(Raised::Quarantine { version, reason: "it traps".into() });
    host.step();
    host.order("b=fake:2 fields=x,z");
    assert_eq!((host.live(), host.states()), ("a@0".into(), "a@0 Live, b@1 Quarantined".into()));
    let narrow = host.registries["narrow"].models();
    assert_eq!(narrow[1].state.to_string(), "Rejected", "it was tried again there");
}
