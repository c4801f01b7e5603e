//! Why a call failed, in words for a person.

use std::fmt;

/// Why a module cannot load or cannot score. The host shows the text beside the model's name, so say what was expected, what came
/// and what to do.
///
/// Any standard error becomes one with `?`; otherwise use [`Error::new`].
pub struct Error(String);

impl Error {
    /// An error with this text.
    pub fn new(text: impl fmt::Display) -> Self {
        Self(text.to_string())
    }

    /// The same error, with what was being done put before it.
    #[must_use]
    pub fn context(self, what: impl fmt::Display) -> Self {
        Self(format!("{what}: {}", self.0))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

// `Error` itself is no `std::error::Error`, or this would clash with `impl From<T> for T`.
impl<E: std::error::Error> From<E> for Error {
    fn from(error: E) -> Self {
        Self::new(error)
    }
}
