//! What goes into a graph and comes out: element types, dimensions, values.

use std::fmt;

/// Element type of a port, as the graph has it. [`Feed`] and [`Answer`] are wider: what is in between is converted here, and a value
/// that does not fit is an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Element {
    /// 16-bit float; fed and answered as `F32`.
    F16,
    /// 32-bit float.
    F32,
    /// 64-bit float.
    F64,
    /// Truth values; fed and answered as `I64`, 0 or 1.
    Bool,
    /// Integers that are fed and answered as `I64`.
    I8,
    /// See `I8`.
    I16,
    /// See `I8`.
    I32,
    /// 64-bit integer.
    I64,
    /// See `I8`.
    U8,
    /// See `I8`.
    U16,
    /// See `I8`.
    U32,
    /// See `I8`; more than an `I64` holds is an error.
    U64,
    /// UTF-8 text.
    Text,
}

/// One dimension of a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dim {
    /// The number of rows; the first dimension of every port.
    Rows,
    /// So many.
    Fixed(usize),
    /// Known after a run only; outputs alone may have it.
    Varies,
}

/// An input or output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Port {
    /// Name in the graph.
    pub name: String,
    /// Element type in the graph.
    pub element: Element,
    /// Dimensions; the first is [`Dim::Rows`].
    pub dims: Vec<Dim>,
}

impl Port {
    /// Values per row; `None` where that varies.
    #[must_use]
    pub fn width(&self) -> Option<usize> {
        self.dims.iter().skip(1).try_fold(1usize, |product, dim| match dim {
            Dim::Fixed(size) => product.checked_mul(*size),
            Dim::Rows | Dim::Varies => None,
        })
    }
}

/// Texts: value i is `data[ends[i-1]..ends[i]]`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Strings {
    /// All values, one after the other.
    pub data: Vec<u8>,
    /// End of each value.
    pub ends: Vec<u32>,
}

/// Borrowed values for an input, row-major.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Feed<'a> {
    /// For `F16` and `F32`.
    F32(&'a [f32]),
    /// For `F64`.
    F64(&'a [f64]),
    /// For `Bool` and all integers.
    I64(&'a [i64]),
    /// For `Text`, one text a value; for any other element one value a row: its values as they lie in memory, little-endian.
    Strings {
        /// All values, one after the other.
        data: &'a [u8],
        /// End of each value.
        ends: &'a [u32],
    },
}

/// Values of an output, row-major.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// From `F16` and `F32`.
    F32(Vec<f32>),
    /// From `F64`.
    F64(Vec<f64>),
    /// From `Bool` and all integers.
    I64(Vec<i64>),
    /// From `Text`.
    Strings(Strings),
}

/// How much a model may ask for before it is refused. All are checked before memory is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bounds {
    /// Nodes, functions' and subgraphs' included.
    pub nodes: usize,
    /// Subgraphs and functions within each other.
    pub depth: usize,
    /// Values of one tensor, constants and whatever a node makes of one row.
    pub elements: usize,
    /// Bytes of all weights, unpacked.
    pub weights: u64,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { nodes: 100_000, depth: 16, elements: 1 << 28, weights: 2 << 30 }
    }
}

impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::F16 => "float16",
            Self::F32 => "float32",
            Self::F64 => "float64",
            Self::Bool => "bool",
            Self::I8 => "int8",
            Self::I16 => "int16",
            Self::I32 => "int32",
            Self::I64 => "int64",
            Self::U8 => "uint8",
            Self::U16 => "uint16",
            Self::U32 => "uint32",
            Self::U64 => "uint64",
            Self::Text => "text",
        })
    }
}
