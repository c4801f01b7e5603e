//! The committed guests through the seam: what a module gives is what its code gives natively, to the bit.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod wasm_guest;

use sandstream::backend::Session;
use sandstream::types::{Packed, Scores, Tensor, TensorRef};
use sandstream_models::wine;
use wasm_guest::{later, load};

fn prebuilt(name: &str) -> Vec<u8> {
    let path = format!("{}/../plugins/prebuilt/{name}.wasm", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(&path).unwrap_or_else(|e| panic!("{path}: {e}; `cargo xtask guests build` makes it"))
}

fn session(name: &str) -> Box<dyn Session> {
    load(&prebuilt(name)).session(later(10_000)).unwrap()
}

/// Scores the matrix in calls of `batch` rows.
fn scores(session: &mut dyn Session, matrix: &[f32], batch: u32) -> Vec<f32> {
    let rows = (matrix.len() / wine::FEATURES.len()) as u32;
    let mut all = Vec::new();
    let mut y = Scores::default();
    for start in (0..rows).step_by(batch as usize) {
        session.score(start..rows.min(start + batch), &[TensorRef::Float32(matrix)], later(10_000), &mut y).unwrap();
        let [Tensor::Float32(values)] = &y.outputs[..] else { panic!("{:?}", y.outputs) };
        all.extend_from_slice(values);
    }
    all
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

#[test]
fn the_linear_model_gives_the_bits_of_its_code() {
    let matrix = sandstream_wine::matrix();
    let native = wine::linear().unwrap().score(&matrix);
    for batch in [1, 64, 1000, 4096] {
        assert_eq!(bits(&scores(&mut *session("wine-linear"), &matrix, batch)), bits(&native), "batch {batch}");
    }
}

#[test]
fn a_missing_feature_is_a_missing_score() {
    let mut matrix = sandstream_wine::matrix()[..2 * wine::FEATURES.len()].to_vec();
    matrix[3] = f32::NAN;
    let y = scores(&mut *session("wine-linear"), &matrix, 2);
    assert!(y[0].is_nan() && !y[1].is_nan(), "{y:?}");
}

#[test]
fn raw_records_are_measured() {
    let mut values = Packed::default();
    for value in [Some(&b"abc"[..]), Some(b""), None, Some(&[0xff; 1000])] {
        values.push(value);
    }
    let mut y = Scores::default();
    session("bytes-length").score(0..4, &[TensorRef::Bytes(values.view())], later(10_000), &mut y).unwrap();
    assert_eq!(y.outputs, [Tensor::Int64(vec![3, 0, 0, 1000])]);
    assert_eq!(y.rejected.iter().map(|rejection| rejection.row).collect::<Vec<_>>(), [2]);

    session("bytes-length").score(1..4, &[TensorRef::Bytes(values.view())], later(10_000), &mut y).unwrap();
    assert_eq!(y.outputs, [Tensor::Int64(vec![0, 0, 1000])]);
    assert_eq!(y.rejected.iter().map(|rejection| rejection.row).collect::<Vec<_>>(), [1]);
}
