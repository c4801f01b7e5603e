//! What is wrong with a configuration: everything at once, each with its place.

use std::fmt;
use std::path::PathBuf;

use super::written::Place;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) place: Place,
    key: String,
    message: String,
}

impl Problem {
    pub(super) fn new(place: Place, key: impl Into<String>, message: impl Into<String>) -> Self {
        Self { place, key: key.into(), message: message.into() }
    }

    fn show(&self, file: &str) -> String {
        let place = self.place.show(file);
        if self.key.is_empty() {
            format!("{place}: {}", self.message)
        } else {
            format!("{place}: `{}`: {}", self.key, self.message)
        }
    }
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("cannot read the configuration {}: {reason}", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// Why.
        reason: std::io::Error,
    },
    /// It says something that cannot be.
    #[error(transparent)]
    Wrong(Wrong),
}

/// Everything that is wrong with a configuration, in the order of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    lines: Vec<String>,
}

impl Wrong {
    pub(super) fn new(file: &str, mut problems: Vec<Problem>) -> Self {
        problems.sort_by_key(|problem| match problem.place {
            Place::Line(line) => line,
            Place::Environment(_) => usize::MAX,
        });
        Self { lines: problems.iter().map(|problem| problem.show(file)).collect() }
    }

    /// One line per problem: place, key, what was expected, what came.
    #[must_use]
    pub fn lines(&self) -> &[String] {
        &self.lines
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.lines.join("\n"))
    }
}

impl std::error::Error for Wrong {}
