//! Which engine runs a model: tract, which is a part of this program, or ONNX Runtime, whose library the host names.

use std::path::PathBuf;
use std::str::FromStr;

use tract_onnx::pb::GraphProto;

use super::runtime::Runtime;
use crate::Refused;

/// What is asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Choice {
    /// tract, unless it cannot run the model and ONNX Runtime can, or the model has operators that ONNX Runtime runs several times as fast.
    #[default]
    Auto,
    /// tract.
    Tract,
    /// ONNX Runtime.
    OnnxRuntime,
}

impl FromStr for Choice {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        match word {
            "auto" => Ok(Self::Auto),
            "tract" => Ok(Self::Tract),
            "onnxruntime" => Ok(Self::OnnxRuntime),
            other => Err(format!("expected auto, tract or onnxruntime, got `{other}`")),
        }
    }
}

/// The engines there are, and which of them is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Engines {
    /// Which.
    pub choice: Choice,
    /// The library of ONNX Runtime. One process uses one library.
    pub onnxruntime: Option<PathBuf>,
}

impl Engines {
    /// Opens the library, where one is named, and says what it is: `onnxruntime 1.32.0`.
    ///
    /// # Errors
    /// It cannot be opened, this program was built without the feature `ort`, or ONNX Runtime is asked for and there is no library.
    pub fn open(&self) -> Result<Option<String>, Refused> {
        self.runtime().map(|runtime| runtime.map(|runtime| runtime.name().to_owned()))
    }

    pub(super) fn runtime(&self) -> Result<Option<Runtime>, Refused> {
        match (&self.onnxruntime, self.choice) {
            (_, Choice::Tract) => Ok(None),
            (Some(library), _) => Runtime::open(library).map(Some).map_err(Refused::Unavailable),
            (None, Choice::Auto) => Ok(None),
            (None, Choice::OnnxRuntime) => Err(Refused::Unavailable(
                "the path of its library is not set: `onnxruntime` in `[backends]` of the host's configuration, or --onnxruntime"
                    .to_owned(),
            )),
        }
    }
}

/// What ONNX Runtime runs several times as fast as tract does, measured by `cargo xtask bench native` (docs/FIGURES.md): convolutions, and
/// products of 8-bit integers.
const FASTER: &[&str] = &["Conv", "ConvInteger", "ConvTranspose", "MatMulInteger", "QLinearConv", "QLinearMatMul"];

/// Whether a graph has such operators, those of graphs within it included. Their depth was checked before.
pub(super) fn faster(graph: &GraphProto) -> bool {
    graph.node.iter().any(|node| {
        let inner = node.attribute.iter().flat_map(|attribute| attribute.g.iter().chain(&attribute.graphs));
        FASTER.contains(&node.op_type.as_str()) || inner.into_iter().any(faster)
    })
}
