//! `#[field(name = "..")]` and `#[output(name = "..")]`.

use syn::ext::IdentExt as _;
use syn::{Error, Field, LitStr, Result};

/// What the field is called outside: as the attribute says, or as the field itself.
pub(crate) fn name(field: &Field, attribute: &str) -> Result<String> {
    let mut given: Option<LitStr> = None;
    for found in field.attrs.iter().filter(|found| found.path().is_ident(attribute)) {
        found.parse_nested_meta(|meta| {
            if !meta.path.is_ident("name") {
                return Err(meta.error(format!("expected `#[{attribute}(name = \"..\")]`: nothing but the name can be set")));
            }
            let text: LitStr = meta.value()?.parse()?;
            if text.value().trim().is_empty() {
                return Err(Error::new(text.span(), "the name is empty: write the name, or leave the attribute out"));
            }
            if given.replace(text).is_some() {
                return Err(meta.error("the name is given twice: keep one"));
            }
            Ok(())
        })?;
    }
    Ok(match (given, &field.ident) {
        (Some(text), _) => text.value(),
        (None, Some(ident)) => ident.unraw().to_string(),
        (None, None) => String::new(),
    })
}

/// Names that the host cannot tell apart: it ignores case, spaces, `_` and `.`.
pub(crate) fn normalise(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, ' ' | '_' | '.')).flat_map(char::to_lowercase).collect()
}
