//! From the answers of rows to the matrices of a call. What `#[derive(Outputs)]` writes calls the trait [`Value`].

use crate::{Dtype, Packed, Scores, Signature};

/// What a [`RowModel`](super::RowModel) answers for a row: derive it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an answer of a model",
    note = "put `#[derive(Outputs)]` on a struct with one field for each output"
)]
pub trait Outputs: Sized {
    /// The outputs of a call.
    type Columns;

    /// Adds the outputs to the signature.
    fn declare(signature: Signature) -> Signature;

    /// Outputs for so many rows, none of them answered yet.
    fn columns(rows: usize) -> Self::Columns;

    /// The answer for row `row`. For each row, in order, there is one `put` or one `skip`.
    fn put(self, row: usize, columns: &mut Self::Columns);

    /// There is no answer for the next row.
    fn skip(columns: &mut Self::Columns);

    /// All answers.
    fn give(columns: Self::Columns) -> Scores;
}

/// A value that a model can give: a field of a struct that derives [`Outputs`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a value a model can give",
    note = "a field is f32, f64, i64, an array of one of them, String, &'static str or Vec<u8>; an Option of a float, a text or bytes \
            may be missing"
)]
pub trait Value: Sized {
    /// Type of the output.
    const DTYPE: Dtype;
    /// Values a row.
    const WIDTH: u32;
    /// The output of a call.
    type Column;

    /// An output for so many rows.
    fn column(rows: usize) -> Self::Column;

    /// The value of row `row`, which is the next.
    fn put(self, row: usize, column: &mut Self::Column);

    /// The next row has no value.
    fn skip(column: &mut Self::Column);

    /// Adds the output to the others.
    fn give(column: Self::Column, scores: Scores) -> Scores;
}

/// An element of a numeric output.
pub trait Number: Copy {
    /// Type of the output.
    const DTYPE: Dtype;
    /// What stands where a row is rejected. Nobody reads it.
    const NONE: Self;

    /// Adds the output to the others.
    fn add(values: Vec<Self>, scores: Scores) -> Scores;
}

impl Number for f32 {
    const DTYPE: Dtype = Dtype::Float32;
    const NONE: Self = 0.0;

    #[inline]
    fn add(values: Vec<Self>, scores: Scores) -> Scores {
        scores.float32(values)
    }
}

impl Number for f64 {
    const DTYPE: Dtype = Dtype::Float64;
    const NONE: Self = 0.0;

    #[inline]
    fn add(values: Vec<Self>, scores: Scores) -> Scores {
        scores.float64(values)
    }
}

impl Number for i64 {
    const DTYPE: Dtype = Dtype::Int64;
    const NONE: Self = 0;

    #[inline]
    fn add(values: Vec<Self>, scores: Scores) -> Scores {
        scores.int64(values)
    }
}

impl<T: Number, const N: usize> Value for [T; N] {
    const DTYPE: Dtype = T::DTYPE;
    const WIDTH: u32 = {
        assert!(N > 0, "an output has at least one value a row");
        N as u32
    };
    type Column = Vec<T>;

    #[inline]
    fn column(rows: usize) -> Vec<T> {
        vec![T::NONE; rows * N]
    }

    #[inline]
    fn put(self, row: usize, column: &mut Vec<T>) {
        if let Some(values) = column.as_chunks_mut::<N>().0.get_mut(row) {
            *values = self;
        }
    }

    fn skip(_: &mut Vec<T>) {}

    #[inline]
    fn give(column: Vec<T>, scores: Scores) -> Scores {
        T::add(column, scores)
    }
}

/// Types of one value a row, each with the number it is stored as.
macro_rules! numbers {
    ($($value:ty => $number:ty, |$this:ident| $stored:expr;)*) => {$(
        impl Value for $value {
            const DTYPE: Dtype = <$number as Number>::DTYPE;
            const WIDTH: u32 = 1;
            type Column = Vec<$number>;

            #[inline]
            fn column(rows: usize) -> Self::Column {
                vec![<$number>::NONE; rows]
            }

            #[inline]
            fn put(self, row: usize, column: &mut Self::Column) {
                let $this = self;
                if let Some(value) = column.get_mut(row) {
                    *value = $stored;
                }
            }

            fn skip(_: &mut Self::Column) {}

            #[inline]
            fn give(column: Self::Column, scores: Scores) -> Scores {
                <$number>::add(column, scores)
            }
        }
    )*};
}

numbers! {
    f32 => f32, |value| value;
    f64 => f64, |value| value;
    i64 => i64, |value| value;
    Option<f32> => f32, |value| value.unwrap_or(f32::NAN);
    Option<f64> => f64, |value| value.unwrap_or(f64::NAN);
}

/// Types of a text or of bytes, each with how it gives them.
macro_rules! strings {
    ($($value:ty => $dtype:ident $give:ident, |$this:ident| $bytes:expr;)*) => {$(
        impl Value for $value {
            const DTYPE: Dtype = Dtype::$dtype;
            const WIDTH: u32 = 1;
            type Column = Packed;

            #[inline]
            fn column(_: usize) -> Packed {
                Packed::new()
            }

            fn put(self, _: usize, column: &mut Packed) {
                let $this = &self;
                column.push($bytes);
            }

            fn skip(column: &mut Packed) {
                column.push(None);
            }

            #[inline]
            fn give(column: Packed, scores: Scores) -> Scores {
                scores.$give(column)
            }
        }
    )*};
}

strings! {
    String => Text text, |value| Some(value.as_bytes());
    &'static str => Text text, |value| Some(value.as_bytes());
    Vec<u8> => Bytes bytes, |value| Some(value.as_slice());
    Option<String> => Text text, |value| value.as_ref().map(String::as_bytes);
    Option<&'static str> => Text text, |value| value.map(str::as_bytes);
    Option<Vec<u8>> => Bytes bytes, |value| value.as_deref();
}
