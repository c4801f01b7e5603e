//! WASI, answered inside of a component: guests have none, and some languages' runtimes cannot do without.

use crate::Error;

/// The adapter that answers `wasi_snapshot_preview1`.
///
/// # Errors
/// None; a test holds that its text is right.
pub(crate) fn stub() -> Result<Vec<u8>, Error> {
    wat::parse_str(include_str!("wasi.wat")).map_err(|error| Error::Component(format!("the WASI adapter: {error}")))
}

#[cfg(test)]
mod tests {
    #[test]
    fn its_text_is_right() {
        assert!(super::stub().is_ok_and(|bytes| bytes.starts_with(b"\0asm")));
    }
}
