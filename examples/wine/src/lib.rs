//! The 1,599 red wines of the UCI wine-quality records (P. Cortez et al., 2009, CC BY 4.0), as the crate linfa-datasets carries
//! them; how they look as JSON and Protobuf records; and the training of the example models.

mod encode;
mod forest;
mod linear;
mod trees;

use std::sync::LazyLock;

pub use forest::{Trained, train_big_forest, train_forest};
pub use linear::train_linear;
pub use sandstream_models::wine::FEATURES;

/// One wine.
#[derive(Debug, Clone, PartialEq)]
pub struct Wine {
    /// In the order of [`FEATURES`].
    pub features: [f64; 11],
    /// As the tasters judged it: 3 to 8.
    pub quality: u8,
}

static RECORDS: LazyLock<Vec<Wine>> = LazyLock::new(|| {
    let data = linfa_datasets::winequality();
    let rows = data.records.outer_iter().zip(&data.targets);
    rows.map(|(row, &quality)| Wine { features: std::array::from_fn(|column| row[column]), quality: quality as u8 }).collect()
});

/// All records, in the data set's order.
#[must_use]
pub fn records() -> &'static [Wine] {
    &RECORDS
}

/// The features of all records as the models take them: `[rows, 11]`, row-major, rounded to 32 bits.
#[must_use]
pub fn matrix() -> Vec<f32> {
    records().iter().flat_map(|wine| wine.features.map(|value| value as f32)).collect()
}

/// How well predictions fit the records' qualities.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fit {
    /// Share of the variance explained.
    pub r2: f64,
    /// Root of the mean squared error, in quality points.
    pub rmse: f64,
}

/// Compares one prediction per record with the records.
#[must_use]
pub fn fit(predictions: &[f32]) -> Fit {
    let count = records().len() as f64;
    let mean = records().iter().map(|wine| f64::from(wine.quality)).sum::<f64>() / count;
    let total: f64 = records().iter().map(|wine| (f64::from(wine.quality) - mean).powi(2)).sum();
    let left: f64 = records().iter().zip(predictions).map(|(wine, y)| (f64::from(wine.quality) - f64::from(*y)).powi(2)).sum();
    Fit { r2: 1.0 - left / total, rmse: (left / count).sqrt() }
}
