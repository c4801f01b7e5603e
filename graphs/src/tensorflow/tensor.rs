//! Tensors of TensorFlow's as tensors of tract's, checked against the bounds before memory is taken.

use tract_core::internal::{Datum, DatumType, Tensor, TractResult, f16};

use super::{dtype, proto::TensorProto};

/// What a text takes, even where it is empty.
const TEXT_BYTES: usize = size_of::<Vec<u8>>();

/// Bytes that a constant of a graph takes.
///
/// # Errors
/// It is too large, or of a type that is not read.
pub(super) fn bytes(proto: &TensorProto, elements_max: usize) -> Result<usize, String> {
    let elements = elements(&shape(proto)?, elements_max)?;
    let size = if proto.dtype == dtype::STRING { Some(TEXT_BYTES) } else { dtype::size(proto.dtype) };
    let size = size.ok_or_else(|| format!("a constant of {} is not read", dtype::name(proto.dtype)))?;
    Ok(elements.saturating_mul(size))
}

/// A constant of a graph.
///
/// # Errors
/// What is wrong with it.
pub(super) fn constant(proto: &TensorProto, elements_max: usize) -> Result<Tensor, String> {
    let shape = shape(proto)?;
    let elements = elements(&shape, elements_max)?;
    let datum = dtype::datum(proto.dtype).ok_or_else(|| format!("a constant of {} is not read", dtype::name(proto.dtype)))?;
    if !proto.tensor_content.is_empty() {
        return plain(datum, &shape, &proto.tensor_content);
    }
    let made = match datum {
        DatumType::F16 => filled(&shape, elements, proto.half_val.iter().map(|bits| f16::from_bits(*bits as u16))),
        DatumType::F32 => filled(&shape, elements, proto.float_val.iter().copied()),
        DatumType::F64 => filled(&shape, elements, proto.double_val.iter().copied()),
        DatumType::I8 => filled(&shape, elements, proto.int_val.iter().map(|value| *value as i8)),
        DatumType::I16 => filled(&shape, elements, proto.int_val.iter().map(|value| *value as i16)),
        DatumType::I32 => filled(&shape, elements, proto.int_val.iter().copied()),
        DatumType::I64 => filled(&shape, elements, proto.int64_val.iter().copied()),
        DatumType::U8 => filled(&shape, elements, proto.int_val.iter().map(|value| *value as u8)),
        DatumType::U16 => filled(&shape, elements, proto.int_val.iter().map(|value| *value as u16)),
        DatumType::U32 => filled(&shape, elements, proto.uint32_val.iter().copied()),
        DatumType::U64 => filled(&shape, elements, proto.uint64_val.iter().copied()),
        DatumType::Bool => filled(&shape, elements, proto.bool_val.iter().copied()),
        _ => return Err(format!("a constant of {} is not read", dtype::name(proto.dtype))),
    };
    made.map_err(|error| format!("{error:#}"))
}

/// Texts of a constant.
///
/// # Errors
/// What is wrong with it.
pub(super) fn texts(proto: &TensorProto, elements_max: usize) -> Result<Vec<Vec<u8>>, String> {
    let shape = shape(proto)?;
    let elements = elements(&shape, elements_max)?;
    match proto.string_val.as_slice() {
        [] => Ok(vec![Vec::new(); elements]),
        given if given.len() == elements => Ok(given.to_vec()),
        given => Err(format!("{} texts are given for shape {shape:?}", given.len())),
    }
}

/// A tensor from its bytes as they lie in memory, little-endian.
///
/// # Errors
/// There are not as many as the shape needs.
pub(super) fn plain(datum: DatumType, shape: &[usize], bytes: &[u8]) -> Result<Tensor, String> {
    let wanted = shape.iter().try_fold(datum.size_of(), |product, dim| product.checked_mul(*dim));
    if wanted != Some(bytes.len()) || datum == String::datum_type() {
        return Err(format!("shape {shape:?} of {datum:?} has {} bytes", bytes.len()));
    }
    let mut tensor = Tensor::zero_dt(datum, shape).map_err(|error| format!("{error:#}"))?;
    if datum == bool::datum_type() {
        // Any other byte would be no truth value at all to Rust.
        let values: Vec<bool> = bytes.iter().map(|byte| *byte != 0).collect();
        return Tensor::from_shape(shape, &values).map_err(|error| format!("{error:#}"));
    }
    tensor.as_bytes_mut().copy_from_slice(bytes);
    Ok(tensor)
}

fn shape(proto: &TensorProto) -> Result<Vec<usize>, String> {
    let dims = proto.tensor_shape.iter().flat_map(|shape| &shape.dim).map(|dim| usize::try_from(dim.size));
    dims.collect::<Result<_, _>>().map_err(|_| "a constant has a negative dimension".to_owned())
}

/// Number of values of a shape. What they were without its zeros counts too: tract multiplies the others all the same.
fn elements(shape: &[usize], max: usize) -> Result<usize, String> {
    let elements =
        shape.iter().try_fold(1usize, |product, dim| product.checked_mul((*dim).max(1))).filter(|elements| *elements <= max);
    let elements = elements.ok_or_else(|| format!("a constant of shape {shape:?} has more than {max} values"))?;
    Ok(if shape.contains(&0) { 0 } else { elements })
}

/// TensorFlow leaves out what repeats: the last value given stands for all that follow, and none for zero.
fn filled<T: Datum + Copy + Default>(shape: &[usize], elements: usize, given: impl Iterator<Item = T>) -> TractResult<Tensor> {
    let mut values: Vec<T> = Vec::with_capacity(elements);
    values.extend(given.take(elements));
    let last = values.last().copied().unwrap_or_default();
    values.resize(elements, last);
    Tensor::from_shape(shape, &values)
}
