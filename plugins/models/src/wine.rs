//! The models of wine quality, as trained by `cargo run --release -p sandstream-wine --bin train`.

use crate::{Linear, WrongSize};

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
