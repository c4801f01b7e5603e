//! Numbers to a common scale.

/// What a spread of nothing is taken for, as scikit-learn does: a column that is always the same becomes 0, not NaN.
const fn spread(value: f64) -> f64 {
    if value == 0.0 { 1.0 } else { value }
}

/// `(x - mean) / deviation`: scikit-learn's `StandardScaler`, whose `mean_` and `scale_` are the two numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Standard {
    mean: f64,
    deviation: f64,
}

impl Standard {
    /// For values with this mean and standard deviation; a deviation of 0 is taken for 1.
    #[must_use]
    pub const fn new(mean: f64, deviation: f64) -> Self {
        Self { mean, deviation: spread(deviation) }
    }

    /// The scaled value. NaN stays NaN.
    #[inline]
    #[must_use]
    pub fn apply(self, value: impl Into<f64>) -> f64 {
        (value.into() - self.mean) / self.deviation
    }
}

/// From `min..=max` to `0..=1`: scikit-learn's `MinMaxScaler`, whose `data_min_` and `data_max_` are the two numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MinMax {
    min: f64,
    scale: f64,
}

impl MinMax {
    /// For values from `min` to `max`; where they are the same, the distance is taken for 1.
    #[must_use]
    pub const fn new(min: f64, max: f64) -> Self {
        Self { min, scale: 1.0 / spread(max - min) }
    }

    /// The scaled value. What lies outside of the range goes outside of 0 to 1. NaN stays NaN.
    // In the order of scikit-learn, which multiplies and then shifts, for the same rounding.
    #[inline]
    #[must_use]
    pub fn apply(self, value: impl Into<f64>) -> f64 {
        value.into() * self.scale - self.min * self.scale
    }

    /// The scaled value, cut to 0 to 1, as with `clip=True`. NaN stays NaN.
    #[inline]
    #[must_use]
    pub fn clipped(self, value: impl Into<f64>) -> f64 {
        self.apply(value).clamp(0.0, 1.0)
    }
}

/// Divides a vector by its Euclidean length: scikit-learn's `norm="l2"`. A vector of zeros stays as it is.
pub fn unit_length(vector: &mut [f64]) {
    let length = vector.iter().map(|value| value * value).sum::<f64>().sqrt();
    if length > 0.0 {
        for value in vector {
            *value /= length;
        }
    }
}
