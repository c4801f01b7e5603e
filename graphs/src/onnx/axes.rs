//! LayerNormalization's axis: tract walks from dimension 0 to it, so one that the tensor does not have would be walked to for ever.

use std::collections::HashMap;

use tract_onnx::pb::{GraphProto, NodeProto};
use tract_onnx::tract_hir::infer::{Factoid as _, InferenceModel};

use super::walk;
use crate::Refused;

const OPERATOR: &str = "LayerNormalization";
/// No tensor has more dimensions.
const RANK_MAX: i64 = 32;

/// The axes that have to be looked at once ranks are known, by node.
pub(super) type Axes = HashMap<String, i64>;

/// Finds them.
///
/// # Errors
/// An axis that no tensor has, or, in a graph within the graph, where ranks are not known in time, one that counts from the end other
/// than the last.
pub(super) fn find(graph: &GraphProto) -> Result<Axes, Refused> {
    let mut axes = Axes::new();
    for node in &graph.node {
        if let Some(axis) = axis(node)? {
            axes.insert(walk::name(node).to_owned(), axis);
        }
        node.attribute.iter().flat_map(|attribute| attribute.g.iter().chain(&attribute.graphs)).try_for_each(inner)?;
    }
    Ok(axes)
}

fn inner(graph: &GraphProto) -> Result<(), Refused> {
    for node in &graph.node {
        if let Some(axis) = axis(node)?.filter(|axis| *axis < -1) {
            return Err(refused(
                walk::name(node),
                &format!("axis {axis} in a graph within the graph; -1, or one from 0 on, is supported there"),
            ));
        }
        node.attribute.iter().flat_map(|attribute| attribute.g.iter().chain(&attribute.graphs)).try_for_each(inner)?;
    }
    Ok(())
}

fn axis(node: &NodeProto) -> Result<Option<i64>, Refused> {
    if node.op_type != OPERATOR {
        return Ok(None);
    }
    let axis = node.attribute.iter().find(|attribute| attribute.name == "axis").map_or(-1, |attribute| attribute.i);
    if (-RANK_MAX..RANK_MAX).contains(&axis) {
        return Ok(Some(axis));
    }
    Err(refused(walk::name(node), &format!("no tensor has axis {axis}")))
}

/// Checks a node whose input is known by now.
///
/// # Errors
/// Its input lacks the axis, or its rank is not known.
pub(super) fn check(axes: &Axes, model: &InferenceModel, id: usize) -> Result<(), Refused> {
    let node = model.node(id);
    let Some(axis) = axes.get(&node.name).filter(|axis| **axis < 0) else { return Ok(()) };
    let rank =
        node.inputs.first().and_then(|input| model.outlet_fact(*input).ok()).and_then(|fact| fact.shape.rank().concretize());
    match rank {
        Some(rank) if axis + rank >= 0 => Ok(()),
        Some(rank) => Err(refused(&node.name, &format!("its input has {rank} dimensions, and no axis {axis}"))),
        None if *axis == -1 => Ok(()),
        None => Err(refused(&node.name, &format!("axis {axis} of an input whose number of dimensions is not known"))),
    }
}

fn refused(node: &str, reason: &str) -> Refused {
    Refused::Operator { operator: OPERATOR.to_owned(), node: node.to_owned(), reason: reason.to_owned() }
}
