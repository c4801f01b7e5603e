//! Cast to int64: tract makes dimensions of its own type of them, by way of 32 bits, so that larger numbers would be others. What already is
//! a dimension stays one, so that shapes can be computed.

use std::sync::LazyLock;

use tract_core::internal::*;
use tract_core::ops::cast::cast as plain_cast;
use tract_onnx::model::{OnnxOpRegister, ParsingContext};
use tract_onnx::pb::NodeProto;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::tract_hir::internal::{Expansion, InferenceResult, Solver, TensorProxy, expand};

use super::own::Built;

/// tract's own operators.
static TRACT: LazyLock<OnnxOpRegister> = LazyLock::new(|| tract_onnx::onnx().op_register);

/// Cast.
pub(super) fn cast(context: &ParsingContext<'_>, node: &NodeProto) -> Built {
    if node.get_attr::<i64>("to")? == DataType::Int64 as i64 {
        return Ok((expand(ToInt64), Vec::new()));
    }
    let builder = TRACT.0.get("Cast").context("tract has no Cast")?;
    builder(context, node)
}

#[derive(Debug, Clone)]
struct ToInt64;

fn made(from: DatumType) -> DatumType {
    if from == DatumType::TDim { from } else { DatumType::I64 }
}

impl Expansion for ToInt64 {
    fn name(&self) -> StaticName {
        "Cast".into()
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        s: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        ensure!(inputs.len() == 1 && outputs.len() == 1, "Cast has one input and one output");
        s.equals(&outputs[0].rank, &inputs[0].rank)?;
        s.equals(&outputs[0].shape, &inputs[0].shape)?;
        s.given(&inputs[0].datum_type, move |s, from| s.equals(&outputs[0].datum_type, made(from)))
    }

    fn wire(&self, prefix: &str, model: &mut TypedModel, inputs: &[OutletId]) -> TractResult<TVec<OutletId>> {
        let from = model.outlet_fact(inputs[0])?.datum_type;
        if from == made(from) {
            return Ok(tvec!(inputs[0]));
        }
        ensure!(from != DatumType::String, "a cast from text to int64 is not supported");
        model.wire_node(prefix, plain_cast(DatumType::I64), inputs)
    }
}
