//! The models of wine quality, as trained by `cargo run --release -p sandstream-wine --bin train`.

use crate::{Forest, Linear, NotAForest, WrongSize};

/// The columns of the models' input, in order.
pub const FEATURES: [&str; 11] = [
    "fixed acidity",
    "volatile acidity",
    "citric acid",
    "residual sugar",
    "chlorides",
    "free sulfur dioxide",
    "total sulfur dioxide",
    "density",
    "pH",
    "sulphates",
    "alcohol",
];

/// The linear model.
///
/// # Errors
/// The committed weights are damaged.
pub fn linear() -> Result<Linear<11>, WrongSize> {
    Linear::parse(include_bytes!("../../weights/wine-linear.f32"))
}

/// 100 boosted trees of depth 6.
pub type WineForest = Forest<64>;

/// Trees of depth 14, of which some hundred make 30 MB.
pub type BigForest = Forest<16384>;

/// The boosted forest.
///
/// # Errors
/// The committed trees are damaged.
pub fn forest() -> Result<WineForest, NotAForest> {
    Forest::parse(include_bytes!("../../weights/wine-forest.trees").as_slice())
}
