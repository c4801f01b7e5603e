//! Cells of a column as JSON.

use arrow_array::cast::AsArray as _;
use arrow_array::types::{
    Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;

use crate::types::Kind;

/// Whether a column of this type can be a field of this kind; otherwise what it should be.
pub(super) fn fits(kind: Kind, column: &DataType) -> Result<(), &'static str> {
    use DataType::{
        Binary, Boolean, Dictionary, Float32, Float64, Int8, Int16, Int32, Int64, LargeBinary, LargeUtf8, UInt8, UInt16, UInt32,
        UInt64, Utf8, Utf8View,
    };
    let integer = matches!(column, Int8 | Int16 | Int32 | Int64 | UInt8 | UInt16 | UInt32 | UInt64 | Boolean);
    let number = integer || matches!(column, Float32 | Float64);
    let text = |column: &DataType| matches!(column, Utf8 | LargeUtf8 | Utf8View);
    let text = text(column) || matches!(column, Dictionary(_, values) if text(values));
    match kind {
        Kind::Number if number => Ok(()),
        Kind::Integer if integer => Ok(()),
        Kind::Text if text => Ok(()),
        Kind::Bytes if matches!(column, Binary | LargeBinary) => Ok(()),
        Kind::Number => Err("a column of integers or floats"),
        Kind::Integer => Err("a column of integers"),
        Kind::Text => Err("a column of texts, plain or as a dictionary"),
        Kind::Bytes => Err("a column of binary values"),
    }
}

/// Appends the value of a row as JSON; `null` where there is none. Floats are written so that they are read as the same ones.
pub(super) fn write(column: &ArrayRef, row: usize, out: &mut Vec<u8>) {
    if column.is_null(row) {
        out.extend_from_slice(b"null");
        return;
    }
    match column.data_type() {
        DataType::Float64 => float(column.as_primitive::<Float64Type>().value(row), out),
        DataType::Float32 => float(f64::from(column.as_primitive::<Float32Type>().value(row)), out),
        DataType::Int8 => integer(column.as_primitive::<Int8Type>().value(row), out),
        DataType::Int16 => integer(column.as_primitive::<Int16Type>().value(row), out),
        DataType::Int32 => integer(column.as_primitive::<Int32Type>().value(row), out),
        DataType::Int64 => integer(column.as_primitive::<Int64Type>().value(row), out),
        DataType::UInt8 => integer(column.as_primitive::<UInt8Type>().value(row), out),
        DataType::UInt16 => integer(column.as_primitive::<UInt16Type>().value(row), out),
        DataType::UInt32 => integer(column.as_primitive::<UInt32Type>().value(row), out),
        DataType::UInt64 => integer(column.as_primitive::<UInt64Type>().value(row), out),
        DataType::Boolean => out.push(b'0' + u8::from(column.as_boolean().value(row))),
        DataType::Utf8 => text(column.as_string::<i32>().value(row), out),
        DataType::LargeUtf8 => text(column.as_string::<i64>().value(row), out),
        DataType::Utf8View => text(column.as_string_view().value(row), out),
        DataType::Binary => bytes(column.as_binary::<i32>().value(row), out),
        DataType::LargeBinary => bytes(column.as_binary::<i64>().value(row), out),
        _ => dictionary(column, row, out),
    }
}

fn float(value: f64, out: &mut Vec<u8>) {
    if value.is_finite() {
        out.extend_from_slice(zmij::Buffer::new().format_finite(value).as_bytes());
    } else if value.is_nan() {
        out.extend_from_slice(b"null");
    } else {
        out.extend_from_slice(if value > 0.0 { b"\"Infinity\"" } else { b"\"-Infinity\"" });
    }
}

fn integer(value: impl itoa::Integer, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

fn text(value: &str, out: &mut Vec<u8>) {
    // Writing to a vector does not fail, and a text is always JSON.
    let _ = serde_json::to_writer(out, value);
}

fn bytes(value: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    crate::codec::bytes_as_json(value, out);
    out.push(b'"');
}

fn dictionary(column: &ArrayRef, row: usize, out: &mut Vec<u8>) {
    let Some(dictionary) = column.as_any_dictionary_opt() else { return out.extend_from_slice(b"null") };
    let keys = dictionary.keys();
    // A key that is out of range is refused when the file is read.
    let key = match keys.data_type() {
        DataType::Int8 => keys.as_primitive::<Int8Type>().value(row) as usize,
        DataType::Int16 => keys.as_primitive::<Int16Type>().value(row) as usize,
        DataType::Int32 => keys.as_primitive::<Int32Type>().value(row) as usize,
        DataType::Int64 => keys.as_primitive::<Int64Type>().value(row) as usize,
        DataType::UInt8 => usize::from(keys.as_primitive::<UInt8Type>().value(row)),
        DataType::UInt16 => usize::from(keys.as_primitive::<UInt16Type>().value(row)),
        DataType::UInt32 => keys.as_primitive::<UInt32Type>().value(row) as usize,
        _ => keys.as_primitive::<UInt64Type>().value(row) as usize,
    };
    write(dictionary.values(), key, out);
}
