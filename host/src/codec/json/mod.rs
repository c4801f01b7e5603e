//! JSON: a plan over the bytes of one object per record, and results as one flat object.
//!
//! Strict (RFC 8259): UTF-8, no trailing bytes, no `NaN`. A duplicate member counts as it came last. A missing or `null` member is
//! a missing value; `true` and `false` are 1 and 0 where a number is wanted. A field of kind bytes is a text in base64.

mod decode;
mod encode;
mod fault;
mod number;
mod plan;
mod scan;
mod unescape;

use std::sync::Arc;

use super::{Codec, Decoder, Error, Spec};
use crate::types::{Kind, Schema};

pub(super) use encode::{JsonEncoding, outputs};

/// Parts of a field's path.
const PARTS_MAX: usize = 32;

struct Json(Arc<Schema>);

/// Opens a JSON data type.
pub(super) fn open(spec: &Spec) -> Result<Arc<dyn Codec>, Error> {
    if let Some(field) = spec.fields.iter().find(|field| field.name.split('.').count() > PARTS_MAX) {
        return Err(Error::Field {
            data_type: spec.data_type.clone(),
            field: field.name.clone(),
            reason: format!("expected at most {PARTS_MAX} parts between dots"),
        });
    }
    let fields = spec.fields.iter().map(|field| (field.name.clone(), field.kind.unwrap_or(Kind::Number))).collect();
    Ok(Arc::new(Json(Arc::new(Schema::new(&spec.data_type, fields, &spec.features)?))))
}

impl Codec for Json {
    fn schema(&self) -> &Arc<Schema> {
        &self.0
    }

    fn decoder(&self, wanted: &[u16]) -> Box<dyn Decoder> {
        Box::new(decode::JsonDecoder::new(&self.0, wanted))
    }
}
