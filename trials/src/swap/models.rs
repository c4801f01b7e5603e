//! The three models that take turns. Every version has a config of its own, so that none is found loaded: each is compiled, loaded
//! and warmed anew.

use std::path::PathBuf;

use anyhow::Result;
use sandstream::types::proto::{Artifact, Grants, ModelDescriptor, artifact::Content};
use sandstream::types::{Digest, ModelId};

use crate::kit::graph::GraphFile;
use crate::kit::world::{World, component, model};

/// A kind of model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Linear,
    BigForest,
    SlowLoad,
    /// An ONNX model.
    Graph,
}

/// The kinds of a run: three modules, and a graph where one is asked for.
pub(super) fn kinds(graph_mb: Option<u32>) -> Vec<Kind> {
    [Kind::Linear, Kind::BigForest, Kind::SlowLoad].into_iter().chain(graph_mb.map(|_| Kind::Graph)).collect()
}

/// Rounds that `slow-load` works off while it is loaded, some two seconds.
const ROUNDS: u32 = 650_000_000;

/// A version of one of the models.
#[derive(Debug, Clone)]
pub(super) struct Which {
    pub(super) kind: Kind,
    pub(super) id: ModelId,
    number: u32,
}

/// Counts versions.
#[derive(Debug)]
pub(super) struct Models {
    kinds: Vec<Kind>,
    count: u32,
}

impl Models {
    pub(super) fn new(kinds: Vec<Kind>) -> Self {
        Self { kinds, count: 0 }
    }

    /// The next version, of the next kind.
    pub(super) fn next(&mut self) -> Which {
        self.count += 1;
        Which::new(self.kinds[self.count as usize % self.kinds.len()], self.count, "")
    }
}

impl Which {
    pub(super) fn new(kind: Kind, number: u32, suffix: &str) -> Self {
        let name = match kind {
            Kind::Linear => "wine-linear",
            Kind::BigForest => "big-forest",
            Kind::SlowLoad => "slow-load",
            Kind::Graph => "graph",
        };
        Self { kind, id: model(name, format!("{number}{suffix}")), number }
    }
}

/// What lies in files: the artifact of `big-forest`, and the graph.
pub(super) struct Files {
    folder: tempfile::TempDir,
    digest: Digest,
    graph: Option<GraphFile>,
}

impl Files {
    /// Trains the forest and writes both.
    pub(super) fn write(graph_mb: Option<u32>) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let file = sandstream_wine::train_big_forest().file;
        std::fs::write(folder.path().join("forest.trees"), &file)?;
        let graph = graph_mb.map(|megabytes| GraphFile::write(folder.path(), megabytes)).transpose()?;
        Ok(Self { folder, digest: Digest::of(&file), graph })
    }

    /// Where they lie.
    pub(super) fn folder(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    /// Announces a version; the revision.
    pub(super) fn publish(&self, world: &World, which: &Which) -> Result<u64> {
        if let (Kind::Graph, Some(graph)) = (which.kind, &self.graph) {
            return graph.publish(world, &which.id, which.number);
        }
        world.publish(&which.id, component(&which.id.name)?, |descriptor| self.complete(which, descriptor))
    }

    fn complete(&self, which: &Which, descriptor: &mut ModelDescriptor) {
        // The bench looks for what a swap costs, not for what a busy machine does to a call or a load.
        let grants = Grants { call_base_us: Some(500_000), load_ms: Some(60_000), ..Grants::default() };
        descriptor.grants = Some(grants);
        descriptor.config = Some(which.number.to_string().into_bytes());
        match which.kind {
            Kind::Linear | Kind::Graph => {}
            Kind::SlowLoad => descriptor.config = Some((ROUNDS + which.number).to_string().into_bytes()),
            Kind::BigForest => {
                let content = Content::Location(self.folder().join("forest.trees").display().to_string());
                let sha256 = Some(self.digest.0.to_vec());
                descriptor.artifacts = vec![Artifact { name: "forest".into(), content: Some(content), sha256 }];
            }
        }
    }
}
