//! Constant tensors: their sizes are checked, and what is written in typed fields becomes bytes, since tract reads some of those fields
//! otherwise than the format says.

use tract_onnx::pb::TensorProto;
use tract_onnx::pb::tensor_proto::DataType;

use crate::{Bounds, Refused};

/// Weights that were read so far.
pub(super) struct Weights<'a> {
    bytes: u64,
    bounds: &'a Bounds,
}

impl<'a> Weights<'a> {
    pub(super) fn new(bounds: &'a Bounds) -> Self {
        Self { bytes: 0, bounds }
    }

    /// Checks a tensor and writes its values as little-endian bytes; texts stay what they are.
    ///
    /// # Errors
    /// Its type is not supported, its shape is negative or too large, or it has other than its shape's number of values.
    pub(super) fn normalise(&mut self, tensor: &mut TensorProto, what: &str) -> Result<(), Refused> {
        let malformed = |reason: String| Refused::Malformed { what: what.to_owned(), reason };
        let (datum, size) = supported(tensor.data_type).map_err(malformed)?;
        let values = volume(&tensor.dims).map_err(malformed)?;
        if values.is_none_or(|values| values > self.bounds.elements) {
            let got = values.and_then(|values| u64::try_from(values).ok()).unwrap_or(u64::MAX);
            let max = u64::try_from(self.bounds.elements).unwrap_or(u64::MAX);
            return Err(Refused::TooLarge { what: format!("number of values of {what}"), got, max });
        }
        let values = values.unwrap_or(0);
        if datum == DataType::String {
            if tensor.string_data.len() != values {
                return Err(malformed(format!("its shape has {values} texts, it has {}", tensor.string_data.len())));
            }
            self.bytes = self.bytes.saturating_add(tensor.string_data.iter().map(|text| text.len() as u64).sum());
        } else {
            if tensor.raw_data.is_empty() {
                tensor.raw_data = bytes(tensor, datum);
                clear(tensor);
            }
            if Some(tensor.raw_data.len()) != values.checked_mul(size) {
                let (name, got) = (datum.as_str_name().to_lowercase(), tensor.raw_data.len());
                return Err(malformed(format!("its shape has {values} values of {name}, {size} bytes each, it has {got} bytes")));
            }
            self.bytes = self.bytes.saturating_add(tensor.raw_data.len() as u64);
        }
        if self.bytes > self.bounds.weights {
            return Err(Refused::TooLarge { what: "bytes of all weights".to_owned(), got: self.bytes, max: self.bounds.weights });
        }
        Ok(())
    }
}

/// The element type and its size in bytes.
pub(super) fn supported(number: i32) -> Result<(DataType, usize), String> {
    let datum =
        DataType::try_from(number).map_err(|_| format!("its element type has the number {number}, which is not known"))?;
    let size = match datum {
        DataType::Bool | DataType::Int8 | DataType::Uint8 => 1,
        DataType::Float16 | DataType::Int16 | DataType::Uint16 => 2,
        DataType::Float | DataType::Int32 | DataType::Uint32 => 4,
        DataType::Double | DataType::Int64 | DataType::Uint64 => 8,
        DataType::String => 0,
        other => return Err(format!("element type {} is not supported", other.as_str_name().to_lowercase())),
    };
    Ok((datum, size))
}

/// Number of values of a shape; `None` where no usize can hold it, were none of its dimensions zero: tract multiplies the others all
/// the same.
fn volume(dims: &[i64]) -> Result<Option<usize>, String> {
    let mut product = Some(1usize);
    for dim in dims {
        let size = usize::try_from(*dim).map_err(|_| format!("its shape {dims:?} has a negative dimension"))?;
        product = product.and_then(|product| product.checked_mul(size.max(1)));
    }
    Ok(product.map(|product| if dims.contains(&0) { 0 } else { product }))
}

fn clear(tensor: &mut TensorProto) {
    (tensor.float_data, tensor.int32_data, tensor.int64_data) = (Vec::new(), Vec::new(), Vec::new());
    (tensor.double_data, tensor.uint64_data) = (Vec::new(), Vec::new());
}

/// The values of the field that the format provides for the type, as bytes. Narrow types lie in wider fields, whose low bytes they are.
fn bytes(tensor: &TensorProto, datum: DataType) -> Vec<u8> {
    let ints = |size: usize| tensor.int32_data.iter().flat_map(|value| value.to_le_bytes().into_iter().take(size)).collect();
    match datum {
        DataType::Float => tensor.float_data.iter().flat_map(|value| value.to_le_bytes()).collect(),
        DataType::Double => tensor.double_data.iter().flat_map(|value| value.to_le_bytes()).collect(),
        DataType::Int64 => tensor.int64_data.iter().flat_map(|value| value.to_le_bytes()).collect(),
        DataType::Uint64 => tensor.uint64_data.iter().flat_map(|value| value.to_le_bytes()).collect(),
        DataType::Uint32 => tensor.uint64_data.iter().flat_map(|value| value.to_le_bytes().into_iter().take(4)).collect(),
        DataType::Bool | DataType::Int8 | DataType::Uint8 => ints(1),
        DataType::Float16 | DataType::Int16 | DataType::Uint16 => ints(2),
        _ => ints(4),
    }
}
