//! The operators that are taken: one file per family, one list in each. What is in no list is refused.

mod activation;
mod arithmetic;
mod batch;
mod constant;
mod control;
mod convolution;
mod gather;
mod kernel;
mod list;
mod matmul;
mod normal;
mod reduce;
mod shape;
mod slice;
mod variable;

use tract_core::internal::OutletId;

use super::build::Build;
use super::call::{Call, Reason};
use super::value::Value;

/// Checks a node and wires it: one value for each of its outputs.
type Operator = fn(&mut Build<'_>, &Call<'_>) -> Result<Vec<Value>, Reason>;

/// More outputs than a node in a dead branch needs.
pub(super) const MANY: usize = 64;

const FAMILIES: &[&[(&str, Operator)]] = &[
    activation::LIST,
    arithmetic::LIST,
    batch::LIST,
    constant::LIST,
    control::LIST,
    convolution::LIST,
    gather::LIST,
    list::LIST,
    matmul::LIST,
    normal::LIST,
    reduce::LIST,
    shape::LIST,
    slice::LIST,
    variable::LIST,
];

/// Outputs of operators with more than one, for graphs that bring no definitions of their operators.
const OUTPUTS: &[(&str, &[&str])] = &[
    ("FusedBatchNorm", &["y", "batch_mean", "batch_variance", "reserve_space_1", "reserve_space_2"]),
    ("FusedBatchNormV2", &["y", "batch_mean", "batch_variance", "reserve_space_1", "reserve_space_2"]),
    ("FusedBatchNormV3", &["y", "batch_mean", "batch_variance", "reserve_space_1", "reserve_space_2", "reserve_space_3"]),
    ("Merge", &["output", "value_index"]),
    ("Switch", &["output_false", "output_true"]),
    ("TensorListPopBack", &["output_handle", "tensor"]),
    ("TopKV2", &["values", "indices"]),
    ("SoftmaxCrossEntropyWithLogits", &["loss", "backprop"]),
];

/// The operator of that name.
pub(super) fn find(name: &str) -> Option<Operator> {
    FAMILIES.iter().flat_map(|family| family.iter()).find(|(known, _)| *known == name).map(|(_, operator)| *operator)
}

/// Names of all operators that are taken, in order.
pub(in crate::tensorflow) fn names() -> Vec<&'static str> {
    let mut names: Vec<_> = FAMILIES.iter().flat_map(|family| family.iter()).map(|(name, _)| *name).collect();
    names.sort_unstable();
    names
}

/// Which output a name is, where the graph does not define its operators.
pub(super) fn output(operator: &str, name: &str) -> Option<usize> {
    match OUTPUTS.iter().find(|(known, _)| *known == operator) {
        Some((_, outputs)) => outputs.iter().position(|output| *output == name),
        None => Some(0),
    }
}

/// Whether an operator changes what the next call sees.
pub(super) fn changes_variables(operator: &str) -> bool {
    let changing =
        ["Assign", "ResourceApply", "ResourceScatter", "Scatter", "LookupTableInsert", "LookupTableImport", "MutableHashTable"];
    changing.iter().any(|start| operator.starts_with(start)) && !matches!(operator, "ScatterNd")
}

/// What to say of an operator that is in no list.
pub(super) fn unknown(operator: &str) -> Reason {
    let why = if operator.starts_with("Random") || operator.starts_with("Stateless") {
        "it draws random numbers, or runs what does: an answer would not be a function of its row"
    } else if operator.contains("Parse") || operator.starts_with("Decode") || operator.starts_with("String") {
        "it reads texts or serialised examples: give the numbers that they are turned into"
    } else if matches!(operator, "Enter" | "Exit" | "NextIteration" | "LoopCond") || operator.starts_with("TensorArray") {
        "loops of TensorFlow 1 are not run: export with control flow of version 2"
    } else if operator.contains("HashTable") || operator.starts_with("LookupTable") {
        "look-ups in tables are not run: give the numbers that it looks up"
    } else {
        "it is not on the list of operators that are run"
    };
    Reason::Words(format!("{why}; `docs/tensorflow-operators.md` lists those that are"))
}

/// One output.
fn one(outlet: OutletId) -> Result<Vec<Value>, Reason> {
    Ok(vec![Value::Tensor(outlet)])
}
