//! How many rows go through a model in one call. All of them in one would be simplest, but the tensors between two operators have to stay in
//! the processor's caches, and the library's memory has to be found anew for every large one: 1,024 rows of a network of 64 wide layers take
//! twice as long in one call as in four.

use std::collections::HashMap;

use tract_core::internal::{Symbol, TDim, TypedModel};
use tract_core::ops::cnn::Conv;

/// Values of the widest tensor in a call of tract's: 64 KiB of floats, a part of the second cache, and less than what glibc's malloc asks the
/// system for each time.
const TRACT_VALUES: usize = 1 << 14;

/// Bytes of weights for one such value. A transformer of 64 wide layers has 5 rows of 32 tokens in a call by that: with 20 they do not fit into
/// the second cache any more, and take nearly twice as long.
const WEIGHT_BYTES: u64 = 16;

/// The same for ONNX Runtime, which takes several microseconds for a call of any size.
#[cfg(feature = "ort")]
const ONNX_RUNTIME_VALUES: usize = 1 << 20;

/// Values of a kernel's window from which on tract gathers them while it multiplies, for one row at a time; for several it writes all windows
/// out first, which takes longer than the product itself.
const WINDOW: usize = 6;

/// Rows of a call of tract's. The weights pass through the caches once a call, too, so that a call's values are not many times fewer.
pub(super) fn tract(row_values: usize, weights: u64) -> usize {
    let values = usize::try_from(weights / WEIGHT_BYTES).unwrap_or(usize::MAX).max(TRACT_VALUES);
    (values / row_values.max(1)).max(1)
}

/// Rows of a call of ONNX Runtime's.
#[cfg(feature = "ort")]
pub(crate) fn onnx_runtime(row_values: usize) -> usize {
    (ONNX_RUNTIME_VALUES / row_values.max(1)).max(1)
}

/// The model for one row, where tract runs rows faster singly: a convolution of more than a few values has code of its own for that.
pub(super) fn singly(model: &TypedModel, rows: &Symbol) -> Option<TypedModel> {
    let window = |conv: &Conv| conv.pool_spec.kernel_shape.iter().product::<usize>();
    let convolutions = || model.nodes().iter().filter_map(|node| node.op_as::<Conv>());
    if !convolutions().any(|conv| window(conv) >= WINDOW && conv.q_params.is_none()) {
        return None;
    }
    let single = model.set_symbols(&HashMap::from([(rows.clone(), TDim::from(1))])).ok()?;
    let whole = |model: &TypedModel| {
        let outlets = model.inputs.iter().chain(&model.outputs);
        outlets.into_iter().all(|outlet| {
            let shape = model.outlet_fact(*outlet).ok().and_then(|fact| fact.shape.as_concrete());
            shape.is_some_and(|shape| shape.first() == Some(&1))
        })
    };
    whole(&single).then_some(single)
}
