//! What a list of attributes cannot say.

use super::Seen;

/// Operators whose inputs are numbers: tract reads the first value of a tensor that has none, wherever that may be.
const NUMBERS: &[&str] = &[
    "BlackmanWindow",
    "CumProd",
    "CumSum",
    "Dropout",
    "HammingWindow",
    "HannWindow",
    "If",
    "MelWeightMatrix",
    "NonMaxSuppression",
    "OneHot",
    "Range",
    "STFT",
    "TopK",
    "Trilu",
];

/// Constants that are numbers have a value.
pub(super) fn values(seen: &Seen<'_>) -> Result<(), String> {
    if !NUMBERS.contains(&seen.node.op_type.as_str()) {
        return Ok(());
    }
    let empty = |name: &&String| seen.constant(name).is_some_and(|tensor| tensor.dims.contains(&0));
    match seen.node.input.iter().find(empty) {
        Some(input) => Err(format!("its input `{input}` has no value, one is expected")),
        None => Ok(()),
    }
}

/// A node may have one output only.
pub(super) fn one_output(seen: &Seen<'_>) -> Result<(), String> {
    match seen.node.output.iter().skip(1).find(|name| !name.is_empty()) {
        Some(name) => Err(format!("its output `{name}` is there in training only; export the model for inference")),
        None => Ok(()),
    }
}

/// Windows are refused by their attributes; a cache before a causal mask is not placed as the specification says.
pub(super) fn attention(seen: &Seen<'_>) -> Result<(), String> {
    let past = seen.node.input.iter().skip(4).take(2).any(|name| !name.is_empty());
    let causal = seen.node.attribute.iter().any(|attribute| attribute.name == "is_causal" && attribute.i != 0);
    if past && causal {
        return Err("is_causal together with past_key and past_value is not supported".to_owned());
    }
    Ok(())
}

/// Texts can be read as numbers, but not written.
pub(super) fn cast(seen: &Seen<'_>) -> Result<(), String> {
    let text = tract_onnx::pb::tensor_proto::DataType::String as i64;
    if seen.node.attribute.iter().any(|attribute| attribute.name == "to" && attribute.i == text) {
        return Err("a cast to text is not supported".to_owned());
    }
    Ok(())
}

/// Dropout does nothing in a model that is not in training.
pub(super) fn dropout(seen: &Seen<'_>) -> Result<(), String> {
    let Some(training) = seen.node.input.get(2).filter(|name| !name.is_empty()) else { return Ok(()) };
    let off = seen.constant(training).is_some_and(|tensor| tensor.raw_data.iter().all(|byte| *byte == 0));
    let ratio = seen.node.input.get(1).filter(|name| !name.is_empty());
    let nothing = ratio.and_then(|name| seen.constant(name)).is_some_and(|tensor| tensor.raw_data.iter().all(|byte| *byte == 0));
    if off || nothing {
        return Ok(());
    }
    Err("it drops values at random in training mode; export the model for inference".to_owned())
}

/// Sizes that are not dimensions of a tensor that could be there: tract computes them in 32 bits, so that larger ones would be others.
pub(super) fn sizes(seen: &Seen<'_>) -> Result<(), String> {
    for input in &seen.node.input {
        let Some(tensor) = seen.constant(input) else { continue };
        if tensor.data_type != tract_onnx::pb::tensor_proto::DataType::Int64 as i32 {
            continue;
        }
        let values = tensor.raw_data.as_chunks::<8>().0.iter().map(|bytes| i64::from_le_bytes(*bytes));
        if let Some(value) = values.into_iter().find(|value| i32::try_from(*value).is_err()) {
            return Err(format!("sizes and repeats are at most {}, `{input}` has {value}", i32::MAX));
        }
    }
    Ok(())
}
