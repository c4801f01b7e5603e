//! What both derives ask of a struct.

use std::collections::HashSet;

use syn::{Data, DeriveInput, Error, Field, Fields, GenericParam, Lifetime, Result};

use crate::attribute;

/// A field and what it is called outside.
pub(crate) struct Named<'a> {
    pub(crate) field: &'a Field,
    pub(crate) name: String,
}

/// The fields of a struct that has some, all with names that the host tells apart.
pub(crate) fn fields<'a>(input: &'a DeriveInput, attribute: &str) -> Result<Vec<Named<'a>>> {
    let wrong = |what: &str| {
        let what = format!("expected a struct with named fields, `{}` {what}: write `struct {0} {{ .. }}`", input.ident);
        Err(Error::new_spanned(&input.ident, what))
    };
    let fields = match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(fields) => &fields.named,
            Fields::Unnamed(_) => return wrong("has fields without names"),
            Fields::Unit => return wrong("has no fields"),
        },
        Data::Enum(_) => return wrong("is an enum"),
        Data::Union(_) => return wrong("is a union"),
    };
    if fields.is_empty() {
        return wrong("has no fields");
    }
    let mut seen = HashSet::new();
    let mut named = Vec::with_capacity(fields.len());
    for field in fields {
        let name = attribute::name(field, attribute)?;
        if !seen.insert(attribute::normalise(&name)) {
            let what = format!(
                "there is another field called `{name}`, and case, spaces, `_` and `.` make no difference: give one of them \
                 another name with `#[{attribute}(name = \"..\")]`"
            );
            return Err(Error::new_spanned(&field.ident, what));
        }
        named.push(Named { field, name });
    }
    Ok(named)
}

/// The one lifetime a struct may have, if it has it.
pub(crate) fn lifetime(input: &DeriveInput) -> Result<Option<&Lifetime>> {
    let mut found = None;
    for param in &input.generics.params {
        match param {
            GenericParam::Lifetime(param) if found.is_none() => found = Some(&param.lifetime),
            GenericParam::Lifetime(_) => {
                return Err(Error::new_spanned(param, "a row borrows from one batch: use one lifetime for all fields"));
            }
            GenericParam::Type(_) | GenericParam::Const(_) => {
                return Err(Error::new_spanned(param, "a signature is fixed: write the type or number itself"));
            }
        }
    }
    Ok(found)
}
