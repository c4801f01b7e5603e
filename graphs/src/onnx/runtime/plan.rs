//! From a checked model to a graph that the library runs.

use std::sync::{Arc, Mutex, PoisonError};

use ort::session::Session;
use ort::value::ValueType;
use tract_onnx::pb::ModelProto;

use super::call::Ready;
use super::library::Runtime;
use super::rewrite;
use crate::onnx::load::{self, Input, Wanted};
use crate::run::{self, Bound, Engine as _, Layout, Rows};
use crate::{Bounds, Dim, Element, Feed, Graph, Port, Refused, RunError, Runner};

/// Rows of the calls that find out what an output's shape is.
const TRIALS: [usize; 2] = [1, 3];

/// Rows of a call where nobody can tell how much lies between the operators: magika's rows take three times as long in calls of 64 as one by
/// one.
const ROWS_UNTOLD: usize = 8;

/// A model, as the library reads it anew for each runner: a session is one thread's.
struct OnnxRuntime {
    runtime: Runtime,
    model: Vec<u8>,
    layout: Layout,
    /// The first session, for the first runner.
    first: Mutex<Option<Session>>,
}

/// Reads a model.
///
/// # Errors
/// It asks for more than the bounds, the library does not accept it, or its outputs do not have the rows where they should.
pub(in crate::onnx) fn graph(
    runtime: &Runtime,
    model: &ModelProto,
    inputs: &[Input],
    wanted: Wanted,
    bounds: &Bounds,
) -> Result<Arc<dyn Graph>, Refused> {
    let known = known(model, inputs, wanted, bounds)?;
    let model = rewrite::bytes(model, inputs, wanted);
    let session = runtime.session(&model).map_err(Refused::Engine)?;
    let mut ready = Ready::new(session, bytes(&model));
    let untold = known.is_none();
    let mut layout = match known {
        Some(layout) => layout,
        None => run::guarded(|| tried(&mut ready, inputs, wanted, bounds)).and_then(|tried| tried).map_err(Refused::Engine)?,
    };
    agree(ready.session(), &layout)?;
    layout.rows_max = layout.rows_max.min(run::onnx_runtime_rows(layout.row_values));
    if untold {
        layout.rows_max = layout.rows_max.min(ROWS_UNTOLD);
    }
    let first = Mutex::new(Some(ready.into_session()));
    Ok(Arc::new(OnnxRuntime { runtime: runtime.clone(), model, layout, first }))
}

fn bytes(model: &[u8]) -> u64 {
    u64::try_from(model.len()).unwrap_or(u64::MAX)
}

/// What tract finds out about the model before it runs anything: sizes, and where the rows are. Both engines have one signature by that.
/// `None` where tract cannot tell.
fn known(model: &ModelProto, inputs: &[Input], wanted: Wanted, bounds: &Bounds) -> Result<Option<Layout>, Refused> {
    let made = run::guarded(|| {
        let mut typed = load::named(model, inputs, wanted, bounds)?;
        run::layout(&mut typed, bounds)
    });
    match made {
        Ok(Ok((layout, _))) => Ok(Some(layout)),
        Ok(Err(Refused::Engine(_))) | Err(_) => Ok(None),
        Ok(Err(refused)) => Err(refused),
    }
}

/// What the library's own answers look like.
fn tried(ready: &mut Ready, inputs: &[Input], wanted: Wanted, bounds: &Bounds) -> Result<Layout, String> {
    let rows = if wanted == Wanted::Rows { Rows::Together } else { Rows::One };
    let ports = inputs.iter().map(|input| {
        let element = run::element(input.datum).ok_or_else(|| format!("input `{}` is {:?}", input.name, input.datum))?;
        let dims = std::iter::once(Dim::Rows).chain(input.rest.iter().map(|size| Dim::Fixed(*size)));
        Ok(Port { name: input.name.clone(), element, dims: dims.collect() })
    });
    let inputs: Arc<[Port]> = ports.collect::<Result<_, String>>()?;
    let mut layout = Layout { inputs, outputs: Arc::new([]), rows, rows_max: 1, row_values: 1 };
    let trials = if rows == Rows::Together { TRIALS.as_slice() } else { &TRIALS[..1] };
    let mut shapes: Vec<Vec<Vec<i64>>> = Vec::new();
    for rows in trials {
        shapes.push(shapes_of(ready, &layout, *rows)?);
    }
    let mut outputs = Vec::new();
    for (at, outlet) in ready.session().outputs().iter().enumerate() {
        let name = outlet.name().to_owned();
        let element = element(outlet.dtype()).ok_or_else(|| format!("output `{name}` is {}", outlet.dtype()))?;
        let seen: Vec<&[i64]> = shapes.iter().filter_map(|shapes| Some(shapes.get(at)?.as_slice())).collect();
        let dims = dims(&seen, trials).ok_or_else(|| {
            format!("output `{name}` has to have the rows as its first dimension, for {trials:?} rows its shapes are {seen:?}")
        })?;
        outputs.push(Port { name, element, dims });
    }
    let width = |port: &Port| port.width().unwrap_or(1);
    layout.row_values = layout.inputs.iter().chain(&outputs).map(width).max().unwrap_or(1).max(1);
    layout.rows_max = if rows == Rows::Together { (bounds.elements / layout.row_values).max(1) } else { 1 };
    layout.outputs = outputs.into();
    Ok(layout)
}

/// The shapes of all outputs for rows of zeros.
fn shapes_of(ready: &mut Ready, layout: &Layout, rows: usize) -> Result<Vec<Vec<i64>>, String> {
    let most = layout.inputs.iter().filter_map(|port| port.width()?.checked_mul(rows)).max().unwrap_or(0);
    let (floats, doubles, integers, ends) = (vec![0f32; most], vec![0f64; most], vec![0i64; most], vec![0u32; most]);
    let mut tensors = Vec::new();
    for port in layout.inputs.iter() {
        let width = port.width().unwrap_or(0);
        let feed = match port.element {
            Element::F16 | Element::F32 => Feed::F32(&floats),
            Element::F64 => Feed::F64(&doubles),
            Element::Text => Feed::Strings { data: &[], ends: &ends },
            _ => Feed::I64(&integers),
        };
        let tensor = run::tensor::<Ready>(&feed, port, (0, rows), width, &layout.shape(port, rows));
        tensors.push(tensor.map_err(|error| error.to_string())?);
    }
    let mut shapes = Vec::new();
    ready.run(tensors, &mut |_, value| {
        match value.dtype() {
            ValueType::Tensor { shape, .. } => shapes.push(shape.to_vec()),
            other => return Err(format!("an output is {other}, a tensor is expected")),
        }
        Ok(())
    })?;
    Ok(shapes)
}

/// Dimensions from the shapes that came; `None` where the first is not the rows.
fn dims(seen: &[&[i64]], trials: &[usize]) -> Option<Vec<Dim>> {
    let (first, others) = seen.split_first()?;
    let rows = |shape: &[i64], rows: usize| shape.first().is_some_and(|size| usize::try_from(*size) == Ok(rows));
    if seen.len() != trials.len()
        || !seen.iter().zip(trials).all(|(shape, trial)| rows(shape, *trial) && shape.len() == first.len())
    {
        return None;
    }
    let inner = first.iter().enumerate().skip(1).map(|(at, size)| {
        let same = others.iter().all(|other| other.get(at) == Some(size));
        usize::try_from(*size).ok().filter(|_| same).map_or(Dim::Varies, Dim::Fixed)
    });
    Some(std::iter::once(Dim::Rows).chain(inner).collect())
}

fn element(kind: &ValueType) -> Option<Element> {
    use ort::value::TensorElementType as Type;
    let ValueType::Tensor { ty, .. } = kind else { return None };
    Some(match ty {
        Type::Float16 => Element::F16,
        Type::Float32 => Element::F32,
        Type::Float64 => Element::F64,
        Type::Bool => Element::Bool,
        Type::Int8 => Element::I8,
        Type::Int16 => Element::I16,
        Type::Int32 => Element::I32,
        Type::Int64 => Element::I64,
        Type::Uint8 => Element::U8,
        Type::Uint16 => Element::U16,
        Type::Uint32 => Element::U32,
        Type::Uint64 => Element::U64,
        Type::String => Element::Text,
        _ => return None,
    })
}

/// The library's inputs and outputs have to be those of the layout, in its order.
fn agree(session: &Session, layout: &Layout) -> Result<(), Refused> {
    for (outlets, ports) in [(session.inputs(), &layout.inputs), (session.outputs(), &layout.outputs)] {
        let same = outlets.len() == ports.len()
            && outlets
                .iter()
                .zip(ports.iter())
                .all(|(outlet, port)| outlet.name() == port.name && element(outlet.dtype()) == Some(port.element));
        if !same {
            let seen =
                outlets.iter().map(|outlet| format!("`{}` {}", outlet.name(), outlet.dtype())).collect::<Vec<_>>().join(", ");
            let ours = ports.iter().map(|port| format!("`{}` {}", port.name, port.element)).collect::<Vec<_>>().join(", ");
            return Err(Refused::Engine(format!("it sees {seen}, expected was {ours}")));
        }
    }
    Ok(())
}

impl Graph for OnnxRuntime {
    fn inputs(&self) -> &[Port] {
        &self.layout.inputs
    }

    fn outputs(&self) -> &[Port] {
        &self.layout.outputs
    }

    fn engine(&self) -> &str {
        self.runtime.name()
    }

    fn batched(&self) -> bool {
        self.layout.rows == Rows::Together
    }

    fn memory_bytes(&self) -> u64 {
        bytes(&self.model)
    }

    fn runner(&self) -> Result<Box<dyn Runner>, RunError> {
        let first = self.first.lock().unwrap_or_else(PoisonError::into_inner).take();
        let session = first.map_or_else(|| self.runtime.session(&self.model), Ok).map_err(RunError::Failed)?;
        Ok(Box::new(Bound::new(Ready::new(session, bytes(&self.model)), &self.layout)))
    }
}
