//! Shapes are found node by node and checked before tract computes anything with them: it evaluates what depends on constants alone as
//! soon as it can, and a constant of 10^10 values would be made then.

use tract_core::internal::{Symbol, TDim, TVec};
use tract_onnx::tract_hir::infer::{GenericFactoid, InferenceFact, InferenceModel};
use tract_onnx::tract_hir::internal::{Factoid as _, OutletId, TractResult};

use super::axes::{self, Axes};
use crate::run::{self, too_large, volume_at_one_row};
use crate::{Bounds, Refused};

/// Infers types and shapes of a model, in the order of its nodes.
///
/// # Errors
/// A tensor is too large, or tract finds types or shapes that do not fit together.
pub(super) fn analyse(model: &mut InferenceModel, axes: &Axes, rows: Option<&Symbol>, bounds: &Bounds) -> Result<(), Refused> {
    let order = model.eval_order().map_err(|error| run::engine(&error))?;
    let mut folded = 0u64;
    for id in order {
        values(model, id)?;
        axes::check(axes, model, id)?;
        let facts = infer(model, id).map_err(|error| run::engine(&error))?;
        folded = facts.iter().filter(|_| constant(model, id)).filter_map(bytes).fold(folded, u64::saturating_add);
        if folded > bounds.weights {
            let what = "bytes that follow from constants".to_owned();
            return Err(Refused::TooLarge { what, got: folded, max: bounds.weights });
        }
        facts.iter().try_for_each(|fact| within(model, id, fact, rows, bounds))?;
        let step = step(model, id);
        step.map_err(|error| run::engine(&error.context(format!("node `{}`", model.node(id).name))))?;
        // What was open may be known by now, and the next node counts with it.
        model.node(id).outputs.iter().try_for_each(|output| within(model, id, &output.fact, rows, bounds))?;
    }
    Ok(())
}

/// tract's names of operators whose inputs are numbers: it reads the first value of a tensor that has none, wherever that may be. The
/// allow-list has looked at constants of the file; these may be computed.
const NUMBERS: &[&str] = &["CumSum", "If", "MelWeightMatrix", "NonMaxSuppression", "Range", "STFT", "Topk"];

fn values(model: &InferenceModel, id: usize) -> Result<(), Refused> {
    let node = model.node(id);
    let operator = node.op.name();
    if !NUMBERS.contains(&operator.as_ref()) && !operator.starts_with("StftWindow") {
        return Ok(());
    }
    let nothing = |outlet: &OutletId| {
        let fact = model.outlet_fact(*outlet).ok();
        fact.is_some_and(|fact| fact.shape.dims().any(|dim| dim.concretize().is_some_and(|dim| dim == TDim::from(0))))
    };
    if node.inputs.iter().any(nothing) {
        let reason = "one of its inputs has no value".to_owned();
        return Err(Refused::Operator { operator: operator.into_owned(), node: node.name.clone(), reason });
    }
    Ok(())
}

/// Checks the size of a tensor, where it is known.
fn within(
    model: &InferenceModel,
    id: usize,
    fact: &InferenceFact,
    rows: Option<&Symbol>,
    bounds: &Bounds,
) -> Result<(), Refused> {
    let Some(volume) = volume(fact, rows) else { return Ok(()) };
    match volume {
        Some(volume) if volume <= bounds.elements as u64 => Ok(()),
        _ => Err(too_large(&model.node(id).name, volume.unwrap_or(u64::MAX), bounds)),
    }
}

/// Whether a node depends on constants alone: tract computes it at once, and keeps what it made.
fn constant(model: &InferenceModel, id: usize) -> bool {
    let node = model.node(id);
    let known = |outlet: &OutletId| model.outlet_fact(*outlet).is_ok_and(|fact| fact.value.is_concrete());
    !model.inputs.iter().any(|input| input.node == id) && node.inputs.iter().all(known)
}

/// Bytes of a tensor whose type and shape are known.
fn bytes(fact: &InferenceFact) -> Option<u64> {
    let size = u64::try_from(fact.datum_type.concretize()?.size_of()).ok()?;
    Some(volume(fact, None)??.saturating_mul(size))
}

/// What a node's outputs would be, without computing them.
fn infer(model: &InferenceModel, id: usize) -> TractResult<TVec<InferenceFact>> {
    let node = model.node(id);
    let (inputs, outputs) = model.node_facts(id)?;
    let observed: Vec<OutletId> = node.op.observe_outlets(model, node)?;
    let observed = observed.iter().map(|outlet| model.outlet_fact(*outlet)).collect::<TractResult<TVec<_>>>()?;
    let mut op = node.op.clone();
    Ok(op.infer_facts(inputs, outputs, observed)?.1)
}

/// Lets a node infer what it can, values included, and notes it.
fn step(model: &mut InferenceModel, id: usize) -> TractResult<()> {
    let node = model.node(id);
    let (inputs, outputs) = model.node_facts(id)?;
    let observed: Vec<OutletId> = node.op.observe_outlets(model, node)?;
    let facts = observed.iter().map(|outlet| model.outlet_fact(*outlet)).collect::<TractResult<TVec<_>>>()?;
    let mut op = node.op.clone();
    let (inputs, outputs, facts) = op.infer(inputs, outputs, facts)?;
    let outlets = node.inputs.iter().copied().chain((0..outputs.len()).map(|slot| OutletId::new(id, slot))).chain(observed);
    let found: Vec<(OutletId, InferenceFact)> = outlets.zip(inputs.into_iter().chain(outputs).chain(facts)).collect();
    model.node_mut(id).op = op;
    for (outlet, fact) in found {
        let known = model.outlet_fact(outlet)?.unify(&fact)?;
        model.set_outlet_fact(outlet, known)?;
    }
    Ok(())
}

/// The number of values of a shape that is known.
fn volume(fact: &InferenceFact, rows: Option<&Symbol>) -> Option<Option<u64>> {
    let dims = fact.shape.dims().map(GenericFactoid::concretize).collect::<Option<Vec<TDim>>>()?;
    fact.shape.is_concrete().then_some(())?;
    volume_at_one_row(dims.iter(), rows)
}
