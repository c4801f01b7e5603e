//! Where everything lies that is fetched or built once and outlives a project.

use std::env;
use std::path::PathBuf;

use crate::Error;

/// `SANDSTREAM_CACHE`, or `sandstream` in the user's cache folder. May be empty, may be deleted.
///
/// # Errors
/// None of the variables that say where is set.
pub fn folder() -> Result<PathBuf, Error> {
    if let Some(folder) = env::var_os("SANDSTREAM_CACHE") {
        return Ok(folder.into());
    }
    let base = match env::var_os("XDG_CACHE_HOME") {
        Some(folder) => PathBuf::from(folder),
        None => PathBuf::from(env::var_os("HOME").ok_or(Error::NoCache)?).join(".cache"),
    };
    Ok(base.join("sandstream"))
}
