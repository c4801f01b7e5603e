//! Which data type a record is of, by one of its own fields (`streams.type = { field = ".." }`).

use std::sync::Arc;

use super::{Codec, Declared, DecodeError, Decoder, Error, Format, Spec, open, protobuf};
use crate::types::{Kind, Rows, Schema};

/// Reads one text field of records whose data type is not known yet. It belongs to one lane; `clone` makes another lane's.
pub struct Selector {
    codec: Arc<dyn Codec>,
    decoder: Box<dyn Decoder>,
    rows: Rows,
}

impl Selector {
    /// A selector by `field` for records of one of these data types, all of one format.
    ///
    /// # Errors
    /// No data type, more than one format, a format without fields, or a field that is not a text at the same place in all.
    pub fn new(specs: &[Spec], field: &str) -> Result<Self, Error> {
        let refuse = |reason: String| Error::Selector { field: field.to_owned(), reason };
        let [first, rest @ ..] = specs else {
            return Err(refuse("the stream has no data type".to_owned()));
        };
        for other in rest {
            let same = match (&first.format, &other.format) {
                (Format::Json, Format::Json) => true,
                (Format::Protobuf(a), Format::Protobuf(b)) => {
                    protobuf::path(first, a, field)? == protobuf::path(other, b, field)?
                }
                _ => false,
            };
            if !same {
                let (first, other) = (&first.data_type, &other.data_type);
                return Err(refuse(format!(
                    "expected one format with the field at one place, but `{first}` and `{other}` differ"
                )));
            }
        }
        if matches!(first.format, Format::Raw) {
            return Err(refuse("format raw has no fields".to_owned()));
        }
        let asked = Declared { name: field.to_owned(), kind: Some(Kind::Text) };
        Ok(Self::of(open(&Spec { fields: vec![asked], features: Vec::new(), ..first.clone() })?))
    }

    fn of(codec: Arc<dyn Codec>) -> Self {
        let schema: &Schema = codec.schema();
        Self { decoder: codec.decoder(&[0]), rows: Rows::new(schema), codec }
    }

    /// The field's text; `None` where it is missing.
    ///
    /// # Errors
    /// The record is not of the format.
    pub fn select(&mut self, value: &[u8]) -> Result<Option<&str>, DecodeError> {
        self.rows.clear();
        self.decoder.decode(0, value, &mut self.rows)?;
        // A decoder checks that a text is UTF-8.
        Ok(self.rows.text(0, 0).and_then(|text| std::str::from_utf8(text).ok()))
    }
}

impl Clone for Selector {
    fn clone(&self) -> Self {
        Self::of(Arc::clone(&self.codec))
    }
}
