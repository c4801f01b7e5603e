//! A wine as a Kafka record.

use std::io::Write;

use crate::{FEATURES, Wine};

/// `dataType` of every encoded wine.
const DATA_TYPE: &str = "wine";

impl Wine {
    /// As JSON: `{"id":0,"ts":1700000000000,"fixed acidity":7.4,...,"alcohol":9.4}`. A NaN feature is `null`.
    #[must_use]
    pub fn to_json(&self, id: u64, ts: i64) -> Vec<u8> {
        let mut json = Vec::with_capacity(256);
        // Writing to a vector cannot fail.
        let _ = write!(json, "{{\"id\":{id},\"ts\":{ts}");
        for (name, value) in FEATURES.iter().zip(self.features) {
            let _ = if value.is_finite() { write!(json, ",\"{name}\":{value}") } else { write!(json, ",\"{name}\":null") };
        }
        json.push(b'}');
        json
    }

    /// As the tutorial's `WineRecord` (`wine.proto`). A feature of zero is left out, as proto3 writers do.
    #[must_use]
    pub fn to_protobuf(&self) -> Vec<u8> {
        const FIXED64: u8 = 1;
        const LENGTH: u8 = 2;
        let mut bytes = Vec::with_capacity(11 * 9 + 6);
        for (number, value) in (1u8..).zip(self.features) {
            if value.to_bits() != 0 {
                bytes.push(number << 3 | FIXED64);
                bytes.extend_from_slice(&value.to_le_bytes());
            }
        }
        bytes.push(12 << 3 | LENGTH);
        bytes.push(DATA_TYPE.len() as u8);
        bytes.extend_from_slice(DATA_TYPE.as_bytes());
        bytes
    }
}
