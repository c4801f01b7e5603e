//! WASM models through the seam: what an honest one gives, and what is said of one that cannot be loaded.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod wasm_guest;

use sandstream::backend::Stage;
use sandstream::types::{Dtype, Scores, Tensor, TensorRef};
use wasm_guest::{Guest, later, load, rejected, score, session};

#[test]
fn an_honest_model_loads_and_scores() {
    let model = load(&Guest::default().component());
    let signature = model.signature();
    assert_eq!(signature.inputs[0].name, "x");
    assert_eq!(signature.inputs[0].fields, ["x"]);
    assert_eq!(
        (signature.outputs[0].name.as_str(), signature.outputs[0].dtype, signature.outputs[0].width),
        ("y", Dtype::Float64, 1)
    );
    let mut session = model.session(later(10_000)).unwrap();
    for rows in [1, 2, 256, 1024, 0] {
        let x: Vec<f64> = (0..rows).map(f64::from).collect();
        let y = score(&mut *session, &x, 10_000).unwrap();
        assert_eq!(y.outputs, [Tensor::Float64(x.iter().map(|x| x + 1.0).collect())], "{rows} rows");
    }
}

#[test]
fn some_of_the_rows_are_scored() {
    let mut session = session(&Guest::default());
    let mut y = Scores::default();
    session.score(1..3, &[TensorRef::Float64(&[9.0, 1.0, 2.0, 9.0])], later(10_000), &mut y).unwrap();
    assert_eq!(y.outputs, [Tensor::Float64(vec![2.0, 3.0])]);
}

#[test]
fn sessions_share_nothing() {
    let counter = Guest {
        fields: "(global $calls (mut f64) (f64.const 0))".to_owned(),
        ..Guest::before_score(
            "(f64.store (local.get $x) (global.get $calls)) (global.set $calls (f64.add (global.get $calls) (f64.const 1)))",
        )
    };
    let model = load(&counter.component());
    let (mut one, mut other) = (model.session(later(10_000)).unwrap(), model.session(later(10_000)).unwrap());
    let first = |y: Scores| match &y.outputs[..] {
        [Tensor::Float64(y)] => y[0],
        other => panic!("{other:?}"),
    };
    assert_eq!(first(score(&mut *one, &[0.0], 10_000).unwrap()), 1.0);
    assert_eq!(first(score(&mut *one, &[0.0], 10_000).unwrap()), 2.0);
    assert_eq!(first(score(&mut *other, &[0.0], 10_000).unwrap()), 1.0);
}

#[test]
fn what_is_no_component_is_told_apart() {
    let core = wat::parse_str("(module)").unwrap();
    let precompiled = b"\x7fELF".to_vec();
    for (bytes, words) in [(core, "core module"), (precompiled, "expected a WebAssembly component"), (Vec::new(), "its 0 bytes")]
    {
        let rejected = rejected(&bytes);
        assert_eq!(rejected.stage, Stage::Verify);
        assert!(rejected.reason.contains(words), "{}", rejected.reason);
    }
}
