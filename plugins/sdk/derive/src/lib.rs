//! The derive macros that `sandstream-guest` exports; its module `row` shows them at work. What they write names that crate by its
//! full path, so a guest may call its own things as it likes.

mod attribute;
mod features;
mod kind;
mod outputs;
mod shape;
#[cfg(test)]
mod tests;

use proc_macro::TokenStream;
use syn::{DeriveInput, Error, parse_macro_input};

/// Makes a struct the row a model takes: one record field for each field of the struct.
///
/// A field of type `f32`, `f64`, `i64`, `&'a str`, `String`, `&'a [u8]` or `Vec<u8>` has to be there, or the row is rejected with the
/// field's name; an `Option` of one (not of `i64`, which the contract does not let be missing) may be missing.
///
/// The record's field is called as the struct's, or as `#[field(name = "fixed acidity")]` says. The host matches this name with those
/// of the data type, ignoring case, spaces, `_` and `.`; where nothing declares a data type, as with `sandstream score` on JSON
/// lines, it is the record's key as it stands. `$value`, `$key` and `$timestamp` are the raw record's.
#[proc_macro_derive(Features, attributes(field))]
pub fn features(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    features::expand(&input).unwrap_or_else(Error::into_compile_error).into()
}

/// Makes a struct the answer a model gives for a row: one output for each field of the struct.
///
/// `f32`, `f64` and `i64` are outputs of one value a row, `[f32; 3]` of three; `String` and `&'static str` are text, `Vec<u8>` is
/// bytes; an `Option` of a float, a text or bytes may be missing. The output is called as the field, unless there is
/// `#[output(name = "probability of default")]`.
#[proc_macro_derive(Outputs, attributes(output))]
pub fn outputs(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    outputs::expand(&input).unwrap_or_else(Error::into_compile_error).into()
}
