//! ONNX Runtime: a second engine for the models that the allow-list lets through. Its library is no part of this program; the host's
//! configuration names it, and a program without the feature `ort` says so.

#[cfg(not(feature = "ort"))]
mod absent;
#[cfg(feature = "ort")]
mod call;
#[cfg(feature = "ort")]
mod library;
#[cfg(feature = "ort")]
mod plan;
#[cfg(feature = "ort")]
mod rewrite;

#[cfg(not(feature = "ort"))]
pub(super) use absent::{Runtime, graph};
#[cfg(feature = "ort")]
pub(super) use library::Runtime;
#[cfg(feature = "ort")]
pub(super) use plan::graph;
