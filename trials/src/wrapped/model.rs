//! An example both ways.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use sandstream::backend::{Artifact, Backend as _, Backends, Model, Payload, Session};
use sandstream::types::proto::model_descriptor::ModelType;
use sandstream::types::{Digest, Limits, Packed, Scores, Signature, Tensor, TensorRef};

use crate::kit::world::{checkout, plugins};

/// A round takes less.
const CALL_MAX: Duration = Duration::from_secs(60);

/// Preprocessing, a session of the network and postprocessing, as native code: values of rows in, an answer out.
type Native = Box<dyn FnMut(&[&[u8]]) -> Result<Answer>>;

/// What is said to some rows.
#[derive(Debug, PartialEq)]
pub(super) enum Answer {
    /// A label and a score each.
    Labels(Vec<(String, f32)>),
    /// Vectors, one after the other.
    Vectors(Vec<f32>),
}

impl Answer {
    /// Whether both say the same; sums of other batches may be added up in another order.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        let near = |a: f32, b: f32| (a - b).abs() <= 1e-4;
        match (self, other) {
            (Self::Labels(a), Self::Labels(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.0 == b.0 && near(a.1, b.1))
            }
            (Self::Vectors(a), Self::Vectors(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| near(*a, *b)),
            _ => false,
        }
    }
}

/// A module and native code that do the same, and rows for them.
pub(super) struct Pair {
    pub(super) module: Box<dyn Session>,
    pub(super) native: Native,
    /// Values of the rows; they are gone through again and again.
    pub(super) values: Vec<Vec<u8>>,
    /// Whether the module takes them as texts, and not as bytes.
    pub(super) texts: bool,
}

impl Pair {
    /// The module's answer, from the packed values that a host's binding makes.
    pub(super) fn wrapped(&mut self, at: usize, count: usize) -> Result<Answer> {
        let mut packed = Packed::default();
        for value in rows(&self.values, at, count) {
            packed.data.extend_from_slice(value);
            packed.ends.push(packed.data.len() as u32);
        }
        let (tensor, mut scores) = (Tensor::Bytes(packed), Scores::default());
        let x = match tensor.view() {
            TensorRef::Bytes(values) if self.texts => TensorRef::Text(values),
            other => other,
        };
        self.module.score(0..count as u32, &[x], Instant::now() + CALL_MAX, &mut scores)?;
        ensure!(scores.rejected.is_empty(), "rejected: {:?}", scores.rejected);
        answer(scores.outputs)
    }

    /// The native code's.
    pub(super) fn native(&mut self, at: usize, count: usize) -> Result<Answer> {
        (self.native)(&rows(&self.values, at, count))
    }
}

fn rows(values: &[Vec<u8>], at: usize, count: usize) -> Vec<&[u8]> {
    values.iter().cycle().skip(at % values.len().max(1)).take(count).map(Vec::as_slice).collect()
}

fn answer(outputs: Vec<Tensor>) -> Result<Answer> {
    match <[Tensor; 2]>::try_from(outputs) {
        Ok([Tensor::Text(labels), Tensor::Float32(scores)]) => {
            let mut start = 0;
            let labels = labels.ends.iter().map(|end| {
                let label = String::from_utf8_lossy(&labels.data[start..*end as usize]).into_owned();
                start = *end as usize;
                label
            });
            Ok(Answer::Labels(labels.zip(scores).collect()))
        }
        Ok(other) => bail!("expected labels and scores, or vectors, got {other:?}"),
        Err(outputs) => match <[Tensor; 1]>::try_from(outputs) {
            Ok([Tensor::Float32(values)]) => Ok(Answer::Vectors(values)),
            other => bail!("expected labels and scores, or vectors, got {other:?}"),
        },
    }
}

/// The folder with what an example takes from PyPI.
pub(super) fn fetched(example: &str) -> Result<PathBuf> {
    let xtask = std::env::var_os("SANDSTREAM_XTASK").context("start it with `cargo xtask bench wrapped`")?;
    let output = Command::new(xtask).args(["examples", "fetch", example]).stderr(Stdio::inherit()).output()?;
    ensure!(output.status.success(), "cargo xtask examples fetch {example} ended with {}", output.status);
    Ok(String::from_utf8(output.stdout)?.trim().into())
}

/// The example's own folder.
pub(super) fn own(example: &str) -> PathBuf {
    checkout().join("examples").join(example)
}

pub(super) fn read(file: &Path) -> Result<Vec<u8>> {
    std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))
}

/// A file under a name.
pub(super) fn artifact(name: &str, file: &Path) -> Result<Artifact> {
    let data = read(file)?;
    Ok(Artifact { name: name.to_owned(), digest: Digest::of(&data), data: data.into() })
}

/// A session of an example's module.
pub(super) fn module(backends: &Backends, example: &str, config: &[u8], artifacts: Vec<Artifact>) -> Result<Box<dyn Session>> {
    let data = read(&plugins().join("prebuilt").join(example).with_extension("wasm"))?;
    open(backends, &Payload { config: config.into(), artifacts: artifacts.into(), ..payload(ModelType::Wasm, data) })
}

/// A session of the network alone.
pub(super) fn network(backends: &Backends, file: &Path, signature: Option<Signature>) -> Result<Box<dyn Session>> {
    open(backends, &Payload { signature, ..payload(ModelType::Onnx, read(file)?) })
}

fn open(backends: &Backends, what: &Payload) -> Result<Box<dyn Session>> {
    let model: Arc<dyn Model> = backends.load(what, &Limits::default())?;
    Ok(model.session(Instant::now() + CALL_MAX)?)
}

fn payload(kind: ModelType, data: Vec<u8>) -> Payload {
    Payload {
        kind,
        digest: Digest::of(&data),
        data: data.into(),
        config: [].into(),
        artifacts: [].into(),
        signature: None,
        label: "bench/wrapped@1".into(),
    }
}

/// Runs the network on so many rows; its first output.
pub(super) fn ask<'a>(network: &mut dyn Session, rows: usize, inputs: &[Vec<i64>], scores: &'a mut Scores) -> Result<&'a [f32]> {
    let x: Vec<TensorRef<'_>> = inputs.iter().map(|input| TensorRef::Int64(input)).collect();
    network.score(0..rows as u32, &x, Instant::now() + CALL_MAX, scores)?;
    match scores.outputs.first() {
        Some(Tensor::Float32(values)) => Ok(values),
        other => bail!("expected float32 from the network, got {other:?}"),
    }
}
