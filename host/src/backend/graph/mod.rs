//! Models that are graphs of operators: ONNX files, frozen TensorFlow graphs, SavedModels. They are no sandboxed code, so what a file
//! may ask for is checked before it is used, and each is read and run once in a child process before this one touches it: what a
//! file does to its reader, it does there.

mod cost;
mod options;
mod ports;
mod read;
mod session;
mod worker;

use std::sync::Arc;
use std::time::Instant;

use sandstream_graphs::Graph;

pub use worker::graph_worker_main;

use super::child::Compiler;
use super::{Backend, Cost, Engines, Fault, Model, Payload, Rejected, Session, Stage, check};
use crate::types::{Limits, Signature};
use ports::Way;
use session::GraphSession;

/// How far answers of one row may lie apart when it comes in calls of other sizes: sums are added up in another order there.
const TOLERANCE: f64 = 1e-4;

/// The backend.
pub struct Graphs {
    compiler: Compiler,
    engines: Engines,
}

impl Graphs {
    /// `compiler` is where a file is tried first.
    #[must_use]
    pub fn new(compiler: Compiler) -> Self {
        Self { compiler, engines: Engines::default() }
    }

    /// The same with these engines. The library of ONNX Runtime is opened now, so that a host whose library is not there does not start.
    ///
    /// # Errors
    /// It cannot be opened, or this program was built without its binding.
    #[cfg(feature = "onnx")]
    pub fn with_engines(self, engines: Engines) -> Result<Self, String> {
        let opened = read::onnx_engines(engines.onnx, &engines).open().map_err(|refused| refused.to_string())?;
        if let Some(engine) = opened {
            tracing::info!(engine, "onnx models can be run by a library");
        }
        Ok(Self { engines, ..self })
    }
}

impl Backend for Graphs {
    fn load(&self, what: &Payload, limits: &Limits) -> Result<Arc<dyn Model>, Rejected> {
        let rejected = |reason| Rejected { stage: Stage::Compile, reason };
        if let Compiler::Child { program } = &self.compiler {
            worker::rehearse(program, what, limits, &self.engines).map_err(rejected)?;
        }
        Ok(Arc::new(GraphModel::load(what, limits, &self.engines).map_err(rejected)?))
    }
}

/// A graph that was read.
struct GraphModel {
    graph: Arc<dyn Graph>,
    signature: Arc<Signature>,
    ways: Arc<[Way]>,
    limits: Limits,
    cost: Cost,
}

impl GraphModel {
    fn load(what: &Payload, limits: &Limits, engines: &Engines) -> Result<Self, String> {
        let graph = read::graph(what, engines)?;
        let (signature, ways) = ports::signature(graph.as_ref(), what.signature.as_ref())?;
        check::signature(&signature)?;
        let (signature, ways): (Arc<_>, Arc<[_]>) = (Arc::new(signature), ways.into());
        let mut session = GraphSession::new(graph.as_ref(), &signature, &ways).map_err(|fault| fault.to_string())?;
        let cost = cost::measure(graph.as_ref(), &signature, &ways, &mut session)?;
        let limits = cost::limits(limits, &cost);
        Ok(Self { graph, signature, ways, limits, cost })
    }
}

impl Model for GraphModel {
    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn limits(&self) -> &Limits {
        &self.limits
    }

    fn session(&self, _until: Instant) -> Result<Box<dyn Session>, Fault> {
        Ok(Box::new(GraphSession::new(self.graph.as_ref(), &self.signature, &self.ways)?))
    }

    fn tolerance(&self) -> Option<f64> {
        Some(TOLERANCE)
    }

    fn cost(&self) -> Option<&Cost> {
        Some(&self.cost)
    }
}
