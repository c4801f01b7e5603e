//! What a component asks its host for.

use wasmparser::{Parser, Payload};

use super::guest::OFFERED;

/// Whether a host answers an import, named as [`imports`] gives it.
#[must_use]
pub fn is_offered(import: &str) -> bool {
    OFFERED.contains(&import.split('@').next().unwrap_or_default())
}

/// Names of a component's imports, as far as it can be read.
#[must_use]
pub fn imports(component: &[u8]) -> Vec<String> {
    // Beginnings and ends of nested components are told apart by depth: only the outermost's imports are the host's.
    let (mut depth, mut names) = (0, Vec::new());
    for section in Parser::new(0).parse_all(component) {
        match section {
            Ok(Payload::Version { .. }) => depth += 1,
            Ok(Payload::End(_)) => depth -= 1,
            Ok(Payload::ComponentImportSection(section)) if depth == 1 => {
                names.extend(section.into_iter().flatten().map(|import| import.name.name.to_owned()));
            }
            Ok(_) => {}
            Err(_) => break,
        }
    }
    names
}
