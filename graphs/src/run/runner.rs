//! A graph as one thread uses it.

use std::sync::Arc;

use tract_core::internal::{TValue, TVec, TractResult, TypedSimpleState};

use super::{Lead, Planned, answer, feed, guard};
use crate::{Answer, Dim, Feed, Port, RunError, Runner};

/// tract's state for a plan; none after a panic.
pub(super) struct Tract {
    state: Result<TypedSimpleState, String>,
    inputs: Arc<[Port]>,
    outputs: Arc<[Port]>,
    /// Shape of each input; the first value of those with rows is set before each call.
    shapes: Vec<Vec<usize>>,
    widths: Vec<usize>,
    lead: Lead,
    rows_max: usize,
}

impl Tract {
    pub(super) fn new(planned: &Planned) -> Result<Self, RunError> {
        let state = guard::guarded(|| planned.plan.spawn());
        let state = state.map_err(RunError::Panicked)?.map_err(|error| RunError::Failed(format!("{error:#}")))?;
        let shape = |port: &Port| {
            let whole = matches!(planned.lead, Lead::Whole);
            let size = |dim: &Dim| match dim {
                Dim::Rows => Some(1),
                Dim::Fixed(size) => Some(*size),
                Dim::Varies => None,
            };
            port.dims.iter().skip(usize::from(whole)).filter_map(size).collect()
        };
        Ok(Self {
            state: Ok(state),
            inputs: planned.inputs.clone(),
            outputs: planned.outputs.clone(),
            shapes: planned.inputs.iter().map(shape).collect(),
            widths: planned.inputs.iter().map(|port| port.width().unwrap_or(0)).collect(),
            lead: planned.lead.clone(),
            rows_max: planned.rows_max,
        })
    }

    /// Rows `from .. from + rows` as the engine's tensors.
    fn tensors(&mut self, from: usize, rows: usize, feeds: &[Feed<'_>]) -> Result<TVec<TValue>, RunError> {
        let mut tensors = TVec::new();
        for (((feed, port), shape), width) in feeds.iter().zip(self.inputs.iter()).zip(&mut self.shapes).zip(&self.widths) {
            if let (Lead::Rows(_), Some(first)) = (&self.lead, shape.first_mut()) {
                *first = rows;
            }
            tensors.push(feed::tensor(feed, port, (from, rows), *width, shape)?);
        }
        Ok(tensors)
    }

    /// Runs rows `from .. from + rows`, and adds their answers.
    fn call(&mut self, from: usize, rows: usize, feeds: &[Feed<'_>], answers: &mut [Answer]) -> Result<(), RunError> {
        let tensors = guard::guarded(|| self.tensors(from, rows, feeds)).map_err(RunError::Panicked)??;
        let state = self.state.as_mut().map_err(|panic| RunError::Panicked(panic.clone()))?;
        let outputs = &self.outputs;
        let work = || {
            let made = match state.run(tensors) {
                Ok(made) => made,
                Err(error) => {
                    // What the failed run left behind must not be seen by the next.
                    state.reset_turn()?;
                    return Err(error);
                }
            };
            let mut parts = made.iter().zip(outputs.iter()).zip(answers);
            parts.try_for_each(|((tensor, port), answer)| append(answer, tensor, port, rows))
        };
        match guard::guarded(work) {
            Ok(done) => done.map_err(|error| RunError::Failed(format!("{error:#}"))),
            Err(panic) => {
                self.state = Err(panic.clone());
                Err(RunError::Panicked(panic))
            }
        }
    }
}

fn append(answer: &mut Answer, tensor: &tract_core::internal::Tensor, port: &Port, rows: usize) -> TractResult<()> {
    if let Some(width) = port.width()
        && rows.checked_mul(width) != Some(tensor.len())
    {
        tract_core::internal::bail!("output `{}` has {} values for {rows} rows of {width}", port.name, tensor.len());
    }
    answer::append(answer, tensor, port.element)
}

fn values(answer: &Answer) -> usize {
    match answer {
        Answer::F32(values) => values.len(),
        Answer::F64(values) => values.len(),
        Answer::I64(values) => values.len(),
        Answer::Strings(texts) => texts.ends.len(),
    }
}

impl Runner for Tract {
    fn run(&mut self, rows: usize, feeds: &[Feed<'_>], answers: &mut Vec<Answer>) -> Result<(), RunError> {
        if let Err(panic) = &self.state {
            return Err(RunError::Panicked(panic.clone()));
        }
        if feeds.len() != self.inputs.len() {
            return Err(RunError::Failed(format!("it takes {} inputs, {} came", self.inputs.len(), feeds.len())));
        }
        for ((feed, port), width) in feeds.iter().zip(self.inputs.iter()).zip(&self.widths) {
            feed::check(feed, port, rows, *width)?;
        }
        answer::clear(answers, self.outputs.iter().map(|port| port.element));
        let mut from = 0;
        let mut widths: Vec<Option<usize>> = self.outputs.iter().map(Port::width).collect();
        while from < rows {
            let part = self.rows_max.min(rows - from);
            self.call(from, part, feeds, answers)?;
            from += part;
            for ((answer, port), width) in answers.iter().zip(self.outputs.iter()).zip(&mut widths) {
                // Rows of different widths could not be told apart in an answer.
                let values = values(answer);
                let expected = *width.get_or_insert(values / from);
                if expected.checked_mul(from) != Some(values) {
                    return Err(RunError::Failed(format!("output `{}` has another width for row {}", port.name, from - 1)));
                }
            }
        }
        Ok(())
    }
}
