//! Lines in the host's log, under the model's name. The host cuts long lines and drops what comes too fast.

use crate::bindings::sandstream::model::log::{Level, emit};

/// For whoever works on the module.
pub fn debug(line: &str) {
    emit(Level::Debug, line);
}

/// For whoever runs the host.
pub fn info(line: &str) {
    emit(Level::Info, line);
}

/// Something is odd, and the module goes on.
pub fn warn(line: &str) {
    emit(Level::Warn, line);
}

/// Something failed.
pub fn error(line: &str) {
    emit(Level::Error, line);
}
