//! What a call gives back.

use crate::bindings::sandstream::model::types as wit;

/// The outputs of one call, in the signature's order, and the rows that could not be scored.
pub struct Scores(wit::Scores);

impl Scores {
    /// No outputs yet.
    #[must_use]
    pub fn new() -> Self {
        Self(wit::Scores { outputs: Vec::new(), rejected: Vec::new() })
    }

    /// The next output, as 32-bit floats: rows x width values, row-major. NaN is missing.
    #[inline]
    #[must_use]
    pub fn float32(self, values: Vec<f32>) -> Self {
        self.with(wit::Tensor::Float32(values))
    }

    /// The next output, as 64-bit floats: rows x width values, row-major. NaN is missing.
    #[inline]
    #[must_use]
    pub fn float64(self, values: Vec<f64>) -> Self {
        self.with(wit::Tensor::Float64(values))
    }

    /// The next output, as 64-bit integers: rows x width values, row-major.
    #[inline]
    #[must_use]
    pub fn int64(self, values: Vec<i64>) -> Self {
        self.with(wit::Tensor::Int64(values))
    }

    /// The next output, as texts: rows x width values, row-major.
    #[must_use]
    pub fn text(self, values: Packed) -> Self {
        self.with(wit::Tensor::Text(values.0))
    }

    /// The next output, as byte strings: rows x width values, row-major.
    #[must_use]
    pub fn bytes(self, values: Packed) -> Self {
        self.with(wit::Tensor::Bytes(values.0))
    }

    /// Will not score this row, counted from 0 in the call; the record goes to the dead letters with the reason. The outputs
    /// must have a value for it all the same, which is ignored.
    pub fn reject(&mut self, row: usize, reason: impl Into<String>) {
        self.0.rejected.push(wit::Rejection { row: row as u32, reason: reason.into() });
    }

    #[inline]
    fn with(mut self, tensor: wit::Tensor) -> Self {
        self.0.outputs.push(tensor);
        self
    }

    pub(crate) fn into_wit(self) -> wit::Scores {
        self.0
    }
}

impl Default for Scores {
    fn default() -> Self {
        Self::new()
    }
}

/// Texts or byte strings, written one after the other.
pub struct Packed(wit::Packed);

impl Packed {
    /// No values yet.
    #[must_use]
    pub fn new() -> Self {
        Self(wit::Packed { data: Vec::new(), ends: Vec::new(), missing: Vec::new() })
    }

    /// Adds a value; `None` is missing. Values of a text output must be UTF-8.
    pub fn push(&mut self, value: Option<&[u8]>) {
        match value {
            Some(value) => self.0.data.extend_from_slice(value),
            None => self.0.missing.push(self.0.ends.len() as u32),
        }
        self.0.ends.push(self.0.data.len() as u32);
    }

    pub(crate) fn into_wit(self) -> wit::Packed {
        self.0
    }
}

impl Default for Packed {
    fn default() -> Self {
        Self::new()
    }
}
