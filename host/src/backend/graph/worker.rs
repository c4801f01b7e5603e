//! The graph worker: `sandstream graph-worker <bytes of memory> <seconds of processor time> <engine> [library]` reads a descriptor, loads its graph and
//! runs it, and answers with one byte (1 = it can be loaded) and the reason where it cannot.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use prost::Message as _;

use super::GraphModel;
use crate::backend::child::{self, Job};
use crate::backend::{Artifact, Engine, Engines, Payload};
use crate::types::proto::model_descriptor::{self, ModelType};
use crate::types::proto::{self, ModelDescriptor, artifact};
use crate::types::{Digest, Limits, Signature};

/// The hidden subcommand under which the program is a graph worker.
const COMMAND: &str = "graph-worker";
/// A reason is not longer.
const ANSWER_MAX: u64 = 64 << 10;
/// The file, its messages, its tensors and the plan are in memory together; each is about as long as the file.
const COPIES: u64 = 6;
/// Stack of the thread that loads it: less than the host's own threads have, so that what overflows a stack does it here.
const STACK_BYTES: usize = (2 << 20) - (256 << 10);

/// What `main` does when its first argument is `graph-worker`.
#[must_use]
pub fn graph_worker_main() -> ExitCode {
    child::main("graph worker", |descriptor| {
        let work =
            move || payload(&descriptor).and_then(|what| GraphModel::load(&what, &Limits::default(), &engines()).map(drop));
        let thread = std::thread::Builder::new().stack_size(STACK_BYTES).spawn(work);
        let loaded = thread.map_err(|error| format!("no thread for it: {error}"))?.join();
        Ok(match loaded.unwrap_or_else(|_| Err("it panicked while it was loaded".to_owned())) {
            Ok(()) => vec![1],
            Err(reason) => [&[0], reason.as_bytes()].concat(),
        })
    })
}

/// The engines that the host told it.
fn engines() -> Engines {
    let mut words = std::env::args_os().skip(4);
    let engine = words.next().and_then(|word| Engine::NAMES.iter().find(|(name, _)| word == **name));
    Engines { onnx: engine.map_or(Engine::Auto, |(_, engine)| *engine), onnxruntime: words.next().map(PathBuf::from) }
}

/// Loads and runs the model in a child process.
pub(super) fn rehearse(program: &Path, what: &Payload, limits: &Limits, engines: &Engines) -> Result<(), String> {
    let mut words = vec![OsStr::new(engines.onnx.name())];
    words.extend(engines.onnxruntime.as_ref().map(|library| library.as_os_str()));
    let job = Job {
        command: COMMAND,
        words: &words,
        worker: "the graph worker",
        doing: ("loading it", "loaded"),
        answer: "its answer",
        answer_max: ANSWER_MAX,
    };
    let descriptor = descriptor(what);
    let bytes = limits.compile_bytes.saturating_add(COPIES.saturating_mul(descriptor.len() as u64));
    let answer = child::work(program, &job, &descriptor, &Limits { compile_bytes: bytes, ..limits.clone() })?;
    match answer.split_first() {
        Some((1, _)) => Ok(()),
        Some((_, reason)) => Err(String::from_utf8_lossy(reason).into_owned()),
        None => Err("the graph worker answered with nothing; start the host again".to_owned()),
    }
}

fn descriptor(what: &Payload) -> Vec<u8> {
    let artifacts = what.artifacts.iter().map(|artifact| proto::Artifact {
        name: artifact.name.clone(),
        content: Some(artifact::Content::Data(artifact.data.to_vec())),
        sha256: None,
    });
    let descriptor = ModelDescriptor {
        model_type: what.kind as i32,
        payload: Some(model_descriptor::Payload::Data(what.data.to_vec())),
        config: Some(what.config.to_vec()),
        artifacts: artifacts.collect(),
        signature: what.signature.as_ref().map(proto::Signature::from),
        ..ModelDescriptor::default()
    };
    descriptor.encode_to_vec()
}

fn payload(descriptor: &[u8]) -> Result<Payload, String> {
    let descriptor = ModelDescriptor::decode(descriptor).map_err(|error| format!("the worker's input: {error}"))?;
    let none = Digest([0; 32]);
    let artifacts = descriptor.artifacts.into_iter().map(|artifact| {
        let data = match artifact.content {
            Some(artifact::Content::Data(data)) => data,
            _ => Vec::new(),
        };
        Artifact { name: artifact.name, digest: none, data: data.into() }
    });
    let data = match descriptor.payload {
        Some(model_descriptor::Payload::Data(data)) => data,
        _ => Vec::new(),
    };
    Ok(Payload {
        kind: ModelType::try_from(descriptor.model_type).map_err(|error| error.to_string())?,
        digest: none,
        data: data.into(),
        config: descriptor.config.unwrap_or_default().into(),
        artifacts: artifacts.collect::<Vec<_>>().into(),
        signature: descriptor.signature.as_ref().map(Signature::try_from).transpose()?,
        label: Arc::from("graph worker"),
    })
}
