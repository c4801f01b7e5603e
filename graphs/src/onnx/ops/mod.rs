//! Operators of our own, one file a family, where tract has none or does otherwise than the specification says.

mod activation;
mod arithmetic;
mod bits;
mod cast;
mod loss;
mod own;
mod place;
mod pool;
mod recurrent;

use tract_onnx::Onnx;

/// tract's reader of ONNX, with our operators in it.
pub(super) fn onnx() -> Onnx {
    let mut onnx = tract_onnx::onnx().with_ignore_output_types(true).with_ignore_value_info(true);
    onnx.use_output_shapes = false;
    let register = &mut onnx.op_register;
    register.insert("BitShift", bits::shift);
    register.insert("Cast", cast::cast);
    register.insert("Celu", arithmetic::celu);
    register.insert("CenterCropPad", place::center);
    register.insert("CumProd", arithmetic::cum_prod);
    register.insert("Det", arithmetic::det);
    register.insert("GRU", recurrent::gru);
    register.insert("LSTM", recurrent::lstm);
    register.insert("LpPool", pool::lp_pool);
    register.insert("NegativeLogLikelihoodLoss", loss::likelihood);
    register.insert("OneHot", place::one_hot);
    register.insert("RNN", recurrent::rnn);
    register.insert("ReverseSequence", place::reverse);
    register.insert("SoftmaxCrossEntropyLoss", loss::cross_entropy);
    register.insert("SpaceToDepth", place::space_to_depth);
    onnx
}
