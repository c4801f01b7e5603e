//! Files of JSON as the packages write them.

use std::fmt;

use serde_json::Value;

/// A file is not what was expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable(pub(crate) String);

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unreadable {}

pub(crate) fn unreadable(what: impl fmt::Display) -> Unreadable {
    Unreadable(what.to_string())
}

/// The file as JSON.
pub(crate) fn parse(file: &[u8]) -> Result<Value, Unreadable> {
    serde_json::from_slice(file).map_err(|error| unreadable(format_args!("it is no JSON: {error}")))
}

/// A number that counts something.
pub(crate) fn count(of: &Value, key: &str) -> Result<usize, Unreadable> {
    let number = of.get(key).and_then(Value::as_u64).and_then(|number| usize::try_from(number).ok());
    number.ok_or_else(|| unreadable(format_args!("expected a whole number `{key}`")))
}

/// A text.
pub(crate) fn text<'a>(of: &'a Value, key: &str) -> Result<&'a str, Unreadable> {
    of.get(key).and_then(Value::as_str).ok_or_else(|| unreadable(format_args!("expected a text `{key}`")))
}

/// An object.
pub(crate) fn object<'a>(of: &'a Value, key: &str) -> Result<&'a serde_json::Map<String, Value>, Unreadable> {
    of.get(key).and_then(Value::as_object).ok_or_else(|| unreadable(format_args!("expected an object `{key}`")))
}
