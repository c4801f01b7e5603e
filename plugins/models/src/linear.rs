//! Linear regression over `N` columns.

/// `intercept + weights · row`, in 32-bit arithmetic and in the order of the columns, so that every build gives the same bits.
#[derive(Debug, Clone, PartialEq)]
pub struct Linear<const N: usize> {
    /// One per column.
    pub weights: [f32; N],
    /// Added to every score.
    pub intercept: f32,
}

/// The file does not hold a model of this size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrongSize {
    expected: usize,
    came: usize,
}

impl std::error::Error for WrongSize {}

impl std::fmt::Display for WrongSize {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "linear weights: {} bytes were expected, {} came", self.expected, self.came)
    }
}

impl<const N: usize> Linear<N> {
    /// Reads the intercept and the weights, as little-endian 32-bit floats.
    ///
    /// # Errors
    /// `file` is not `4 * (N + 1)` bytes.
    pub fn parse(file: &[u8]) -> Result<Self, WrongSize> {
        let wrong = || WrongSize { expected: 4 * (N + 1), came: file.len() };
        let ([intercept, weights @ ..], []) = file.as_chunks::<4>() else { return Err(wrong()) };
        let weights: &[[u8; 4]; N] = weights.try_into().map_err(|_| wrong())?;
        Ok(Self { weights: weights.map(f32::from_le_bytes), intercept: f32::from_le_bytes(*intercept) })
    }

    /// What [`parse`](Self::parse) reads.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        [self.intercept].iter().chain(&self.weights).flat_map(|value| value.to_le_bytes()).collect()
    }

    /// Scores rows of `N` values, which lie one after the other. A missing value (NaN) makes the score missing.
    // Every host runs SIMD, and rows side by side are twice as quick with it.
    #[must_use]
    #[cfg_attr(target_arch = "wasm32", target_feature(enable = "simd128"))]
    pub fn score(&self, rows: &[f32]) -> Vec<f32> {
        rows.as_chunks::<N>().0.iter().map(|row| self.one(row)).collect()
    }

    /// Scores one row.
    #[inline]
    #[must_use]
    pub fn one(&self, row: &[f32; N]) -> f32 {
        row.iter().zip(&self.weights).fold(self.intercept, |sum, (value, weight)| sum + value * weight)
    }
}
