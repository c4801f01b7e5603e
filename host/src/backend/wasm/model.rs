//! A component from bytes that nobody trusts to a model that can make sessions.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use wasmtime::Engine;
use wasmtime::component::Component;

use super::bindings::ModelPre;
use super::deadline::after;
use super::guest::{Guest, INFERENCE, OFFERED};
use super::opened::{self, Openable};
use super::session::WasmSession;
use super::{Host, compile};
use crate::backend::{Cost, Fault, Model, Payload, Rejected, Session, Stage};
use crate::types::{Limits, Signature};

const EXPORT: &str = "sandstream:model/scoring@0.1.0";

/// Whether a component was opened by another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Nested {
    /// It was, so it opens none itself.
    Yes,
    /// It answers for itself.
    No,
}

pub(super) struct WasmModel {
    host: Arc<Host>,
    component: ModelPre<Guest>,
    payload: Payload,
    openable: Arc<Openable>,
    limits: Limits,
    signature: Arc<Signature>,
    /// Of the models it opens: what the dearest of them costs, and how far answers may lie apart.
    cost: Option<Cost>,
    tolerance: Option<f64>,
    /// The session that told the signature; the first that is asked for.
    first: Mutex<Option<WasmSession>>,
}

impl WasmModel {
    /// Checks, compiles and loads a component, and reads its signature from a first session.
    pub(super) fn load(host: &Arc<Host>, what: &Payload, limits: &Limits, nested: Nested) -> Result<Self, Rejected> {
        let rejected = |stage| move |reason| Rejected { stage, reason };
        check_bytes(&what.data, limits).map_err(rejected(Stage::Verify))?;
        check_limits(host, limits).map_err(rejected(Stage::Verify))?;
        let component = machine_code(host, what, limits).map_err(rejected(Stage::Compile))?;
        let opens = check_interfaces(&host.engine, &component, nested).map_err(rejected(Stage::Compile))?;
        let component = (host.linker.instantiate_pre(&component).and_then(ModelPre::new))
            .map_err(|e| rejected(Stage::Compile)(format!("it does not keep to the contract: {e:#}")))?;
        let openable = if opens { Openable::load(host, what, limits) } else { Openable::none() };
        // Compiled code is kept by the engine; the component's own bytes are not needed any more.
        let payload = Payload { data: [].into(), artifacts: openable.files(&what.artifacts), ..what.clone() };
        let first = WasmSession::start(host, &component, &payload, &openable, limits, after(limits.load))
            .map_err(|fault| rejected(Stage::Warm)(load_words(&fault, limits)))?;
        let costs = || first.opened().filter_map(|model| model.cost());
        let cost = costs().max_by_key(|cost| cost.line()).cloned();
        let limits = opened::budget(limits, costs());
        let tolerance = first.opened().filter_map(|model| model.tolerance()).reduce(f64::max);
        let signature = Arc::clone(first.signature());
        let first = Mutex::new(Some(first));
        Ok(Self { host: Arc::clone(host), component, payload, openable, limits, signature, cost, tolerance, first })
    }
}

impl Model for WasmModel {
    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn limits(&self) -> &Limits {
        &self.limits
    }

    fn session(&self, until: Instant) -> Result<Box<dyn Session>, Fault> {
        if let Some(first) = self.first.lock().unwrap_or_else(PoisonError::into_inner).take() {
            return Ok(Box::new(first));
        }
        let session = WasmSession::start(&self.host, &self.component, &self.payload, &self.openable, &self.limits, until)?;
        if **session.signature() != *self.signature {
            return Err(Fault::Shape("`load` gave another signature than it did at first".to_owned()));
        }
        Ok(Box::new(session))
    }

    fn tolerance(&self) -> Option<f64> {
        self.tolerance
    }

    fn cost(&self) -> Option<&Cost> {
        self.cost.as_ref()
    }

    /// Log lines of a guest name the model they come from.
    fn labelled(&self, label: &Arc<str>) -> Option<Arc<dyn Model>> {
        if self.payload.label == *label {
            return None;
        }
        Some(Arc::new(Self {
            host: Arc::clone(&self.host),
            component: self.component.clone(),
            payload: Payload { label: Arc::clone(label), ..self.payload.clone() },
            openable: Arc::clone(&self.openable),
            limits: self.limits.clone(),
            signature: Arc::clone(&self.signature),
            cost: self.cost.clone(),
            tolerance: self.tolerance,
            first: Mutex::new(None),
        }))
    }
}

fn load_words(fault: &Fault, limits: &Limits) -> String {
    match fault {
        Fault::Late => format!("`load` was not done within {:?}", limits.load),
        other => format!("`load`: {other}"),
    }
}

/// A component begins with the same four bytes as a core module; the next four tell them apart.
fn check_bytes(bytes: &[u8], limits: &Limits) -> Result<(), String> {
    if bytes.len() as u64 > limits.payload_bytes {
        return Err(format!("it has {} bytes; the limit is {}", bytes.len(), limits.payload_bytes));
    }
    if Engine::detect_precompiled(bytes).is_some() {
        return Err("it is machine code, which is never taken from outside; publish the component it was made from".to_owned());
    }
    match bytes.get(..8) {
        Some(b"\0asm\x0d\0\x01\0") => Ok(()),
        Some(b"\0asm\x01\0\0\0") => {
            Err("it is a core module; expected a component (`sandstream build` or `wasm-tools component new` make one)"
                .to_owned())
        }
        _ => Err(format!("expected a WebAssembly component; its {} bytes do not begin as one does", bytes.len())),
    }
}

fn check_limits(host: &Host, limits: &Limits) -> Result<(), String> {
    let config = &host.config;
    let most = [
        ("bytes of memory", limits.memory_bytes, config.memory_max),
        ("table elements", limits.table_elements, config.table_elements_max),
        ("instances", limits.instances.into(), config.instances_max.into()),
    ];
    match most.iter().find(|(_, asked, max)| asked > max) {
        Some((what, asked, max)) => Err(format!("it is granted {asked} {what}; this host gives at most {max}")),
        None => Ok(()),
    }
}

/// Machine code from the cache, or compiled and put there.
fn machine_code(host: &Host, what: &Payload, limits: &Limits) -> Result<Component, String> {
    if let Some(code) = host.cache.as_ref().and_then(|cache| cache.get(what.digest)) {
        match code.component(&host.engine) {
            Ok(component) => return Ok(component),
            Err(e) => tracing::warn!(model = &*what.label, "cached machine code is not taken, compiling again: {e:#}"),
        }
    }
    let code = compile::compile(host, &what.data, limits)?;
    if let Some(cache) = &host.cache
        && let Err(e) = cache.put(what.digest, &code)
    {
        tracing::warn!(model = &*what.label, "machine code cannot be kept: {e}");
    }
    code.component(&host.engine).map_err(|e| format!("the compiled component cannot be loaded: {e:#}"))
}

/// Names everything that is asked for and not offered at once, and what should be exported and is not. Says whether it opens models.
fn check_interfaces(engine: &Engine, component: &Component, nested: Nested) -> Result<bool, String> {
    let ty = component.component_type();
    let base = |name: &str| name.split('@').next().unwrap_or_default().to_owned();
    let foreign: Vec<_> = ty.imports(engine).map(|(name, _)| name).filter(|name| !OFFERED.contains(&&*base(name))).collect();
    let opens = ty.imports(engine).any(|(name, _)| base(name) == INFERENCE);
    if opens && nested == Nested::Yes {
        return Err(format!("it imports `{INFERENCE}`; a model that another one opens cannot open models itself"));
    }
    if !foreign.is_empty() {
        let offered = OFFERED.map(|name| format!("`{name}`")).join(", ");
        return Err(format!("it imports `{}`; a model may import only {offered}", foreign.join("`, `")));
    }
    let exports: Vec<_> = ty.exports(engine).map(|(name, _)| format!("`{name}`")).collect();
    if component.get_export_index(None, EXPORT).is_none() {
        let exports = if exports.is_empty() { "nothing".to_owned() } else { exports.join(", ") };
        return Err(format!("it must export `{EXPORT}`; it exports {exports}"));
    }
    Ok(opens)
}
