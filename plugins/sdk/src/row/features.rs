//! From the matrices of a call to the structs of its rows. What `#[derive(Features)]` writes calls the functions here.

use crate::bindings::sandstream::model::types as wit;
use crate::{Error, Inputs, PackedMatrix, Reject, Signature};

/// What a row of a [`RowModel`](super::RowModel) holds: derive it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a row of features",
    note = "put `#[derive(Features)]` on a struct whose fields are those of the record"
)]
pub trait Features<'a>: Sized {
    /// The matrices of a call.
    type Columns;

    /// Adds the inputs to the signature.
    fn declare(signature: Signature) -> Signature;

    /// The matrices of this call.
    ///
    /// # Errors
    /// They are not those of the signature.
    fn columns(inputs: &Inputs<'a>) -> Result<Self::Columns, Error>;

    /// Cuts the matrices to so many rows. `columns` has checked that they have as many; here the compiler sees it too, beside the loop
    /// over the rows, and guards none of them.
    fn cut(columns: &mut Self::Columns, rows: usize) -> Option<()>;

    /// Whether no row misses a float that has to be there.
    fn whole(columns: &Self::Columns) -> bool;

    /// Reads row `row`; called once for each row, in order. `WHOLE` promises what [`whole`](Self::whole) says.
    ///
    /// # Errors
    /// A field that has to be there is missing.
    fn read<const WHOLE: bool>(columns: &mut Self::Columns, row: usize) -> Result<Self, Reject>;
}

/// A float, of which NaN means missing.
pub trait Float: Copy + 'static {
    /// Whether the value is missing.
    fn is_missing(self) -> bool;
}

impl Float for f32 {
    #[inline]
    fn is_missing(self) -> bool {
        self.is_nan()
    }
}

impl Float for f64 {
    #[inline]
    fn is_missing(self) -> bool {
        self.is_nan()
    }
}

/// Values that are looked at between two turns of a loop: a host that counts turns, as ours does to end a module that spins, makes
/// each cost as much as several values.
const BLOCK: usize = 32;

/// Whether no value is missing. It looks at all of them instead of stopping at the first, which is quicker: most often there is none.
#[inline]
#[must_use]
pub fn whole<T: Float, const N: usize>(rows: &[[T; N]]) -> bool {
    let (blocks, rest) = rows.as_flattened().as_chunks::<BLOCK>();
    let lacks = |values: &[T]| values.iter().fold(false, |any, value| any | value.is_missing());
    !(blocks.iter().fold(false, |any, block| any | lacks(block)) | lacks(rest))
}

/// Whether no value of the needed columns is missing.
#[inline]
#[must_use]
pub fn whole_where<T: Float, const N: usize>(rows: &[[T; N]], needed: [bool; N]) -> bool {
    let lacks = |row: &[T; N]| row.iter().zip(needed).fold(false, |any, (value, needed)| any | (needed & value.is_missing()));
    !rows.iter().fold(false, |any, row| any | lacks(row))
}

/// The numbers of a row. `Inputs` has checked that there are as many rows as were promised.
#[inline]
#[must_use]
pub fn row<T: Copy + Default, const N: usize>(rows: &[[T; N]], row: usize) -> [T; N] {
    rows.get(row).copied().unwrap_or([T::default(); N])
}

/// A float that has to be there.
///
/// # Errors
/// It is missing.
#[inline]
pub fn needed<T: Float, const WHOLE: bool>(value: T, field: &'static str) -> Result<T, Reject> {
    if !WHOLE && value.is_missing() { Err(missing(field)) } else { Ok(value) }
}

/// A float that may be missing.
#[inline]
#[must_use]
pub fn known<T: Float>(value: T) -> Option<T> {
    (!value.is_missing()).then_some(value)
}

/// A text or byte string that has to be there.
///
/// # Errors
/// It is missing.
#[inline]
pub fn present<T>(value: Option<T>, field: &'static str) -> Result<T, Reject> {
    value.ok_or_else(|| missing(field))
}

#[cold]
fn missing(field: &'static str) -> Reject {
    Reject::Missing { field: field.into() }
}

/// Texts or byte strings, read row by row.
pub struct Strings<'a> {
    values: &'a wit::Packed,
    /// The next value, and where it starts.
    next: usize,
    start: usize,
    /// How many of the missing values lie before it.
    missing: usize,
}

impl<'a> Strings<'a> {
    /// Before the first row.
    #[must_use]
    pub fn new(matrix: &PackedMatrix<'a>) -> Self {
        Self { values: matrix.values(), next: 0, start: 0, missing: 0 }
    }

    /// The byte strings of the next row.
    #[inline]
    pub fn bytes<const N: usize>(&mut self) -> [Option<&'a [u8]>; N] {
        std::array::from_fn(|_| self.value())
    }

    /// The texts of the next row; the host has checked that they are UTF-8.
    #[inline]
    pub fn texts<const N: usize>(&mut self) -> [Option<&'a str>; N] {
        self.bytes().map(|value| value.and_then(|value| std::str::from_utf8(value).ok()))
    }

    fn value(&mut self) -> Option<&'a [u8]> {
        let wit::Packed { data, ends, missing } = self.values;
        let end = *ends.get(self.next)? as usize;
        let value = data.get(self.start..end);
        let absent = missing.get(self.missing).is_some_and(|missing| *missing as usize == self.next);
        self.missing += usize::from(absent);
        (self.next, self.start) = (self.next + 1, end);
        if absent { None } else { value }
    }
}
