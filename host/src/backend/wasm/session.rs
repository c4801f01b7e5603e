//! One guest as one lane uses it.

use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use wasmtime::{PoolConcurrencyLimitError, Store};

use super::Host;
use super::bindings::{Model as Bound, ModelPre};
use super::convert;
use super::fault::fault;
use super::guest::Guest;
use super::log::clean;
use super::opened::Openable;
use crate::backend::{Fault, Model, Payload, Session, check};
use crate::types::{Limits, RowView, Scores, Signature, TensorRef};

/// Data a guest may hand to the host in one call besides its outputs: log lines, error texts, the signature.
const SLACK_BYTES: usize = 256 << 10;
/// Reserved for the reason of each row's rejection.
const REASON_BYTES: usize = 256;

/// Resource handles a guest may hold: of the models it opened.
const HANDLES_MAX: usize = 64;

pub(super) struct WasmSession {
    host: Arc<Host>,
    store: Store<Guest>,
    guest: Bound,
    signature: Arc<Signature>,
    views: Vec<RowView>,
    bytes_per_row: usize,
    ended: Option<&'static str>,
}

impl WasmSession {
    /// Instantiates the component, runs `load` and reads its signature.
    pub(super) fn start(
        host: &Arc<Host>,
        component: &ModelPre<Guest>,
        payload: &Payload,
        openable: &Arc<Openable>,
        limits: &Limits,
        until: Instant,
    ) -> Result<Self, Fault> {
        let mut store = Store::new(&host.engine, Guest::new(payload, openable, limits));
        store.limiter(|guest| &mut guest.limiter);
        store.set_hostcall_fuel(SLACK_BYTES);
        store.set_max_component_handles(HANDLES_MAX);
        let clock = Arc::clone(host);
        store.epoch_deadline_callback(move |mut guest| Ok(guest.data_mut().deadline.over(&clock.ticker)));
        begin(&mut store, host, 1, until);
        let guest = component.instantiate(&mut store).map_err(|e| match e.downcast_ref::<PoolConcurrencyLimitError>() {
            Some(full) => Fault::Refused(format!("this host holds {} sessions at most: {full}", host.config.sessions_max)),
            None => fault(&e, store.data()),
        })?;
        let signature = match guest.sandstream_model_scoring().call_load(&mut store, &payload.config) {
            Ok(Ok(signature)) => convert::signature(signature),
            Ok(Err(refused)) => return Err(Fault::Refused(clean(&refused, limits.log_line_bytes))),
            Err(e) => return Err(fault(&e, store.data())),
        };
        store.data_mut().inference.loaded();
        check::signature(&signature).map_err(Fault::Shape)?;
        let views = signature.inputs.iter().map(|_| RowView::default()).collect();
        let bytes_per_row = bytes_per_row(&signature).saturating_add(store.data().inference.bytes_per_row());
        Ok(Self { host: Arc::clone(host), store, guest, signature: Arc::new(signature), views, bytes_per_row, ended: None })
    }

    pub(super) fn signature(&self) -> &Arc<Signature> {
        &self.signature
    }

    /// The models it has opened.
    pub(super) fn opened(&self) -> impl Iterator<Item = &Arc<dyn Model>> {
        self.store.data().inference.opened()
    }

    fn call(&mut self, rows: Range<u32>, x: &[TensorRef<'_>], until: Instant, y: &mut Scores) -> Result<(), Fault> {
        let count = rows.end - rows.start;
        begin(&mut self.store, &self.host, count, until);
        self.store.set_hostcall_fuel(SLACK_BYTES.saturating_add(self.bytes_per_row.saturating_mul(count as usize)));
        let scoring = self.guest.sandstream_model_scoring();
        let mut given = (self.views.iter_mut().zip(x).zip(&self.signature.inputs))
            .map(|((view, x), input)| convert::param(view.rows(*x, rows.clone(), input.fields.len())));
        // One matrix is what nearly every model takes; for it nothing is allocated.
        let came = match (given.len(), given.next()) {
            (1, Some(only)) => scoring.call_score(&mut self.store, count, &[only]),
            (_, first) => scoring.call_score(&mut self.store, count, &first.into_iter().chain(given).collect::<Vec<_>>()),
        };
        match came {
            Ok(Ok(scores)) => convert::scores(scores, y),
            Ok(Err(refused)) => return Err(Fault::Refused(clean(&refused, REASON_BYTES * 4))),
            Err(e) => return Err(fault(&e, self.store.data())),
        }
        check::scores(&self.signature, count, y)
    }
}

impl Session for WasmSession {
    fn score(&mut self, rows: Range<u32>, x: &[TensorRef<'_>], until: Instant, y: &mut Scores) -> Result<(), Fault> {
        if let Some(why) = self.ended {
            return Err(Fault::Trap(format!("the session is beyond use: an earlier call {why}")));
        }
        check::inputs(&self.signature, &rows, x)?;
        y.clear();
        let done = self.call(rows, x, until, y);
        self.ended = match done {
            Err(Fault::Trap(_)) => Some("trapped"),
            Err(Fault::Late) => Some("was interrupted at its time limit"),
            _ => None,
        };
        done
    }

    fn memory_bytes(&self) -> Option<u64> {
        let guest = self.store.data();
        Some(guest.limiter.memory_bytes() + guest.inference.memory_bytes())
    }
}

/// A call begins: its deadline is set before the guest can run, and what is remembered of the last one is forgotten.
fn begin(store: &mut Store<Guest>, host: &Host, rows: u32, until: Instant) {
    let guest = store.data_mut();
    guest.log.begin();
    guest.limiter.begin();
    guest.inference.begin(rows, until);
    let ticks = guest.deadline.begin(until, &host.ticker);
    store.set_epoch_deadline(ticks);
}

/// What an honest guest returns for a row at most.
fn bytes_per_row(signature: &Signature) -> usize {
    let outputs = signature.outputs.iter().map(|output| (output.dtype, output.width as usize));
    check::bytes_per_row(outputs).saturating_add(REASON_BYTES)
}
