//! The files that were announced with the model.

use crate::Error;
use crate::bindings::sandstream::model::artifacts as host;

/// The names of all files announced with this model.
#[must_use]
pub fn names() -> Vec<String> {
    host::names()
}

/// The content of a file announced with this model. It is copied into the module's memory at each call, so read it in `load` and
/// keep what you need.
///
/// # Errors
/// No file of that name was announced.
pub fn read(name: &str) -> Result<Vec<u8>, Error> {
    host::read(name).map_err(|reason| Error::new(format_args!("artifact {name:?}: {reason}")))
}
