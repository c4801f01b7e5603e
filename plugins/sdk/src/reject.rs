//! Why a row is not scored, as a type.

use std::borrow::Cow;
use std::fmt;
use std::ops::RangeInclusive;

/// Characters of a record's value that a reason shows; a reason travels in a header of the dead letter.
const SHOWN_MAX: usize = 64;

/// Why a row is not scored. Its text becomes the reason of the record's dead letter.
///
/// Any standard error becomes one with `?`; so does a text, with [`Reject::new`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reject {
    /// The record lacks a field. `#[derive(Features)]` gives this by itself.
    Missing {
        /// The record's field.
        field: Cow<'static, str>,
    },
    /// A value that the model was not made for.
    OutOfRange {
        /// The record's field.
        field: Cow<'static, str>,
        /// What came.
        value: Box<str>,
        /// The lowest value the model takes.
        min: Box<str>,
        /// The highest value the model takes.
        max: Box<str>,
    },
    /// A category that the model does not know.
    UnknownCategory {
        /// The record's field.
        field: Cow<'static, str>,
        /// What came.
        value: Box<str>,
        /// What the model knows.
        known: Box<[Box<str>]>,
    },
    /// Anything else.
    Other(Box<str>),
}

impl Reject {
    /// For this reason: say what was expected and what came.
    #[cold]
    pub fn new(reason: impl fmt::Display) -> Self {
        Self::Other(reason.to_string().into())
    }

    /// The value, if it lies within the range, ends included.
    ///
    /// ```
    /// use sandstream_guest::Reject;
    ///
    /// assert_eq!(Reject::unless_within("age", 30, 18..=100), Ok(30));
    /// let reject = Reject::unless_within("age", 17, 18..=100);
    /// assert_eq!(reject.map_err(|reject| reject.to_string()), Err("age is 17, outside of 18 to 100".to_owned()));
    /// ```
    ///
    /// # Errors
    /// [`Reject::OutOfRange`] for any other value, NaN among them.
    #[inline]
    pub fn unless_within<T: PartialOrd + fmt::Display>(
        field: impl Into<Cow<'static, str>>,
        value: T,
        range: RangeInclusive<T>,
    ) -> Result<T, Self> {
        if range.contains(&value) {
            return Ok(value);
        }
        Err(Self::out_of_range(field.into(), &value, &range))
    }

    #[cold]
    fn out_of_range<T: fmt::Display>(field: Cow<'static, str>, value: &T, range: &RangeInclusive<T>) -> Self {
        let text = |value: &T| value.to_string().into();
        Self::OutOfRange { field, value: text(value), min: text(range.start()), max: text(range.end()) }
    }
}

impl fmt::Display for Reject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { field } => write!(f, "{field} is missing"),
            Self::OutOfRange { field, value, min, max } => write!(f, "{field} is {}, outside of {min} to {max}", shown(value)),
            Self::UnknownCategory { field, value, known } => {
                write!(f, "{field} is {:?}, which is none of {}", shown(value), known.join(", "))
            }
            Self::Other(reason) => f.write_str(reason),
        }
    }
}

/// As much of a record's value as a reason needs.
fn shown(value: &str) -> Cow<'_, str> {
    match value.char_indices().nth(SHOWN_MAX) {
        Some((end, _)) => format!("{}...", value.get(..end).unwrap_or_default()).into(),
        None => value.into(),
    }
}

// As with `Error`: `Reject` itself is no `std::error::Error`, or this would clash with `impl From<T> for T`.
impl<E: std::error::Error> From<E> for Reject {
    #[cold]
    fn from(error: E) -> Self {
        Self::new(error)
    }
}
