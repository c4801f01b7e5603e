//! What can be wrong with a JSON record.

/// One byte, so that the scanner's results stay in registers; the place is the scanner's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Fault {
    #[error("expected UTF-8, found a byte that is not")]
    Utf8,
    #[error("expected an object `{{..}}`")]
    Object,
    #[error("expected a member's name in quotes")]
    Key,
    #[error("expected `:` after a member's name")]
    Colon,
    #[error("expected `,` or the end of the object or array")]
    Comma,
    #[error("expected a value")]
    Value,
    #[error("expected a number")]
    Number,
    #[error("expected a digit after the decimal point")]
    Fraction,
    #[error("expected a digit in the exponent")]
    Exponent,
    #[error("expected a number that a 64-bit float can hold")]
    FloatRange,
    #[error("expected a whole number without point and exponent")]
    Whole,
    #[error("expected a whole number that 64 bits with sign can hold")]
    IntegerRange,
    #[error("expected a text in quotes")]
    Text,
    #[error("expected the text's closing quote before the end of the record")]
    Unclosed,
    #[error("expected no control byte in a text; write it as an escape")]
    Control,
    #[error("expected one of the escapes \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX")]
    Escape,
    #[error("expected the two halves of a surrogate pair")]
    Surrogate,
    #[error("expected bytes in base64 (RFC 4648, alphabet with + and /)")]
    Base64,
    #[error("expected at most 128 levels of objects and arrays")]
    Depth,
    #[error("expected at most 65,536 members in an object")]
    Members,
    #[error("expected the end of the record after its object")]
    Trailing,
}
