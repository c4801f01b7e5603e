//! A program that was built without ONNX Runtime's binding.

use std::path::Path;
use std::sync::Arc;

use tract_onnx::pb::ModelProto;

use crate::onnx::load::{Input, Wanted};
use crate::{Bounds, Graph, Refused};

/// There is none.
pub(in crate::onnx) enum Runtime {}

impl Runtime {
    pub(in crate::onnx) fn open(_: &Path) -> Result<Self, String> {
        Err("this program was built without it; build with the feature `ort`, or leave `onnxruntime` out of `[backends]`"
            .to_owned())
    }

    pub(in crate::onnx) fn name(&self) -> &str {
        match *self {}
    }
}

pub(in crate::onnx) fn graph(
    runtime: &Runtime,
    _: &ModelProto,
    _: &[Input],
    _: Wanted,
    _: &Bounds,
) -> Result<Arc<dyn Graph>, Refused> {
    match *runtime {}
}
