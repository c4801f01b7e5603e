//! The native backend through the seam: what the lane and simulation tests build on.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use sandstream::backend::native::Native;
use sandstream::backend::{Backend, Backends, Fault, Model, Payload, Rejected, Stage};
use sandstream::types::proto::model_descriptor::ModelType;
use sandstream::types::{Digest, Dtype, Limits, Output, Scores, Signature, Tensor, TensorRef};

fn load(native: &Native, text: &str) -> Result<Arc<dyn Model>, Rejected> {
    let what = Payload {
        kind: ModelType::Wasm,
        digest: Digest::of(text.as_bytes()),
        data: text.as_bytes().into(),
        config: [].into(),
        artifacts: [].into(),
        signature: None,
        label: "wine/test@1".into(),
    };
    native.load(&what, &Limits::default())
}

fn until() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

/// Scores `x` with a fresh session of the fake scorer `text`.
fn score(text: &str, x: &[f64]) -> Result<Scores, Fault> {
    let mut session = load(&Native::new(), text).expect("loads").session(until())?;
    let mut y = Scores::default();
    session.score(0..x.len() as u32, &[TensorRef::Float64(x)], until(), &mut y)?;
    Ok(y)
}

#[test]
fn a_fake_adds_its_number() {
    let y = score("fake:0.5", &[1.0, 2.0]).unwrap();
    assert_eq!(y.outputs, [Tensor::Float64(vec![1.5, 2.5])]);
    assert!(y.rejected.is_empty());
}

#[test]
fn a_fake_faults_on_its_trigger_only() {
    type Check = fn(&Fault) -> bool;
    let cases: [(&str, Check); 4] = [
        ("trap-on:666", |fault| matches!(fault, Fault::Trap(_))),
        ("late-on:666", |fault| matches!(fault, Fault::Late)),
        ("refuse-on:666", |fault| matches!(fault, Fault::Refused(_))),
        (
            "shape-on:666",
            |fault| matches!(fault, Fault::Shape(why) if why.contains("expected 2 values") && why.contains("got 1")),
        ),
    ];
    for (word, check) in cases {
        let text = format!("fake:1 {word}");
        assert!(score(&text, &[1.0, 2.0]).is_ok(), "{text}");
        let fault = score(&text, &[1.0, 666.0]).expect_err(&text);
        assert!(check(&fault), "{text}: {fault:?}");
    }
}

#[test]
fn a_rejected_row_leaves_the_others() {
    let y = score("fake:1 reject-on:666", &[1.0, 666.0, 3.0]).unwrap();
    assert_eq!(y.rejected.iter().map(|rejection| rejection.row).collect::<Vec<_>>(), [1]);
    assert!(matches!(&y.outputs[..], [Tensor::Float64(y)] if y[0] == 2.0 && y[2] == 4.0));
}

#[test]
fn part_of_the_rows_is_scored() {
    let mut session = load(&Native::new(), "fake:10 fields=a,b").unwrap().session(until()).unwrap();
    let mut y = Scores::default();
    session.score(1..3, &[TensorRef::Float64(&[9.0, 9.0, 1.0, 2.0, 3.0, 4.0, 9.0, 9.0])], until(), &mut y).unwrap();
    assert_eq!(y.outputs, [Tensor::Float64(vec![13.0, 17.0])]);
}

#[test]
fn after_a_trap_the_session_is_beyond_use() {
    let mut session = load(&Native::new(), "fake:1 trap-on:666").unwrap().session(until()).unwrap();
    let mut y = Scores::default();
    assert!(session.score(0..1, &[TensorRef::Float64(&[666.0])], until(), &mut y).is_err());
    let again = session.score(0..1, &[TensorRef::Float64(&[1.0])], until(), &mut y);
    assert!(matches!(again, Err(Fault::Trap(why)) if why.contains("beyond use")));
}

#[test]
fn what_cannot_be_loaded_says_why() {
    let cases = [
        ("unheard-of", Stage::Verify, "name of a native scorer"),
        ("fake:one", Stage::Verify, "expected a number, got `one`"),
        ("fake:1 dance", Stage::Verify, "does not know the word `dance`"),
        ("fake:1 reject-load", Stage::Warm, "told to reject"),
    ];
    for (text, stage, words) in cases {
        let rejected = load(&Native::new(), text).err().expect(text);
        assert_eq!(rejected.stage, stage, "{text}");
        assert!(rejected.reason.contains(words), "{text}: {}", rejected.reason);
    }
}

#[test]
fn a_wrong_input_is_a_fault_not_a_panic() {
    let mut session = load(&Native::new(), "fake:1").unwrap().session(until()).unwrap();
    let mut y = Scores::default();
    let cases: [&[TensorRef<'_>]; 3] = [&[], &[TensorRef::Float32(&[1.0])], &[TensorRef::Float64(&[])]];
    for x in cases {
        assert!(matches!(session.score(0..1, x, until(), &mut y), Err(Fault::Shape(_))), "{x:?}");
    }
}

#[test]
fn a_registered_scorer_runs_and_its_panic_is_a_trap() {
    let mut signature = load(&Native::new(), "fake:0").unwrap().signature().clone();
    signature.outputs = vec![Output { name: "nan".to_owned(), dtype: Dtype::Float32, width: 1 }];
    let odd_nan = f32::from_bits(0xffc0_1234);
    let native = Native::new().register("odd", signature, move |_| {
        Ok(move |rows: u32, x: &[TensorRef<'_>], y: &mut Scores| {
            assert!(matches!(x, [TensorRef::Float64(x)] if x[0] != 666.0), "the trigger came");
            y.outputs.push(Tensor::Float32(vec![odd_nan; rows as usize]));
            Ok(())
        })
    });
    let mut session = load(&native, "odd").unwrap().session(until()).unwrap();
    let mut y = Scores::default();
    session.score(0..1, &[TensorRef::Float64(&[1.0])], until(), &mut y).unwrap();
    let Some(Tensor::Float32(values)) = y.outputs.first() else { panic!("{y:?}") };
    assert_eq!(values[0].to_bits(), f32::NAN.to_bits(), "NaNs are canonical");
    let fault = session.score(0..1, &[TensorRef::Float64(&[666.0])], until(), &mut y);
    assert!(matches!(fault, Err(Fault::Trap(why)) if why.contains("the trigger came")));
}

#[test]
fn a_senseless_signature_is_rejected() {
    let good = load(&Native::new(), "fake:0").unwrap().signature().clone();
    let mut cases: Vec<(Signature, &str)> = Vec::new();
    let mut case = |change: fn(&mut Signature), words| {
        let mut signature = good.clone();
        change(&mut signature);
        cases.push((signature, words));
    };
    case(|s| s.inputs.clear(), "0 inputs");
    case(|s| s.outputs.clear(), "0 outputs");
    case(|s| s.outputs[0].width = 0, "`y` has no columns");
    case(|s| s.outputs[0].name.clear(), "a name of 0 bytes");
    case(|s| s.outputs.push(s.outputs[0].clone()), "`y` is there twice");
    case(|s| s.outputs[0].width = u32::MAX, "columns in total");
    case(|s| s.inputs[0].fields.clear(), "`x` has no columns");
    for (signature, words) in cases {
        let native =
            Native::new().register("s", signature, |_| Ok(|_: u32, _: &[TensorRef<'_>], _: &mut Scores| Ok::<(), Fault>(())));
        let rejected = load(&native, "s").err().expect(words);
        assert!(rejected.reason.contains(words), "{words}: {}", rejected.reason);
    }
}

#[test]
fn a_kind_without_a_backend_is_rejected_by_name() {
    let backends = Backends::new().with(ModelType::Wasm, Arc::new(Native::new()));
    let mut what = Payload {
        kind: ModelType::Wasm,
        digest: Digest::of(b"fake:1"),
        data: b"fake:1"[..].into(),
        config: [].into(),
        artifacts: [].into(),
        signature: None,
        label: "wine/test@1".into(),
    };
    assert!(backends.load(&what, &Limits::default()).is_ok());
    what.kind = ModelType::Pmml;
    let rejected = backends.load(&what, &Limits::default()).err().unwrap();
    assert_eq!(rejected.reason, "models of type PMML are not built yet; this host runs WASM");
}
