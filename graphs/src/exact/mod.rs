//! Elementary functions that keep their relative accuracy in the tails, where tract's are fitted for a small absolute error only: its
//! sigmoid answers 4.8e-7 for what is 1e-9, its erf is off by a third of 1e-6 next to zero. A rare event's score is such a tail.
//!
//! They replace tract's own in a typed model, so that it does not matter which format the model came from.

mod erf;
mod sigmoid;
mod tanh;

#[cfg(feature = "onnx")]
pub(crate) use sigmoid::sigmoid;
#[cfg(feature = "onnx")]
pub(crate) use tanh::tanh;

use tract_core::internal::{TractResult, TypedModel};
use tract_core::ops::element_wise::{ElementWiseMiniOp, ElementWiseOp};
use tract_core::ops::logic::IfThenElse;
use tract_core::ops::math::{Erf, Tanh};
use tract_core::ops::nn::Sigmoid;
use tract_core::ops::scan::Scan;

/// How many values are worked on at a time: they stay in the first cache.
const BLOCK: usize = 512;

/// Replaces what is not accurate, also in the bodies of loops and branches; loops begin anew in every run, as a row must not depend on the
/// rows before it.
pub(crate) fn replace(model: &mut TypedModel) -> TractResult<()> {
    for node in model.nodes_mut() {
        if let Some(scan) = node.op_as_mut::<Scan>() {
            scan.reset_every_turn = true;
            replace(&mut scan.body)?;
        }
        if let Some(branch) = node.op_as_mut::<IfThenElse>() {
            replace(&mut branch.then_body)?;
            replace(&mut branch.else_body)?;
        }
        // Quantised types have a table of their own in tract.
        let floats = node.outputs.first().is_some_and(|output| output.fact.datum_type.is_float());
        let exact = node.op_as::<ElementWiseOp>().filter(|_| floats).and_then(|op| Some((exact(op.0.as_ref())?, op.1)));
        if let Some((exact, datum)) = exact {
            node.op = Box::new(ElementWiseOp(exact, datum));
        }
    }
    Ok(())
}

fn exact(op: &dyn ElementWiseMiniOp) -> Option<Box<dyn ElementWiseMiniOp>> {
    if op.is::<Sigmoid>() {
        Some(Box::new(sigmoid::Exact))
    } else if op.is::<Erf>() {
        Some(Box::new(erf::Exact))
    } else if op.is::<Tanh>() {
        Some(Box::new(tanh::Exact))
    } else {
        None
    }
}
