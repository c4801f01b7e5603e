//! The records, their encodings, and that the committed weights are what training gives.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use sandstream_models::wine::{self, BigForest};
use sandstream_wine::{FEATURES, Trained, fit, matrix, records, train_big_forest, train_forest, train_linear};

#[test]
fn the_records_are_the_red_wines() {
    assert_eq!(records().len(), 1599);
    assert_eq!(records()[0].features, [7.4, 0.7, 0.0, 1.9, 0.076, 11.0, 34.0, 0.9978, 3.51, 0.56, 9.4]);
    let of = |quality| records().iter().filter(|wine| wine.quality == quality).count();
    assert_eq!([3, 4, 5, 6, 7, 8].map(of), [10, 53, 681, 638, 199, 18]);
}

#[test]
fn json_holds_every_feature_by_name() {
    let json: serde_json::Value = serde_json::from_slice(&records()[7].to_json(7, 1_700_000_000_000)).unwrap();
    assert_eq!(json["id"], 7);
    assert_eq!(json["ts"], 1_700_000_000_000_i64);
    for (name, value) in FEATURES.iter().zip(records()[7].features) {
        assert_eq!(json[name].as_f64(), Some(value), "{name}");
    }
}

#[test]
fn protobuf_holds_doubles_1_to_11_and_the_data_type_in_12() {
    let bytes = records()[0].to_protobuf();
    // Citric acid, the third, is 0 and therefore absent.
    assert_eq!(bytes.len(), 10 * 9 + 6);
    assert_eq!(bytes[0], 1 << 3 | 1);
    assert_eq!(bytes[1..9], 7.4_f64.to_le_bytes());
    assert_eq!(bytes[18], 4 << 3 | 1);
    assert_eq!(&bytes[90..], b"\x62\x04wine");
}

#[test]
fn training_again_gives_the_committed_linear_weights() {
    assert_eq!(wine::linear().unwrap(), train_linear());
}

#[test]
fn the_linear_model_fits_as_least_squares_does() {
    // R2 of ordinary least squares on all records, from the literature on this data set: 0.3606.
    let fit = fit(&wine::linear().unwrap().score(&matrix()));
    assert!((fit.r2 - 0.3606).abs() < 1e-3, "{fit:?}");
}

/// Scores must be the trainer's predictions, up to the rounding of a sum of 32-bit numbers.
fn assert_predicts(scores: &[f32], trained: &Trained) {
    assert_eq!(scores.len(), records().len());
    for (row, (score, prediction)) in scores.iter().zip(&trained.predictions).enumerate() {
        assert!((f64::from(*score) - prediction).abs() < 1e-4, "row {row}: {score} against {prediction}");
    }
}

#[test]
fn training_again_gives_the_committed_forest_and_it_predicts_as_trained() {
    let trained = train_forest();
    let committed = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/../../plugins/weights/wine-forest.trees")).unwrap();
    assert!(trained.file == committed, "run `cargo run --release -p sandstream-wine --bin train`");
    let scores = wine::forest().unwrap().score(&matrix());
    assert_predicts(&scores, &trained);
    assert!(fit(&scores).r2 > 0.8, "{:?}", fit(&scores));
}

#[test]
fn the_big_forest_is_30_mb_and_predicts_as_trained() {
    let trained = train_big_forest();
    assert!((30_000_000..31_000_000).contains(&trained.file.len()), "{}", trained.file.len());
    assert_predicts(&BigForest::parse(trained.file.clone()).unwrap().score(&matrix()), &trained);
}
