//! Credentials and endpoints of object stores: variables of the environment, read when they are needed, never shown.

use std::ffi::OsString;
use std::fmt;
use std::sync::Arc;

/// Variables for object stores: those of the process, or others in their place.
#[derive(Clone, Default, PartialEq, Eq)]
pub(in super::super) struct Settings(Option<Arc<[(String, String)]>>);

impl Settings {
    /// These, and none of the process.
    pub(in super::super) fn of(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(Some(variables.into_iter().collect()))
    }

    /// The variables.
    pub(super) fn read(&self) -> Arc<[(String, String)]> {
        // What is not UTF-8 is nobody's here.
        let texts = |(name, value): (OsString, OsString)| name.into_string().ok().zip(value.into_string().ok());
        self.0.clone().unwrap_or_else(|| std::env::vars_os().filter_map(texts).collect())
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.0.iter().flat_map(|all| all.iter()).map(|(name, _)| name);
        f.debug_list().entries(names).finish()
    }
}
