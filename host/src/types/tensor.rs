//! Matrices that cross into a model and back. All are row-major.

use std::ops::Range;

/// Variable-length values of a matrix: value i is `data[ends[i-1]..ends[i]]`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Packed {
    /// All values, one after the other.
    pub data: Vec<u8>,
    /// End of each value in `data`; rows x width entries, ascending, the last is `data.len()`.
    pub ends: Vec<u32>,
    /// Values that are absent, ascending.
    pub missing: Vec<u32>,
}

/// A borrowed [`Packed`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PackedRef<'a> {
    /// All values, one after the other.
    pub data: &'a [u8],
    /// End of each value in `data`.
    pub ends: &'a [u32],
    /// Values that are absent, ascending.
    pub missing: &'a [u32],
}

/// A borrowed matrix `[rows, width]`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum TensorRef<'a> {
    /// 32-bit floats.
    Float32(&'a [f32]),
    /// 64-bit floats.
    Float64(&'a [f64]),
    /// 64-bit integers.
    Int64(&'a [i64]),
    /// Texts.
    Text(PackedRef<'a>),
    /// Byte strings.
    Bytes(PackedRef<'a>),
}

/// An owned matrix `[rows, width]`.
#[derive(Debug, Clone, PartialEq)]
pub enum Tensor {
    /// 32-bit floats.
    Float32(Vec<f32>),
    /// 64-bit floats.
    Float64(Vec<f64>),
    /// 64-bit integers.
    Int64(Vec<i64>),
    /// Texts.
    Text(Packed),
    /// Byte strings.
    Bytes(Packed),
}

/// A row that the model refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// Index into the rows of the call.
    pub row: u32,
    /// The model's own words.
    pub reason: String,
}

/// What a call of `score` gave: checked against the signature by the backend, so that whoever reads it may index.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Scores {
    /// One tensor per output of the signature, each of rows x width values.
    pub outputs: Vec<Tensor>,
    /// Rows the model refused, each at most once, ascending.
    pub rejected: Vec<Rejection>,
}

impl Scores {
    /// Forgets the last call's values and keeps what can be kept of their memory.
    pub fn clear(&mut self) {
        self.outputs.clear();
        self.rejected.clear();
    }
}

impl Packed {
    /// Borrows it.
    #[must_use]
    pub fn view(&self) -> PackedRef<'_> {
        PackedRef { data: &self.data, ends: &self.ends, missing: &self.missing }
    }

    /// Adds a value; `None` is missing.
    pub fn push(&mut self, value: Option<&[u8]>) {
        match value {
            Some(value) => self.data.extend_from_slice(value),
            None => self.missing.push(self.ends.len() as u32),
        }
        self.ends.push(self.data.len() as u32);
    }

    /// Forgets all values, keeps the memory.
    pub fn clear(&mut self) {
        self.data.clear();
        self.ends.clear();
        self.missing.clear();
    }
}

impl<'a> PackedRef<'a> {
    /// Value `i`, or `None` where it is missing.
    #[must_use]
    pub fn get(&self, i: usize) -> Option<&'a [u8]> {
        if self.missing.binary_search(&(i as u32)).is_ok() {
            return None;
        }
        let start = if i == 0 { 0 } else { self.ends[i - 1] as usize };
        Some(&self.data[start..self.ends[i] as usize])
    }
}

impl Tensor {
    /// Borrows it.
    #[must_use]
    pub fn view(&self) -> TensorRef<'_> {
        match self {
            Self::Float32(values) => TensorRef::Float32(values),
            Self::Float64(values) => TensorRef::Float64(values),
            Self::Int64(values) => TensorRef::Int64(values),
            Self::Text(values) => TensorRef::Text(values.view()),
            Self::Bytes(values) => TensorRef::Bytes(values.view()),
        }
    }
}

impl TensorRef<'_> {
    /// Number of values.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Float32(values) => values.len(),
            Self::Float64(values) => values.len(),
            Self::Int64(values) => values.len(),
            Self::Text(values) | Self::Bytes(values) => values.ends.len(),
        }
    }

    /// Whether there is no value.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Some rows of a matrix. Floats and integers are a slice of it; packed values are rebased into the view's own memory, which is
/// kept from call to call.
#[derive(Debug, Default)]
pub struct RowView {
    ends: Vec<u32>,
    missing: Vec<u32>,
}

impl RowView {
    /// Rows `rows` of `whole`, which has `width` values per row.
    pub fn rows<'a>(&'a mut self, whole: TensorRef<'a>, rows: Range<u32>, width: usize) -> TensorRef<'a> {
        let values = rows.start as usize * width..rows.end as usize * width;
        match whole {
            TensorRef::Float32(all) => TensorRef::Float32(&all[values]),
            TensorRef::Float64(all) => TensorRef::Float64(&all[values]),
            TensorRef::Int64(all) => TensorRef::Int64(&all[values]),
            TensorRef::Text(all) => TensorRef::Text(self.packed(all, values)),
            TensorRef::Bytes(all) => TensorRef::Bytes(self.packed(all, values)),
        }
    }

    fn packed<'a>(&'a mut self, all: PackedRef<'a>, values: Range<usize>) -> PackedRef<'a> {
        if values.len() == all.ends.len() {
            return all;
        }
        let base = if values.start == 0 { 0 } else { all.ends[values.start - 1] };
        let first = values.start as u32;
        self.ends.clear();
        self.ends.extend(all.ends[values.clone()].iter().map(|end| end - base));
        self.missing.clear();
        self.missing.extend(all.missing.iter().filter(|i| values.contains(&(**i as usize))).map(|i| i - first));
        let length = self.ends.last().copied().unwrap_or(0) as usize;
        PackedRef { data: &all.data[base as usize..base as usize + length], ends: &self.ends, missing: &self.missing }
    }
}
