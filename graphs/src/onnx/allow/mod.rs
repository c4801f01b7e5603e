//! The allow-list.

use tract_onnx::pb::ModelProto;

use crate::Refused;

/// An operator that is allowed.
#[derive(Debug, Clone, Copy)]
pub struct Operator {
    /// Name.
    pub name: &'static str,
}

/// All operators that are allowed.
#[must_use]
pub fn operators() -> &'static [Operator] {
    &[]
}

pub(super) fn check(_model: &ModelProto) -> Result<(), Refused> {
    Ok(())
}
