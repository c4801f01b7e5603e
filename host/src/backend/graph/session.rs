//! A graph as one lane uses it.

use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use sandstream_graphs::{Answer, Feed, Graph, RunError, Runner, Strings};

use super::ports::Way;
use crate::backend::{Fault, Session, check};
use crate::types::{Packed, PackedRef, Rejection, RowView, Scores, Signature, Tensor, TensorRef};

pub(super) struct GraphSession {
    runner: Box<dyn Runner>,
    signature: Arc<Signature>,
    ways: Arc<[Way]>,
    views: Vec<RowView>,
    /// Rows of raw inputs, where not all of them are as long as they should be.
    mended: Vec<Strings>,
    answers: Vec<Answer>,
    ended: bool,
}

impl GraphSession {
    pub(super) fn new(graph: &dyn Graph, signature: &Arc<Signature>, ways: &Arc<[Way]>) -> Result<Self, Fault> {
        let runner = graph.runner().map_err(|error| fault(&error))?;
        let inputs = &signature.inputs;
        Ok(Self {
            runner,
            signature: Arc::clone(signature),
            ways: Arc::clone(ways),
            views: inputs.iter().map(|_| RowView::default()).collect(),
            mended: inputs.iter().map(|_| Strings::default()).collect(),
            answers: Vec::new(),
            ended: false,
        })
    }
}

impl Session for GraphSession {
    /// A graph cannot be interrupted, so it is never late: how many rows it is given is what bounds its time.
    fn score(&mut self, rows: Range<u32>, x: &[TensorRef<'_>], _until: Instant, y: &mut Scores) -> Result<(), Fault> {
        if self.ended {
            return Err(Fault::Trap("the session is beyond use after an earlier panic".to_owned()));
        }
        check::inputs(&self.signature, &rows, x)?;
        let count = rows.end - rows.start;
        y.rejected.clear();
        self.answers.clear();
        // The last call's memory is used again.
        self.answers.extend(y.outputs.drain(..).filter_map(back));
        let given = self.views.iter_mut().zip(&mut self.mended).zip(x).zip(&self.signature.inputs).zip(self.ways.iter());
        let feeds: Vec<Feed<'_>> = given
            .map(|((((view, mended), x), input), way)| {
                let x = view.rows(*x, rows.clone(), input.fields.len());
                feed(x, *way, input.fields.len(), mended, &input.name, &mut y.rejected)
            })
            .collect();
        let done = self.runner.run(count as usize, &feeds, &mut self.answers);
        done.map_err(|error| {
            self.ended = matches!(error, RunError::Panicked(_));
            fault(&error)
        })?;
        y.outputs.extend(self.answers.drain(..).map(tensor));
        y.rejected.sort_by_key(|rejection| rejection.row);
        y.rejected.dedup_by_key(|rejection| rejection.row);
        check::scores(&self.signature, count, y)
    }

    fn memory_bytes(&self) -> Option<u64> {
        self.runner.memory_bytes()
    }
}

fn fault(error: &RunError) -> Fault {
    match error {
        RunError::Panicked(_) => Fault::Trap(error.to_string()),
        RunError::Feed { .. } | RunError::Failed(_) => Fault::Refused(error.to_string()),
    }
}

/// What an input is fed. Graphs have no missing text, and a raw row has one length: rows that are otherwise are refused, and something
/// of the right form takes their place.
fn feed<'a>(
    x: TensorRef<'a>,
    way: Way,
    width: usize,
    mended: &'a mut Strings,
    input: &str,
    rejected: &mut Vec<Rejection>,
) -> Feed<'a> {
    match (x, way) {
        (TensorRef::Float32(values), _) => Feed::F32(values),
        (TensorRef::Float64(values), _) => Feed::F64(values),
        (TensorRef::Int64(values), _) => Feed::I64(values),
        (TensorRef::Text(texts) | TensorRef::Bytes(texts), Way::Values) => {
            let row = |value: &u32| value / (width.max(1) as u32);
            rejected.extend(texts.missing.iter().map(|value| Rejection {
                row: row(value),
                reason: format!("input `{input}`: the text is missing, and a graph has no word for that"),
            }));
            Feed::Strings { data: texts.data, ends: texts.ends }
        }
        (TensorRef::Text(rows) | TensorRef::Bytes(rows), Way::Raw(bytes)) => raw(rows, bytes, mended, input, rejected),
    }
}

fn raw<'a>(rows: PackedRef<'a>, bytes: usize, mended: &'a mut Strings, input: &str, rejected: &mut Vec<Rejection>) -> Feed<'a> {
    let fits = |at: usize| rows.get(at).is_some_and(|row| row.len() == bytes);
    if (0..rows.ends.len()).all(fits) {
        return Feed::Strings { data: rows.data, ends: rows.ends };
    }
    mended.data.clear();
    mended.ends.clear();
    for at in 0..rows.ends.len() {
        match rows.get(at) {
            Some(row) if row.len() == bytes => mended.data.extend_from_slice(row),
            other => {
                let came = other.map_or_else(|| "none".to_owned(), |row| format!("{}", row.len()));
                rejected
                    .push(Rejection { row: at as u32, reason: format!("input `{input}`: expected {bytes} bytes, got {came}") });
                mended.data.resize(mended.data.len() + bytes, 0);
            }
        }
        mended.ends.push(mended.data.len() as u32);
    }
    Feed::Strings { data: &mended.data, ends: &mended.ends }
}

fn tensor(answer: Answer) -> Tensor {
    match answer {
        Answer::F32(values) => Tensor::Float32(values),
        Answer::F64(values) => Tensor::Float64(values),
        Answer::I64(values) => Tensor::Int64(values),
        Answer::Strings(Strings { data, ends }) => Tensor::Text(Packed { data, ends, missing: Vec::new() }),
    }
}

/// The other way round, for the memory.
fn back(tensor: Tensor) -> Option<Answer> {
    match tensor {
        Tensor::Float32(values) => Some(Answer::F32(values)),
        Tensor::Float64(values) => Some(Answer::F64(values)),
        Tensor::Int64(values) => Some(Answer::I64(values)),
        Tensor::Text(Packed { data, ends, .. }) => Some(Answer::Strings(Strings { data, ends })),
        Tensor::Bytes(_) => None,
    }
}
