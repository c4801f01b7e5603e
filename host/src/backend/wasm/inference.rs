//! What a guest runs through `inference`: models that came with it, each with one session of its own beside the guest's. Their time
//! is the call's time, their rows are counted, and what the guest hands over is checked before they see it.

use std::sync::Arc;
use std::time::Instant;

use wasmtime::component::Resource;
use wasmtime::{Trap, bail};

use super::bindings::sandstream::model::inference;
use super::bindings::sandstream::model::types::{Signature as SignatureResult, TensorResult};
use super::convert;
use super::guest::Guest;
use super::opened::Openable;
use crate::backend::{Cost, Fault, Model, Session, check};
use crate::types::{Limits, Scores, Tensor, TensorRef};

/// A model that a guest has opened; the number stands for it in the guest's handles.
#[allow(unreachable_pub, reason = "the generated bindings export it again")]
pub struct Graph;

/// The models of one session.
pub(super) struct Inference {
    openable: Arc<Openable>,
    sessions: Vec<Option<Box<dyn Session>>>,
    scores: Scores,
    rows_per_row: u32,
    /// Until `load` is over: what is open then is what its calls are reckoned with.
    loading: bool,
    /// Rows that may still be run in this call, and when it ends.
    rows_left: u64,
    until: Instant,
}

impl Inference {
    pub(super) fn new(openable: &Arc<Openable>, limits: &Limits) -> Self {
        Self {
            openable: Arc::clone(openable),
            sessions: openable.names().map(|_| None).collect(),
            scores: Scores::default(),
            rows_per_row: limits.inference_rows,
            loading: true,
            rows_left: 0,
            until: Instant::now(),
        }
    }

    /// A call with so many rows begins; `load` is one with a single row.
    pub(super) fn begin(&mut self, rows: u32, until: Instant) {
        self.rows_left = u64::from(rows.max(1)) * u64::from(self.rows_per_row);
        self.until = until;
    }

    /// `load` is over.
    pub(super) fn loaded(&mut self) {
        self.loading = false;
    }

    /// The models that are open.
    pub(super) fn opened(&self) -> impl Iterator<Item = &Arc<dyn Model>> {
        let open = self.sessions.iter().enumerate().filter(|(_, session)| session.is_some());
        open.filter_map(|(at, _)| self.openable.model(at))
    }

    /// Bytes that a guest may hand over for one of its own rows.
    pub(super) fn bytes_per_row(&self) -> usize {
        let of =
            |model: &Arc<dyn Model>| check::bytes_per_row(model.signature().inputs.iter().map(|i| (i.dtype, i.fields.len())));
        self.opened().map(of).fold(0, usize::saturating_add).saturating_mul(self.rows_per_row as usize)
    }

    pub(super) fn memory_bytes(&self) -> u64 {
        self.sessions.iter().flatten().filter_map(|session| session.memory_bytes()).sum()
    }

    fn open(&mut self, name: &str) -> Result<usize, String> {
        let at = self.openable.find(name)?;
        if !self.loading && self.sessions[at].is_none() {
            return Err(format!("`{name}` was not opened in `load`; open it there, and keep the handle"));
        }
        if let (None, Some(model)) = (&self.sessions[at], self.openable.model(at)) {
            let session = model.session(self.until).map_err(|fault| format!("`{name}`: {fault}"))?;
            self.sessions[at] = Some(session);
        }
        Ok(at)
    }

    /// Runs a model. `Err` within: the guest is told; `Err` around it: the call ends there.
    fn run(&mut self, at: usize, rows: u32, inputs: &[Tensor]) -> wasmtime::Result<Result<Vec<Tensor>, String>> {
        let (Some(model), Some(Some(session))) = (self.openable.model(at), self.sessions.get_mut(at)) else {
            bail!("the model of this handle is not open");
        };
        if let Err(reason) = check::given(model.signature(), rows, inputs) {
            return Ok(Err(reason));
        }
        let Some(left) = self.rows_left.checked_sub(u64::from(rows)) else {
            return Ok(Err(format!(
                "{rows} rows are too many: a call may run {} of the models it opens for each row of its own (grant \
                 `inference_rows`), and {} are left",
                self.rows_per_row, self.rows_left
            )));
        };
        self.rows_left = left;
        if !in_time(model.cost(), rows, self.until) {
            return Err(Trap::Interrupt.into());
        }
        let x: Vec<TensorRef<'_>> = inputs.iter().map(Tensor::view).collect();
        match session.score(0..rows, &x, self.until, &mut self.scores) {
            Ok(()) => {}
            Err(Fault::Late) => return Err(Trap::Interrupt.into()),
            Err(Fault::Trap(words)) => bail!("a model it opened stopped: {words}"),
            Err(fault @ (Fault::Refused(_) | Fault::Shape(_))) => return Ok(Err(fault.to_string())),
        }
        match self.scores.rejected.first() {
            Some(rejection) => Ok(Err(format!("row {}: {}", rejection.row, rejection.reason))),
            None => Ok(Ok(std::mem::take(&mut self.scores.outputs))),
        }
    }
}

/// A model that cannot be interrupted is not begun where it could not end in time.
fn in_time(cost: Option<&Cost>, rows: u32, until: Instant) -> bool {
    let Some((base, per_row)) = cost.map(Cost::line) else { return true };
    Instant::now() + base + per_row * rows.saturating_sub(1) <= until
}

impl inference::Host for Guest {
    fn open(&mut self, name: String) -> wasmtime::Result<Result<Resource<Graph>, String>> {
        Ok(self.inference.open(&name).map(|at| Resource::new_own(at as u32)))
    }
}

impl inference::HostGraph for Guest {
    fn signature(&mut self, graph: Resource<Graph>) -> wasmtime::Result<SignatureResult> {
        match self.inference.openable.model(graph.rep() as usize) {
            Some(model) => Ok(convert::told(model.signature())),
            None => bail!("the model of this handle is not open"),
        }
    }

    fn run(
        &mut self,
        graph: Resource<Graph>,
        rows: u32,
        inputs: Vec<TensorResult>,
    ) -> wasmtime::Result<Result<Vec<TensorResult>, String>> {
        let inputs: Vec<Tensor> = inputs.into_iter().map(convert::tensor).collect();
        let answer = self.inference.run(graph.rep() as usize, rows, &inputs)?;
        Ok(answer.map(|outputs| outputs.into_iter().map(convert::back).collect()))
    }

    /// Nothing goes with a handle: a model stays open as long as its session, and opening it again gives it back.
    fn drop(&mut self, _: Resource<Graph>) -> wasmtime::Result<()> {
        Ok(())
    }
}
