//! Which column of which matrix a field of a row comes from. A macro sees how a type is written and not what it is, so only
//! these ways are known.

use syn::{Error, GenericArgument, PathArguments, Result, Type, TypePath};

/// The matrices of a row's signature, in the order in which they are declared.
pub(crate) const MATRICES: [Matrix; 5] = [Matrix::Float32, Matrix::Float64, Matrix::Int64, Matrix::Text, Matrix::Bytes];

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Matrix {
    Float32,
    Float64,
    Int64,
    Text,
    Bytes,
}

/// How a field is read.
#[derive(Clone, Copy)]
pub(crate) struct Kind {
    pub(crate) matrix: Matrix,
    /// An `Option`.
    pub(crate) optional: bool,
    /// `String` or `Vec<u8>`: a copy of what lies in the batch.
    pub(crate) owned: bool,
}

const KNOWN: &str =
    "expected f32, f64, i64, &str, String, &[u8], Vec<u8>, or an Option of one, written like that and not by another name";

impl Kind {
    pub(crate) fn of(written: &Type) -> Result<Self> {
        let inner = last(written).filter(|(word, _)| word == "Option").and_then(|(_, inner)| inner);
        let (matrix, owned) = matrix(inner.unwrap_or(written)).ok_or_else(|| Error::new_spanned(written, KNOWN))?;
        if inner.is_some() && matrix == Matrix::Int64 {
            let what =
                "an int64 cannot be missing, a record without it is no row: take `i64`, or `Option<f64>` where it may be missing";
            return Err(Error::new_spanned(written, what));
        }
        Ok(Self { matrix, optional: inner.is_some(), owned })
    }

    /// Whether the field of the raw record can be read like this, and what to do if not.
    pub(crate) fn suits(self, name: &str) -> std::result::Result<(), String> {
        let floats = matches!(self.matrix, Matrix::Float32 | Matrix::Float64);
        let right = match name {
            "$value" | "$key" if floats || self.matrix == Matrix::Int64 => "&str, String, &[u8] or Vec<u8>",
            "$timestamp" if !floats && self.matrix != Matrix::Int64 => "i64 (milliseconds) or f64",
            "$value" | "$key" | "$timestamp" => return Ok(()),
            other if other.starts_with('$') => {
                return Err(format!("`{other}` is not known: a raw record has `$value`, `$key` and `$timestamp`"));
            }
            _ => return Ok(()),
        };
        Err(format!("`{name}` can only be read as {right}"))
    }
}

fn matrix(written: &Type) -> Option<(Matrix, bool)> {
    match written {
        Type::Reference(reference) if reference.mutability.is_none() => match &*reference.elem {
            Type::Slice(slice) if is(&slice.elem, "u8") => Some((Matrix::Bytes, false)),
            other if is(other, "str") => Some((Matrix::Text, false)),
            _ => None,
        },
        Type::Group(group) => matrix(&group.elem),
        _ => match last(written)? {
            (word, None) => match word.as_str() {
                "f32" => Some((Matrix::Float32, false)),
                "f64" => Some((Matrix::Float64, false)),
                "i64" => Some((Matrix::Int64, false)),
                "String" => Some((Matrix::Text, true)),
                _ => None,
            },
            (word, Some(inner)) => (word == "Vec" && is(inner, "u8")).then_some((Matrix::Bytes, true)),
        },
    }
}

fn is(written: &Type, word: &str) -> bool {
    matches!(last(written), Some((last, None)) if last == word)
}

/// The last word of a path and its one argument, if it has arguments: `std::option::Option<f32>` is `Option` and `f32`.
fn last(written: &Type) -> Option<(String, Option<&Type>)> {
    let Type::Path(TypePath { qself: None, path }) = written else { return None };
    let segment = path.segments.last()?;
    let inner = match &segment.arguments {
        PathArguments::None => None,
        PathArguments::AngleBracketed(arguments) => match arguments.args.first()? {
            GenericArgument::Type(inner) if arguments.args.len() == 1 => Some(inner),
            _ => return None,
        },
        PathArguments::Parenthesized(_) => return None,
    };
    Some((segment.ident.to_string(), inner))
}
