//! The models that are measured, and the rows that they are given.

use sandstream::types::{Dtype, Input, Kind, Signature};

/// What its input is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    /// Floats, one field each.
    Floats,
    /// Integers below so many, one field each.
    Integers(u32),
    /// Floats, all in one field of bytes: an image.
    RawFloats,
    /// 32-bit integers below 256, all in one field of bytes: the beginning of a file.
    RawIntegers,
}

/// A model.
pub(super) struct Model {
    pub(super) name: &'static str,
    /// Name of its input.
    pub(super) input: &'static str,
    /// Values of one row.
    pub(super) width: usize,
    pub(super) content: Content,
    /// Rows of a call. A row of magika takes some 30 ms on either engine, so that 1,024 of them would take half a minute a call.
    pub(super) batches: &'static [usize],
}

/// All of them.
pub(super) const MODELS: &[Model] = &[
    Model { name: "mlp", input: "x", width: 11, content: Content::Floats, batches: &[1, 64, 1024] },
    Model { name: "cnn", input: "x", width: 784, content: Content::RawFloats, batches: &[1, 64, 1024] },
    Model { name: "transformer", input: "x", width: 32, content: Content::Integers(1000), batches: &[1, 64, 1024] },
    Model { name: "magika", input: "bytes", width: 2048, content: Content::RawIntegers, batches: &[1, 64] },
];

impl Model {
    /// Value `at` of a long row of them: anything will do, the same in every run.
    pub(super) fn value(&self, at: usize) -> u32 {
        let mixed = (at as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33;
        let below = match self.content {
            Content::Floats | Content::RawFloats => 1000,
            Content::Integers(below) => below,
            Content::RawIntegers => 256,
        };
        (mixed % u64::from(below)) as u32
    }

    /// The same as a float between -1 and 1.
    pub(super) fn float(&self, at: usize) -> f32 {
        self.value(at) as f32 / 500.0 - 1.0
    }

    /// Whether a row is one field of bytes.
    pub(super) fn is_raw(&self) -> bool {
        matches!(self.content, Content::RawFloats | Content::RawIntegers)
    }

    /// The fields of its data type, all of which it takes.
    pub(super) fn fields(&self) -> Vec<(String, Kind)> {
        match self.content {
            Content::Floats => (0..self.width).map(|at| (format!("f{at}"), Kind::Number)).collect(),
            Content::Integers(_) => (0..self.width).map(|at| (format!("f{at}"), Kind::Integer)).collect(),
            Content::RawFloats | Content::RawIntegers => vec![("raw".to_owned(), Kind::Bytes)],
        }
    }

    /// What its descriptor would say of it.
    pub(super) fn signature(&self) -> Signature {
        let dtype = match self.content {
            Content::Floats => Dtype::Float32,
            Content::Integers(_) => Dtype::Int64,
            Content::RawFloats | Content::RawIntegers => Dtype::Bytes,
        };
        let fields = self.fields().into_iter().map(|(name, _)| name).collect();
        let input = Input { name: self.input.to_owned(), dtype, fields, dims: Vec::new() };
        Signature { inputs: vec![input], outputs: Vec::new() }
    }
}
