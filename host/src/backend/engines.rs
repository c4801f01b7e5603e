//! Which engine runs graphs, as the configuration says it.

use std::path::PathBuf;

/// An engine for ONNX models.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Engine {
    /// tract, unless ONNX Runtime is there and it alone can run a model, or runs it several times as fast.
    #[default]
    Auto,
    /// tract, a part of this program.
    Tract,
    /// ONNX Runtime, a library.
    OnnxRuntime,
}

impl Engine {
    /// Their names, in configurations and descriptors.
    pub const NAMES: [(&'static str, Self); 3] =
        [("auto", Self::Auto), ("tract", Self::Tract), ("onnxruntime", Self::OnnxRuntime)];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, engine)| *engine == self).map_or("auto", |(name, _)| *name)
    }
}

/// What runs the graphs of a host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Engines {
    /// For ONNX models whose descriptor does not say.
    pub onnx: Engine,
    /// The library of ONNX Runtime.
    pub onnxruntime: Option<PathBuf>,
}
