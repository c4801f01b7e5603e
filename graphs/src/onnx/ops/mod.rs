//! Operators of our own, one file a family, beside those of tract's.

use tract_onnx::Onnx;

/// tract's reader of ONNX, with our operators in it.
pub(super) fn onnx() -> Onnx {
    let mut onnx = tract_onnx::onnx().with_ignore_output_types(true).with_ignore_value_info(true);
    onnx.use_output_shapes = false;
    onnx
}
