//! A graph as one thread uses it, whatever engine runs it.

use super::engine::{Engine, Values};
use super::{Layout, Rows, answer, feed, guard};
use crate::{Answer, Dim, Feed, Port, RunError, Runner};

/// An engine's state for a model; none after a panic.
pub(crate) struct Bound<E> {
    engine: Result<E, String>,
    layout: Layout,
    /// Shape of each input; the first value of those with rows is set before each call.
    shapes: Vec<Vec<usize>>,
    widths: Vec<usize>,
}

impl<E: Engine> Bound<E> {
    pub(crate) fn new(engine: E, layout: &Layout) -> Self {
        Self {
            engine: Ok(engine),
            layout: layout.clone(),
            shapes: layout.inputs.iter().map(|port| layout.shape(port, 1)).collect(),
            widths: layout.inputs.iter().map(|port| port.width().unwrap_or(0)).collect(),
        }
    }

    /// Rows `from .. from + rows` as the engine's tensors.
    fn tensors<'a>(&mut self, from: usize, rows: usize, feeds: &[Feed<'a>]) -> Result<Vec<E::Input<'a>>, RunError> {
        let mut tensors = Vec::with_capacity(feeds.len());
        let given = feeds.iter().zip(self.layout.inputs.iter()).zip(&mut self.shapes).zip(&self.widths);
        for (((feed, port), shape), width) in given {
            if let (Rows::Together, Some(first)) = (self.layout.rows, shape.first_mut()) {
                *first = rows;
            }
            tensors.push(feed::tensor::<E>(feed, port, (from, rows), *width, shape)?);
        }
        Ok(tensors)
    }

    /// Runs rows `from .. from + rows`, and adds their answers.
    fn call(&mut self, from: usize, rows: usize, feeds: &[Feed<'_>], answers: &mut [Answer]) -> Result<(), RunError> {
        // An engine's tensors are made by its own code.
        let made = guard::guarded(|| self.tensors(from, rows, feeds));
        let tensors = made.map_err(RunError::Panicked)??;
        let engine = self.engine.as_mut().map_err(|panic| RunError::Panicked(panic.clone()))?;
        let outputs = &self.layout.outputs;
        let mut show = |at: usize, tensor: &E::Output| match (answers.get_mut(at), outputs.get(at)) {
            (Some(answer), Some(port)) => append(answer, tensor, port, rows),
            _ => Err(format!("it has {} outputs, another came", outputs.len())),
        };
        match guard::guarded(|| engine.run(tensors, &mut show)) {
            Ok(done) => done.map_err(RunError::Failed),
            Err(panic) => {
                self.engine = Err(panic.clone());
                Err(RunError::Panicked(panic))
            }
        }
    }
}

fn append(answer: &mut Answer, tensor: &impl Values, port: &Port, rows: usize) -> Result<(), String> {
    if let Some(width) = port.width()
        && rows.checked_mul(width) != Some(tensor.count())
    {
        return Err(format!("output `{}` has {} values for {rows} rows of {width}", port.name, tensor.count()));
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

impl<E: Engine> Runner for Bound<E> {
    fn run(&mut self, rows: usize, feeds: &[Feed<'_>], answers: &mut Vec<Answer>) -> Result<(), RunError> {
        if let Err(panic) = &self.engine {
            return Err(RunError::Panicked(panic.clone()));
        }
        let Layout { inputs, outputs, rows_max, .. } = self.layout.clone();
        if feeds.len() != inputs.len() {
            return Err(RunError::Failed(format!("it takes {} inputs, {} came", inputs.len(), feeds.len())));
        }
        for ((feed, port), width) in feeds.iter().zip(inputs.iter()).zip(&self.widths) {
            feed::check(feed, port, rows, *width)?;
        }
        answer::clear(answers, outputs.iter().map(|port| port.element));
        let mut from = 0;
        let mut widths: Vec<Option<usize>> = outputs.iter().map(Port::width).collect();
        while from < rows {
            let part = rows_max.min(rows - from);
            self.call(from, part, feeds, answers)?;
            from += part;
            for ((answer, port), width) in answers.iter().zip(outputs.iter()).zip(&mut widths) {
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

    fn memory_bytes(&self) -> Option<u64> {
        self.engine.as_ref().ok().and_then(Engine::memory_bytes)
    }
}

impl Layout {
    /// The shape of an input's tensor for so many rows.
    pub(crate) fn shape(&self, port: &Port, rows: usize) -> Vec<usize> {
        let size = |dim: &Dim| match dim {
            Dim::Rows => Some(rows),
            Dim::Fixed(size) => Some(*size),
            Dim::Varies => None,
        };
        let whole = usize::from(matches!(self.rows, Rows::Whole));
        port.dims.iter().skip(whole).filter_map(size).collect()
    }
}
