//! Credentials and endpoints of object stores: variables of the environment, never shown.

use std::fmt;
use std::sync::Arc;

/// What variables of object stores begin with.
const PREFIXES: [&str; 5] = ["AWS_", "AZURE_", "GOOGLE_", "IDENTITY_ENDPOINT", "SERVICE_ACCOUNT"];

/// Variables for object stores.
#[derive(Clone, PartialEq, Eq)]
pub(in super::super) struct Settings(Arc<[(String, String)]>);

impl Settings {
    /// What this process was started with.
    pub(in super::super) fn of_process() -> Self {
        // Others may not be UTF-8, which is none of our business.
        let texts = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            name.into_string().ok().zip(value.into_string().ok())
        };
        Self::of(std::env::vars_os().filter_map(texts))
    }

    /// Those of these variables that are for object stores.
    pub(in super::super) fn of(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        let ours = |(name, _): &(String, String)| PREFIXES.iter().any(|prefix| name.starts_with(prefix));
        Self(variables.into_iter().filter(ours).collect())
    }

    /// Names in small letters with their values, of one store.
    pub(super) fn under<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (String, &'a str)> {
        let own = self.0.iter().filter(move |(name, _)| name.starts_with(prefix));
        own.map(|(name, value)| (name.to_ascii_lowercase(), value.as_str()))
    }

    /// A variable that has no prefix.
    pub(super) fn named(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(its, _)| its == name).map(|(_, value)| value.as_str())
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}
