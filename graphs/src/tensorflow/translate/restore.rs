//! Which variable holds which stored tensor: the graph itself says it. TensorFlow restores a model by running a node of it, in
//! TensorFlow 1 a list of `RestoreV2` and `Assign`, in TensorFlow 2 a function of `RestoreV2` and `AssignVariableOp`. So do we.

use super::super::proto::{GraphDef, MetaGraphDef};
use super::build::Build;
use super::scope::{Scope, node_of};
use super::value::Value;
use crate::Refused;

/// Fills the variables.
///
/// # Errors
/// The node that restores is missing, or an operator on the way to it is not on the list.
pub(super) fn variables<'a>(build: &mut Build<'a>, graph: &'a GraphDef, meta: &MetaGraphDef) -> Result<(), Refused> {
    if !build.has_bundle() {
        return Ok(());
    }
    let saver = meta.saver_def.as_ref();
    let mut scope = Scope::graph(graph)?;
    scope.restoring = true;
    match saver.filter(|saver| !saver.restore_op_name.is_empty()) {
        Some(saver) => {
            let restore = node_of(&saver.restore_op_name);
            if !scope.names().any(|(name, _)| name == restore) {
                let reason = format!("the node `{restore}`, which restores the variables, is not in the graph");
                return Err(Refused::Malformed { what: "SaverDef".to_owned(), reason });
            }
            let prefix = node_of(&saver.filename_tensor_name);
            if scope.names().any(|(name, _)| name == prefix) {
                // The name of the file: the bundle is open already.
                scope.feed(prefix, Value::Nothing)?;
            }
            build.walk(&mut scope, restore, 0)
        }
        None => {
            let restored = |op: &str| matches!(op, "Assign" | "AssignVariableOp");
            let mut names: Vec<_> = scope.names().filter(|(_, node)| restored(&node.op)).collect();
            names.retain(|(_, node)| node.input.iter().any(|input| input.contains("RestoreV2")));
            names.into_iter().try_for_each(|(name, _)| build.walk(&mut scope, name, 0))
        }
    }
}
