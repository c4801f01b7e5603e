//! One column for each category.

use std::borrow::Cow;

use crate::Reject;

/// `N` categories in the order of their columns: scikit-learn's `OneHotEncoder`, whose `categories_` they are. They are searched one
/// by one; from some dozens on, [`Vocabulary`](super::Vocabulary) is quicker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OneHot<const N: usize, S = &'static str> {
    categories: [S; N],
}

impl<const N: usize, S> OneHot<N, S> {
    /// For these categories.
    #[must_use]
    pub const fn new(categories: [S; N]) -> Self {
        Self { categories }
    }
}

impl<const N: usize, S: AsRef<str>> OneHot<N, S> {
    /// The category's column.
    #[must_use]
    pub fn index(&self, value: &str) -> Option<usize> {
        self.categories.iter().position(|category| category.as_ref() == value)
    }

    /// 1 in the category's column and 0 in the others; 0 in all of them for an unknown category, as with
    /// `handle_unknown="ignore"`.
    #[must_use]
    pub fn encode(&self, value: &str) -> [f64; N] {
        let index = self.index(value);
        std::array::from_fn(|i| if Some(i) == index { 1.0 } else { 0.0 })
    }

    /// The category's column, or why the row is not scored, as with `handle_unknown="error"`.
    ///
    /// # Errors
    /// [`Reject::UnknownCategory`], which names the record's field and the categories.
    pub fn known(&self, field: impl Into<Cow<'static, str>>, value: &str) -> Result<usize, Reject> {
        self.index(value).ok_or_else(|| Reject::UnknownCategory {
            field: field.into(),
            value: value.into(),
            known: self.categories.iter().map(|category| category.as_ref().into()).collect(),
        })
    }
}
