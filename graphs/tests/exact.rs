//! Sigmoid and Erf keep their relative accuracy over all numbers.
#![cfg(feature = "onnx")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod build;

use build::{Nothing, float_input, model, node, output};
use prost::Message as _;
use sandstream_graphs::onnx::{self, Shapes};
use sandstream_graphs::{Answer, Bounds, Feed};

/// One operator over `values`.
fn run(operator: &str, values: &[f32]) -> Vec<f32> {
    let model = model(vec![node(operator, &["x"], &["y"])], vec![float_input("x", &[0, 1])], vec![output("y")], Vec::new());
    let graph = onnx::load(&model.encode_to_vec(), &Nothing, &Shapes::default(), &Bounds::default()).unwrap();
    let mut answers = Vec::new();
    graph.runner().unwrap().run(values.len(), &[Feed::F32(values)], &mut answers).unwrap();
    match answers.pop().unwrap() {
        Answer::F32(values) => values,
        other => unreachable!("{other:?}"),
    }
}

/// From far below to far above, dense, and the ends.
fn range(from: f32, to: f32) -> Vec<f32> {
    let steps = 40_000;
    let mut values: Vec<f32> = (0..=steps).map(|step| from + (to - from) * (step as f32 / steps as f32)).collect();
    values.extend([0.0, -0.0, 1e-30, -1e-30, 1e-6, -1e-6, f32::INFINITY, f32::NEG_INFINITY, 1e30, -1e30]);
    values
}

fn check(operator: &str, inputs: &[f32], expected: impl Fn(f64) -> f64) {
    let (mut worst, mut at) = (0.0, 0.0);
    for (x, got) in inputs.iter().zip(run(operator, inputs)) {
        let expected = expected(f64::from(*x));
        if expected.abs() < f64::from(f32::MIN_POSITIVE) {
            assert!(f64::from(got).abs() <= f64::from(f32::MIN_POSITIVE), "{operator}({x}) is {got}, expected {expected}");
            continue;
        }
        let error = ((f64::from(got) - expected) / expected).abs();
        if error > worst {
            (worst, at) = (error, *x);
        }
    }
    println!("{operator}: relative error at most {worst:e}, at {at}");
    assert!(worst <= 1e-6, "{operator}({at}): relative error {worst:e}");
    assert!(run(operator, &[f32::NAN])[0].is_nan(), "{operator} of NaN");
}

#[test]
fn sigmoid_keeps_its_digits_in_both_tails() {
    check("Sigmoid", &range(-87.0, 100.0), |x| 1.0 / (1.0 + (-x).exp()));
}

#[test]
fn tanh_keeps_its_digits() {
    check("Tanh", &range(-20.0, 20.0), f64::tanh);
}

/// By its series, in f64; for larger arguments nothing but one is left in f32.
#[test]
fn erf_keeps_its_digits_next_to_zero() {
    let erf = |x: f64| {
        if x.abs() > 4.2 {
            return x.signum();
        }
        let (mut term, mut sum) = (x, x);
        for n in 1..120 {
            let n = f64::from(n);
            term *= -x * x / n;
            sum += term / (2.0 * n + 1.0);
        }
        sum * std::f64::consts::FRAC_2_SQRT_PI
    };
    check("Erf", &range(-6.0, 6.0), erf);
}
