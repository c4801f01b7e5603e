//! Records without fields: a model reads `$value`, `$key` and `$timestamp`.

use std::sync::Arc;

use super::{Codec, DecodeError, Decoder, Error, Spec};
use crate::types::{RowFill, Rows, Schema};

struct Raw(Arc<Schema>);

/// Opens a raw data type.
pub(super) fn open(spec: &Spec) -> Result<Arc<dyn Codec>, Error> {
    if let Some(field) = spec.fields.first() {
        return Err(Error::Field {
            data_type: spec.data_type.clone(),
            field: field.name.clone(),
            reason: "format raw has no fields; a model reads `$value`, `$key` and `$timestamp`".to_owned(),
        });
    }
    Ok(Arc::new(Raw(Arc::new(Schema::new(&spec.data_type, Vec::new(), &spec.features)?))))
}

impl Codec for Raw {
    fn schema(&self) -> &Arc<Schema> {
        &self.0
    }

    fn decoder(&self, _wanted: &[u16]) -> Box<dyn Decoder> {
        Box::new(RawDecoder)
    }
}

struct RawDecoder;

impl Decoder for RawDecoder {
    fn decode(&mut self, record: u32, _value: &[u8], rows: &mut Rows) -> Result<(), DecodeError> {
        rows.begin(record, &RowFill::default());
        Ok(())
    }
}
