//! A fixed list of terms, each with a column.

use crate::Error;

/// Terms in ascending order, so that a term's place is its column: scikit-learn's `vocabulary_`, sorted as `get_feature_names_out()`
/// gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vocabulary {
    terms: Vec<String>,
}

impl Vocabulary {
    /// From terms that ascend, by their Unicode code points.
    ///
    /// # Errors
    /// A term is not above the one before it; which, and where.
    pub fn new<S: Into<String>>(terms: impl IntoIterator<Item = S>) -> Result<Self, Error> {
        let terms: Vec<String> = terms.into_iter().map(Into::into).collect();
        if let Some(at) = terms.windows(2).position(|pair| pair[0] >= pair[1]) {
            let (before, term) = (&terms[at], &terms[at + 1]);
            let what = format_args!("term {} of the vocabulary, {term:?}, is not above {before:?}: sort them, each once", at + 1);
            return Err(Error::new(what));
        }
        Ok(Self { terms })
    }

    /// Number of terms, and of columns.
    #[must_use]
    pub fn len(&self) -> usize {
        self.terms.len()
    }

    /// Whether there is no term.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// The term's column.
    #[must_use]
    pub fn index(&self, term: &str) -> Option<usize> {
        self.terms.binary_search_by(|known| known.as_str().cmp(term)).ok()
    }
}
