//! A model on one engine: the graph alone, and with all that is around it.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use sandstream::backend::graph::Graphs;
use sandstream::backend::wasm::Compiler;
use sandstream::backend::{Backend as _, Engine, Engines, Payload, Session};
use sandstream::binding::{Binding, Inputs};
use sandstream::types::proto::model_descriptor::ModelType;
use sandstream::types::{Batch, Digest, Limits, RowFill, Rows, Schema, Scores};
use sandstream_graphs::onnx::{self, Choice, Shapes};
use sandstream_graphs::{Answer, Bounds, Feed, Files, Runner};

use super::models::{Content, Model};

/// Models of the bench have no files beside them.
struct Nothing;

impl Files for Nothing {
    fn read(&self, _: &str) -> Option<Arc<[u8]>> {
        None
    }
}

/// Values of all rows, as the graph takes them.
enum Values {
    Floats(Vec<f32>),
    Integers(Vec<i64>),
}

/// One engine's.
pub(super) struct Side {
    runner: Box<dyn Runner>,
    answers: Vec<Answer>,
    values: Values,
    width: usize,
    session: Box<dyn Session>,
    binding: Binding,
    inputs: Inputs,
    batch: Batch,
    rows: Rows,
    selected: Vec<u32>,
    scores: Scores,
}

impl Side {
    /// Loads the model twice: as a graph, and as a model of the host's.
    pub(super) fn open(model: &Model, folder: &Path, library: Option<&Path>) -> Result<Self> {
        let path = folder.join(format!("{}.onnx", model.name));
        let data = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let choice = if library.is_some() { Choice::OnnxRuntime } else { Choice::Tract };
        let engines = onnx::Engines { choice, onnxruntime: library.map(Path::to_path_buf) };
        let graph = onnx::load_with(&data, &Nothing, &Shapes::default(), &Bounds::default(), &engines)?;
        let engines = Engines {
            onnx: if library.is_some() { Engine::OnnxRuntime } else { Engine::Tract },
            onnxruntime: library.map(Path::to_path_buf),
        };
        let backend = Graphs::new(Compiler::InProcess).with_engines(engines).map_err(|reason| anyhow!(reason))?;
        let loaded = backend.load(&payload(model, &data), &Limits::default())?;
        let schema = schema(model)?;
        let binding = Binding::new(&schema, loaded.signature())?;
        let most = model.batches.iter().copied().max().unwrap_or(1);
        let (rows, batch) = rows(model, &schema, most)?;
        Ok(Self {
            runner: graph.runner()?,
            answers: Vec::new(),
            values: values(model, most),
            width: model.width,
            session: loaded.session(until())?,
            inputs: binding.inputs(),
            binding,
            batch,
            rows,
            selected: (0..most as u32).collect(),
            scores: Scores::default(),
        })
    }

    /// The graph alone: matrices in, answers out.
    pub(super) fn bare(&mut self, rows: usize) -> Result<Vec<Answer>> {
        let count = rows * self.width;
        let feed = match &self.values {
            Values::Floats(values) => Feed::F32(&values[..count]),
            Values::Integers(values) => Feed::I64(&values[..count]),
        };
        let mut answers = std::mem::take(&mut self.answers);
        self.runner.run(rows, &[feed], &mut answers)?;
        Ok(answers)
    }

    /// The whole way: decoded rows are packed, scored and checked.
    pub(super) fn way(&mut self, rows: usize) -> Result<()> {
        self.binding.pack(&self.rows, &self.selected[..rows], &self.batch, &mut self.inputs);
        self.session.score(0..rows as u32, &self.inputs.tensors(), until(), &mut self.scores)?;
        Ok(())
    }
}

fn until() -> Instant {
    Instant::now() + Duration::from_secs(600)
}

fn schema(model: &Model) -> Result<Schema> {
    let fields = model.fields();
    let features: Vec<String> = fields.iter().map(|(name, _)| name.clone()).collect();
    Ok(Schema::new("bench", fields, if model.is_raw() { &[] } else { &features })?)
}

fn payload(model: &Model, data: &[u8]) -> Payload {
    Payload {
        kind: ModelType::Onnx,
        digest: Digest::of(data),
        data: data.into(),
        config: [].into(),
        artifacts: [].into(),
        signature: Some(model.signature()),
        label: "bench/native@1".into(),
    }
}

fn values(model: &Model, rows: usize) -> Values {
    let all = 0..rows * model.width;
    match model.content {
        Content::Floats | Content::RawFloats => Values::Floats(all.map(|at| model.float(at)).collect()),
        Content::Integers(_) | Content::RawIntegers => Values::Integers(all.map(|at| i64::from(model.value(at))).collect()),
    }
}

/// Rows as a codec leaves them.
fn rows(model: &Model, schema: &Schema, count: usize) -> Result<(Rows, Batch)> {
    let (mut rows, mut batch, fill) = (Rows::new(schema), Batch::new(count, 1 << 20), RowFill::missing(schema));
    let slot = |at: usize| schema.fields().get(at).map(|field| field.slot).context("a field is missing");
    for row in 0..count {
        let at = row as u32;
        batch.push(0, 0, i64::from(at), 0, None, None, std::iter::empty());
        let mut made = rows.begin(at, &fill);
        let values = row * model.width..(row + 1) * model.width;
        match model.content {
            Content::Floats => {
                for (field, value) in values.enumerate() {
                    made.number(slot(field)?, f64::from(model.float(value)));
                }
            }
            Content::Integers(_) => {
                for (field, value) in values.enumerate() {
                    made.integer(slot(field)?, Some(i64::from(model.value(value))));
                }
            }
            Content::RawFloats => {
                let bytes: Vec<u8> = values.flat_map(|value| model.float(value).to_le_bytes()).collect();
                made.text(slot(0)?, Some(&bytes));
            }
            Content::RawIntegers => {
                let bytes: Vec<u8> = values.flat_map(|value| model.value(value).to_le_bytes()).collect();
                made.text(slot(0)?, Some(&bytes));
            }
        }
    }
    Ok((rows, batch))
}
