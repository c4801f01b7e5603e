//! The files that this program carries: what a new project is made of.

/// Path in the checkout, and content.
pub(crate) static FILES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/embedded.rs"));

/// The files under a folder of the checkout, by their path in it.
pub(crate) fn under(folder: &str) -> impl Iterator<Item = (&'static str, &'static [u8])> {
    FILES.iter().filter_map(move |(path, content)| Some((path.strip_prefix(folder)?.strip_prefix('/')?, *content)))
}

/// The content of one file; empty where there is none, which a test rules out.
pub(crate) fn text(path: &str) -> &'static str {
    let found = FILES.iter().find(|(name, _)| *name == path);
    found.and_then(|(_, content)| std::str::from_utf8(content).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_is_asked_for_by_name_is_there() {
        for path in ["plugins/Cargo.toml", "plugins/Cargo.lock", "plugins/sdk/Cargo.toml", "wit/model.wit"] {
            assert!(!text(path).is_empty(), "{path}");
        }
    }
}
