//! Between the contract's types and the host's. Slices are borrowed and vectors moved; only descriptions are copied.

use super::bindings::sandstream::model::types::{
    Dtype as WitDtype, Input as WitInput, Output as WitOutput, PackedParam, PackedResult, Scores as ScoresResult,
    Signature as SignatureResult, TensorParam, TensorResult,
};
use crate::types::{Dtype, Input, Output, Packed, PackedRef, Rejection, Scores, Signature, Tensor, TensorRef};

/// Longest reason of a rejection that is kept, bytes: it ends up in a header of a dead letter.
const REASON_BYTES_MAX: usize = 1024;

pub(super) fn param(tensor: TensorRef<'_>) -> TensorParam<'_> {
    match tensor {
        TensorRef::Float32(values) => TensorParam::Float32(values),
        TensorRef::Float64(values) => TensorParam::Float64(values),
        TensorRef::Int64(values) => TensorParam::Int64(values),
        TensorRef::Text(values) => TensorParam::Text(packed_param(values)),
        TensorRef::Bytes(values) => TensorParam::Bytes(packed_param(values)),
    }
}

fn packed_param(values: PackedRef<'_>) -> PackedParam<'_> {
    PackedParam { data: values.data, ends: values.ends, missing: values.missing }
}

/// Moves what the guest returned into `y`, which is empty.
pub(super) fn scores(came: ScoresResult, y: &mut Scores) {
    y.outputs.extend(came.outputs.into_iter().map(tensor));
    y.rejected.extend(
        came.rejected
            .into_iter()
            .map(|rejection| Rejection { row: rejection.row, reason: super::log::clean(&rejection.reason, REASON_BYTES_MAX) }),
    );
}

pub(super) fn tensor(came: TensorResult) -> Tensor {
    match came {
        TensorResult::Float32(values) => Tensor::Float32(values),
        TensorResult::Float64(values) => Tensor::Float64(values),
        TensorResult::Int64(values) => Tensor::Int64(values),
        TensorResult::Text(values) => Tensor::Text(packed(values)),
        TensorResult::Bytes(values) => Tensor::Bytes(packed(values)),
    }
}

/// The other way round: what a model that the guest opened has answered.
pub(super) fn back(given: Tensor) -> TensorResult {
    let packed = |Packed { data, ends, missing }| PackedResult { data, ends, missing };
    match given {
        Tensor::Float32(values) => TensorResult::Float32(values),
        Tensor::Float64(values) => TensorResult::Float64(values),
        Tensor::Int64(values) => TensorResult::Int64(values),
        Tensor::Text(values) => TensorResult::Text(packed(values)),
        Tensor::Bytes(values) => TensorResult::Bytes(packed(values)),
    }
}

/// What a model that the guest opened takes and gives.
pub(super) fn told(signature: &Signature) -> SignatureResult {
    let input = |input: &Input| WitInput { name: input.name.clone(), dtype: wit(input.dtype), fields: input.fields.clone() };
    let output = |output: &Output| WitOutput { name: output.name.clone(), dtype: wit(output.dtype), width: output.width };
    SignatureResult {
        inputs: signature.inputs.iter().map(input).collect(),
        outputs: signature.outputs.iter().map(output).collect(),
    }
}

fn wit(dtype: Dtype) -> WitDtype {
    match dtype {
        Dtype::Float32 => WitDtype::Float32,
        Dtype::Float64 => WitDtype::Float64,
        Dtype::Int64 => WitDtype::Int64,
        Dtype::Text => WitDtype::Text,
        Dtype::Bytes => WitDtype::Bytes,
    }
}

fn packed(came: PackedResult) -> Packed {
    Packed { data: came.data, ends: came.ends, missing: came.missing }
}

pub(super) fn signature(came: SignatureResult) -> Signature {
    let inputs =
        came.inputs.into_iter().map(|i| Input { name: i.name, dtype: dtype(i.dtype), fields: i.fields, dims: Vec::new() });
    let outputs = came.outputs.into_iter().map(|o| Output { name: o.name, dtype: dtype(o.dtype), width: o.width });
    Signature { inputs: inputs.collect(), outputs: outputs.collect() }
}

fn dtype(came: WitDtype) -> Dtype {
    match came {
        WitDtype::Float32 => Dtype::Float32,
        WitDtype::Float64 => Dtype::Float64,
        WitDtype::Int64 => Dtype::Int64,
        WitDtype::Text => Dtype::Text,
        WitDtype::Bytes => Dtype::Bytes,
    }
}
