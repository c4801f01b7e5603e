//! What the trials share: a broker of their own, a world of topics on it, hosts as processes, records to stream, and the
//! counting of what came out.

pub(crate) mod activations;
pub(crate) mod admin;
pub(crate) mod broker;
pub(crate) mod copier;
pub(crate) mod graph;
pub(crate) mod hosts;
pub(crate) mod process;
pub(crate) mod progress;
pub(crate) mod world;
