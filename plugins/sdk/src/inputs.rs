//! The matrices of one call, typed.

use crate::Error;
use crate::bindings::sandstream::model::types as wit;

/// The rows to score: one matrix per input of the signature, in its order.
pub struct Inputs<'a> {
    rows: usize,
    tensors: &'a [wit::Tensor],
    declared: &'a [wit::Input],
}

impl<'a> Inputs<'a> {
    pub(crate) fn new(rows: u32, tensors: &'a [wit::Tensor], declared: &'a [wit::Input]) -> Self {
        Self { rows: rows as usize, tensors, declared }
    }

    /// Number of rows to score. Every output must have as many.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Input `index` as 32-bit floats.
    ///
    /// # Errors
    /// There is no such input, or it is of another type.
    pub fn float32(&self, index: usize) -> Result<Matrix<'a, f32>, Error> {
        match self.tensor(index)? {
            wit::Tensor::Float32(values) => self.matrix(index, values),
            other => Err(self.mismatch(index, "float32", other)),
        }
    }

    /// Input `index` as 64-bit floats.
    ///
    /// # Errors
    /// There is no such input, or it is of another type.
    pub fn float64(&self, index: usize) -> Result<Matrix<'a, f64>, Error> {
        match self.tensor(index)? {
            wit::Tensor::Float64(values) => self.matrix(index, values),
            other => Err(self.mismatch(index, "float64", other)),
        }
    }

    /// Input `index` as 64-bit integers.
    ///
    /// # Errors
    /// There is no such input, or it is of another type.
    pub fn int64(&self, index: usize) -> Result<Matrix<'a, i64>, Error> {
        match self.tensor(index)? {
            wit::Tensor::Int64(values) => self.matrix(index, values),
            other => Err(self.mismatch(index, "int64", other)),
        }
    }

    /// Input `index` as texts. The host has checked that they are UTF-8; [`PackedMatrix::text`] gives them as `str`.
    ///
    /// # Errors
    /// There is no such input, or it is of another type.
    pub fn text(&self, index: usize) -> Result<PackedMatrix<'a>, Error> {
        match self.tensor(index)? {
            wit::Tensor::Text(values) => self.packed(index, values),
            other => Err(self.mismatch(index, "text", other)),
        }
    }

    /// Input `index` as byte strings.
    ///
    /// # Errors
    /// There is no such input, or it is of another type.
    pub fn bytes(&self, index: usize) -> Result<PackedMatrix<'a>, Error> {
        match self.tensor(index)? {
            wit::Tensor::Bytes(values) => self.packed(index, values),
            other => Err(self.mismatch(index, "bytes", other)),
        }
    }

    fn tensor(&self, index: usize) -> Result<&'a wit::Tensor, Error> {
        self.tensors.get(index).ok_or_else(|| {
            Error::new(format_args!(
                "there is no input {index}: the signature declares {} and the host gave {}",
                self.declared.len(),
                self.tensors.len()
            ))
        })
    }

    fn width(&self, index: usize) -> usize {
        self.declared.get(index).map_or(0, |input| input.fields.len())
    }

    fn matrix<T>(&self, index: usize, values: &'a [T]) -> Result<Matrix<'a, T>, Error> {
        let width = self.width(index);
        self.check(index, values.len())?;
        Ok(Matrix { values, width })
    }

    fn packed(&self, index: usize, values: &'a wit::Packed) -> Result<PackedMatrix<'a>, Error> {
        let width = self.width(index);
        self.check(index, values.ends.len())?;
        Ok(PackedMatrix { values, width })
    }

    fn check(&self, index: usize, count: usize) -> Result<(), Error> {
        let (rows, width) = (self.rows, self.width(index));
        if rows.checked_mul(width) == Some(count) {
            return Ok(());
        }
        let text = format!("{}: {rows} rows of {width} values were expected, {count} values came", self.name(index));
        Err(Error::new(text))
    }

    fn mismatch(&self, index: usize, asked: &str, came: &wit::Tensor) -> Error {
        let came = match came {
            wit::Tensor::Float32(_) => "float32",
            wit::Tensor::Float64(_) => "float64",
            wit::Tensor::Int64(_) => "int64",
            wit::Tensor::Text(_) => "text",
            wit::Tensor::Bytes(_) => "bytes",
        };
        let name = self.name(index);
        Error::new(format_args!("{name}: read as {asked}, but it is {came}; read what the signature declares"))
    }

    fn name(&self, index: usize) -> String {
        match self.declared.get(index) {
            Some(input) => format!("input {index} ({:?})", input.name),
            None => format!("input {index}"),
        }
    }
}

/// Numbers, row-major.
#[derive(Debug, Clone, Copy)]
pub struct Matrix<'a, T> {
    values: &'a [T],
    width: usize,
}

impl<'a, T> Matrix<'a, T> {
    /// Values per row: the number of fields the signature names.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// All values, one row after the other.
    #[must_use]
    pub fn values(&self) -> &'a [T] {
        self.values
    }

    /// The rows, each `width` values long.
    pub fn rows(&self) -> std::slice::ChunksExact<'a, T> {
        self.values.chunks_exact(self.width.max(1))
    }

    /// The rows, as arrays of `N` values.
    ///
    /// # Errors
    /// The signature names another number of fields.
    pub fn arrays<const N: usize>(&self) -> Result<&'a [[T; N]], Error> {
        match self.values.as_chunks::<N>() {
            (rows, []) if self.width == N => Ok(rows),
            _ => Err(Error::new(format_args!("read as rows of {N} values, but the signature names {} fields", self.width))),
        }
    }
}

/// Texts or byte strings, row-major.
#[derive(Debug, Clone, Copy)]
pub struct PackedMatrix<'a> {
    values: &'a wit::Packed,
    width: usize,
}

impl<'a> PackedMatrix<'a> {
    /// Values per row: the number of fields the signature names.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    pub(crate) fn values(&self) -> &'a wit::Packed {
        self.values
    }

    /// All values, one row after the other; `None` is missing.
    pub fn iter(&self) -> impl Iterator<Item = Option<&'a [u8]>> + use<'a> {
        let wit::Packed { data, ends, missing } = self.values;
        let (mut start, mut missing) = (0, missing.iter().peekable());
        ends.iter().zip(0u32..).map(move |(&end, i)| {
            let value = data.get(start..end as usize);
            start = end as usize;
            if missing.next_if_eq(&&i).is_some() { None } else { value }
        })
    }

    /// All values as text, one row after the other; `None` is missing.
    pub fn text(&self) -> impl Iterator<Item = Option<&'a str>> + use<'a> {
        self.iter().map(|value| value.and_then(|value| std::str::from_utf8(value).ok()))
    }
}
