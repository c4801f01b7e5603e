//! Convolutions and pools with the channels last: then tract's products write whole vectors, and a pool works on all channels at once, where
//! with the channels first both go value by value.

use tract_core::internal::{AxisOp, Rewriter, TractResult, TypedModel, TypedModelPatch, TypedNode, TypedOp};
use tract_core::ops::cnn::{Conv, MaxPool, SumPool};
use tract_core::ops::nn::DataFormat;
use tract_core::transform::get_transform;

/// Turns a model whose shapes are known, where all of its convolutions are plain ones: those in groups have code for channels first.
pub(super) fn last(mut model: TypedModel) -> TractResult<TypedModel> {
    let convolutions = || model.nodes().iter().filter_map(|node| node.op_as::<Conv>());
    let plain = |conv: &Conv| conv.group == 1 && conv.q_params.is_none();
    let known = model.nodes().iter().flat_map(|node| &node.outputs).all(|output| output.fact.shape.is_concrete());
    if convolutions().next().is_none() || !convolutions().all(plain) || !known {
        return Ok(model);
    }
    let Some(transform) = get_transform("conv_nhwc")? else { return Ok(model) };
    Rewriter::<()>::default().with_rule_for("max pool", max_pool).with_rule_for("sum pool", sum_pool).rewrite(&(), &mut model)?;
    transform.transform(&mut model)?;
    model.into_decluttered()
}

fn max_pool(_: &(), model: &TypedModel, node: &TypedNode, name: &str, op: &MaxPool) -> TractResult<Option<TypedModelPatch>> {
    if op.pool_spec.data_format != DataFormat::NCHW || op.with_index_outputs.is_some() {
        return Ok(None);
    }
    let mut op = op.clone();
    op.pool_spec.data_format = DataFormat::NHWC;
    between_moves(model, node, name, op).map(Some)
}

fn sum_pool(_: &(), model: &TypedModel, node: &TypedNode, name: &str, op: &SumPool) -> TractResult<Option<TypedModelPatch>> {
    if op.pool_spec.data_format != DataFormat::NCHW {
        return Ok(None);
    }
    let mut op = op.clone();
    op.pool_spec.data_format = DataFormat::NHWC;
    between_moves(model, node, name, op).map(Some)
}

/// The channels are moved last before the operator, and back behind it; tract takes out what two moves undo.
fn between_moves(
    model: &TypedModel,
    node: &TypedNode,
    name: &str,
    op: impl Into<Box<dyn TypedOp>>,
) -> TractResult<TypedModelPatch> {
    let rank = model.outlet_fact(node.inputs[0])?.rank();
    let mut patch = TypedModelPatch::default();
    let input = patch.tap_model(model, node.inputs[0])?;
    let moved = patch.wire_node(format!("{name}.channels_last"), AxisOp::Move(1, rank - 1), &[input])?;
    let made = patch.wire_node(name, op, &moved)?;
    let back = patch.wire_node(format!("{name}.channels_first"), AxisOp::Move(rank - 1, 1), &made)?;
    patch.shunt_outside(model, node.id.into(), back[0])?;
    Ok(patch)
}
