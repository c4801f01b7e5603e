//! TensorFlow's element types: numbers, names, and what tract calls them (tensorflow/core/framework/types.proto).

use tract_core::internal::{Datum, DatumType};

const NAMES: &[(i32, &str)] = &[
    (1, "DT_FLOAT"),
    (2, "DT_DOUBLE"),
    (3, "DT_INT32"),
    (4, "DT_UINT8"),
    (5, "DT_INT16"),
    (6, "DT_INT8"),
    (7, "DT_STRING"),
    (8, "DT_COMPLEX64"),
    (9, "DT_INT64"),
    (10, "DT_BOOL"),
    (11, "DT_QINT8"),
    (12, "DT_QUINT8"),
    (13, "DT_QINT32"),
    (14, "DT_BFLOAT16"),
    (15, "DT_QINT16"),
    (16, "DT_QUINT16"),
    (17, "DT_UINT16"),
    (18, "DT_COMPLEX128"),
    (19, "DT_HALF"),
    (20, "DT_RESOURCE"),
    (21, "DT_VARIANT"),
    (22, "DT_UINT32"),
    (23, "DT_UINT64"),
];

pub(super) const INT32: i32 = 3;
pub(super) const STRING: i32 = 7;
pub(super) const INT64: i32 = 9;

/// The name of a type, as the text form has it.
pub(super) fn name(dtype: i32) -> String {
    NAMES.iter().find(|(number, _)| *number == dtype).map_or_else(|| format!("type {dtype}"), |(_, name)| (*name).to_owned())
}

/// The number of a type that the text form names.
pub(super) fn number(name: &str) -> Option<i32> {
    // References to variables of TensorFlow 1 are numbered from 101.
    let (base, add) = name.strip_suffix("_REF").map_or((name, 0), |base| (base, 100));
    NAMES.iter().find(|(_, known)| *known == base).map(|(number, _)| number + add)
}

/// tract's type for it; `None` where the numbers are not read here.
pub(super) fn datum(dtype: i32) -> Option<DatumType> {
    Some(match if dtype > 100 { dtype - 100 } else { dtype } {
        1 => f32::datum_type(),
        2 => f64::datum_type(),
        3 => i32::datum_type(),
        4 => u8::datum_type(),
        5 => i16::datum_type(),
        6 => i8::datum_type(),
        7 => String::datum_type(),
        9 => i64::datum_type(),
        10 => bool::datum_type(),
        17 => u16::datum_type(),
        19 => DatumType::F16,
        22 => u32::datum_type(),
        23 => u64::datum_type(),
        _ => return None,
    })
}

/// Bytes of one value, where all have the same.
pub(super) fn size(dtype: i32) -> Option<usize> {
    datum(dtype).filter(|datum| *datum != String::datum_type()).map(|datum| datum.size_of())
}
