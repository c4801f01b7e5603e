//! Compiled -> Warm: the model is joined with a stream's data type, and has a session for every lane and one to spare, each of
//! which has scored.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::compile::Compiled;
use super::golden;
use super::trial::Trial;
use super::{StreamSpec, TypeSpec};
use crate::backend::{Model, Rejected, Session, Stage};
use crate::binding::Binding;
use crate::codec::{ResultMeta, Stamp};
use crate::registry::{Seat, Usage, Version};
use crate::types::proto::ModelDescriptor;
use crate::types::{Scores, Signature};

/// A version that could go live in one stream.
pub(super) struct Warm {
    pub(super) version: Arc<Version>,
}

/// Readies a model for a stream. `go_on` is asked before every session: a request that was superseded is dropped there, as
/// `Ok(None)`.
pub(super) fn warm(
    compiled: &Compiled,
    stream: &StreamSpec,
    data_type: &TypeSpec,
    go_on: &dyn Fn() -> bool,
) -> Result<Option<Warm>, Rejected> {
    match version(compiled, stream, data_type, go_on) {
        Ok(version) => Ok(version.map(|version| Warm { version: Arc::new(version) })),
        Err(reason) => Err(Rejected { stage: Stage::Warm, reason }),
    }
}

fn version(
    compiled: &Compiled,
    stream: &StreamSpec,
    data_type: &TypeSpec,
    go_on: &dyn Fn() -> bool,
) -> Result<Option<Version>, String> {
    let model = &compiled.model;
    as_declared(&compiled.verified.announced.descriptor, model.signature())?;
    within(model.as_ref(), stream.step_max)?;
    let schema = data_type.codec.schema();
    let binding = Binding::new(schema, model.signature()).map_err(|error| error.to_string())?;
    let mut trial = Trial::new(schema, &binding, model.as_ref())?;
    let mut sessions = Vec::with_capacity(stream.lanes + 1);
    for _ in 0..=stream.lanes {
        if !go_on() {
            return Ok(None);
        }
        let mut session = open(model.as_ref())?;
        trial.run(session.as_mut())?;
        sessions.push(session);
    }
    // The last session is put to the test; all have given the same answers.
    if let (goldens, Some(session)) = (compiled.verified.goldens.as_slice(), sessions.pop()) {
        let session =
            if goldens.is_empty() { Some(session) } else { golden::agree(model.as_ref(), session, &data_type.codec, goldens)? };
        sessions.push(session.map_or_else(|| open(model.as_ref()), Ok)?);
    }
    let stamp = stream.encoding.stamp(meta(compiled, stream, data_type));
    let spare = sessions.pop();
    let seat = |session| Mutex::new(seat(session, data_type, &binding, stamp.as_ref()));
    let announced = &compiled.verified.announced;
    Ok(Some(Version {
        id: announced.id.clone(),
        digest: compiled.verified.digest,
        revision: announced.revision,
        evaluator: String::new(),
        model: model.clone(),
        limits: model.limits().clone(),
        seats: sessions.into_iter().map(seat).collect(),
        spare: Mutex::new(spare),
        quarantined: AtomicBool::new(false),
        usage: (0..stream.lanes).map(|_| Usage::default()).collect(),
        binding,
    }))
}

/// A model that cannot be interrupted must be able to score a row within a step.
fn within(model: &dyn Model, step_max: Duration) -> Result<(), String> {
    match model.cost().and_then(|cost| cost.calls.first()) {
        Some((rows, took)) if *took > step_max => {
            Err(format!("a call with {rows} row took {took:?}, and a step of the stream may take {step_max:?} (`step_max`)"))
        }
        _ => Ok(()),
    }
}

/// A session, within the time that `load` may take.
pub(super) fn open(model: &dyn Model) -> Result<Box<dyn Session>, String> {
    let load = model.limits().load;
    model.session(Instant::now() + load).map_err(|fault| format!("`load` failed ({load:?} allowed): {fault}"))
}

fn seat(session: Box<dyn Session>, data_type: &TypeSpec, binding: &Binding, stamp: &dyn Stamp) -> Seat {
    let mut wanted = [binding.wanted(), &data_type.include].concat();
    wanted.sort_unstable();
    wanted.dedup();
    Seat {
        session: Some(session),
        decoder: data_type.codec.decoder(&wanted),
        encoder: stamp.encoder(),
        inputs: binding.inputs(),
        scores: Scores::default(),
    }
}

fn meta(compiled: &Compiled, stream: &StreamSpec, data_type: &TypeSpec) -> ResultMeta {
    let announced = &compiled.verified.announced;
    let fields = data_type.codec.schema().fields();
    ResultMeta {
        data_type: announced.id.data_type.clone(),
        model: announced.id.name.clone(),
        version: announced.id.version.clone(),
        digest: compiled.verified.digest,
        evaluator: String::new(),
        revision: announced.revision,
        role: stream.role.clone(),
        topics: stream.topics.clone(),
        outputs: compiled.model.signature().outputs.clone(),
        include: data_type.include.iter().filter_map(|at| fields.get(*at as usize).cloned()).collect(),
    }
}

/// Compares the signature that the descriptor declares with the model's own.
fn as_declared(descriptor: &ModelDescriptor, model: &Signature) -> Result<(), String> {
    let Some(declared) = &descriptor.signature else { return Ok(()) };
    let declared = Signature::try_from(declared)?;
    if declared.inputs != model.inputs {
        return Err(format!("the descriptor declares the inputs {:?}, the model has {:?}", declared.inputs, model.inputs));
    }
    // Where a graph is told what its inputs take, its outputs go without saying.
    if !declared.outputs.is_empty() && declared.outputs != model.outputs {
        return Err(format!("the descriptor declares the outputs {:?}, the model has {:?}", declared.outputs, model.outputs));
    }
    Ok(())
}
