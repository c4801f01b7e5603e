//! From a typed model of tract's to a [`Graph`]: one plan for every number of rows, a state for each thread, and nothing that the
//! engine does to itself reaches the caller: its panics and errors are values.
//!
//! Rust prints a panic to standard error before it is caught here. The hook that does so belongs to the process and is left alone.

mod answer;
mod bound;
mod channels;
mod engine;
mod feed;
mod guard;
mod rows;
mod runner;
mod tract;

use std::sync::Arc;

use tract_core::internal::{
    DatumType, DimLike as _, OutletId, SpecialOps as _, Symbol, TDim, TypedFact, TypedModel, TypedRunnableModel, TypedSimplePlan,
};
use tract_core::ops::cast::cast;

use crate::{Bounds, Dim, Element, Graph, Port, Refused, RunError, Runner, exact};

#[cfg(feature = "onnx")]
pub(crate) use bound::too_large;
pub(crate) use bound::volume_at_one_row;
#[cfg(feature = "ort")]
pub(crate) use engine::{Engine, Number, Show, Values};
#[cfg(feature = "ort")]
pub(crate) use feed::tensor;
pub(crate) use guard::guarded;
#[cfg(feature = "ort")]
pub(crate) use rows::onnx_runtime as onnx_runtime_rows;
#[cfg(feature = "ort")]
pub(crate) use runner::Bound;
#[cfg(not(feature = "ort"))]
use runner::Bound;

/// What runs the graphs of this module.
const ENGINE: &str = "tract 0.23.9";

/// Where the rows are in the tensors of a model.
#[derive(Debug, Clone)]
pub(crate) enum Lead {
    /// The first dimension of every input and output is this symbol: rows are run together.
    Rows(Symbol),
    /// The first dimension of every input and output is one: rows are run one by one.
    One,
    /// A row is everything that the inputs hold, there is no dimension for rows: they are run one by one.
    Whole,
}

/// How rows go through an engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rows {
    /// Any number in one call.
    Together,
    /// One by one, with a first dimension that is one.
    One,
    /// One by one, without a dimension for them.
    Whole,
}

/// What a graph takes and gives, and how.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    pub(crate) inputs: Arc<[Port]>,
    pub(crate) outputs: Arc<[Port]>,
    pub(crate) rows: Rows,
    /// Most rows in one call.
    pub(crate) rows_max: usize,
    /// Values of the widest tensor that a row has.
    pub(crate) row_values: usize,
}

/// A graph that is run by tract.
#[derive(Debug)]
struct Planned {
    plan: Arc<TypedRunnableModel>,
    layout: Layout,
    memory_bytes: u64,
}

/// What is made into a graph.
pub(crate) struct Typed {
    /// The model; its inputs and outputs have the order of the names.
    pub(crate) model: TypedModel,
    /// Where its rows are.
    pub(crate) lead: Lead,
    /// Names of the inputs.
    pub(crate) inputs: Vec<String>,
    /// Names of the outputs.
    pub(crate) outputs: Vec<String>,
}

/// Checks, optimises and plans a model. Rows that could go through it together may go singly, where that is faster.
///
/// # Errors
/// It asks for more than the bounds, its inputs and outputs do not have the rows where `lead` says, or tract does not accept it.
pub(crate) fn graph(typed: Typed, bounds: &Bounds) -> Result<Arc<dyn Graph>, Refused> {
    guarded(|| plan(typed, bounds)).unwrap_or_else(|panic| Err(Refused::Engine(format!("it panicked: {panic}")))).map(|planned| {
        let graph: Arc<dyn Graph> = Arc::new(planned);
        graph
    })
}

fn plan(mut typed: Typed, bounds: &Bounds) -> Result<Planned, Refused> {
    let (mut layout, memory_bytes) = layout(&mut typed, bounds)?;
    exact::replace(&mut typed.model).map_err(|error| engine(&error))?;
    let mut model = typed.model.into_decluttered().map_err(|error| engine(&error))?;
    if let Lead::Rows(symbol) = &typed.lead {
        layout.rows_max = layout.rows_max.min(rows::tract(layout.row_values, memory_bytes));
        if let Some(single) = rows::singly(&model, symbol) {
            (model, layout.rows, layout.rows_max) = (single, Rows::One, 1);
        }
    }
    let model = channels::last(model).and_then(TypedModel::into_optimized).map_err(|error| engine(&error))?;
    let plan = TypedSimplePlan::new(model).map_err(|error| engine(&error))?;
    Ok(Planned { plan, layout, memory_bytes })
}

/// What a model takes and gives, and the bytes of its weights.
///
/// # Errors
/// It asks for more than the bounds, or its inputs and outputs do not have the rows where its lead says.
pub(crate) fn layout(typed: &mut Typed, bounds: &Bounds) -> Result<(Layout, u64), Refused> {
    let Typed { model, lead, inputs, outputs } = typed;
    numbers_for_dimensions(model).map_err(|error| engine(&error))?;
    let lead = &*lead;
    let (symbol, rows) = match lead {
        Lead::Rows(symbol) => (Some(symbol), Rows::Together),
        Lead::One => (None, Rows::One),
        Lead::Whole => (None, Rows::Whole),
    };
    let widest = bound::tensors(model, symbol, bounds)?;
    let memory_bytes = bound::weights(model, bounds)?;
    let inputs = ports(model, lead, &model.inputs, inputs, true)?;
    let outputs = ports(model, lead, &model.outputs, outputs, false)?;
    let row_values = symbol.map_or(widest, |symbol| bound::row_values(model, symbol));
    let rows_max = if rows == Rows::Together { (bounds.elements / widest.max(1)).max(1) } else { 1 };
    Ok((Layout { inputs: inputs.into(), outputs: outputs.into(), rows, rows_max, row_values }, memory_bytes))
}

/// An error of tract's with all its causes.
pub(crate) fn engine(error: &tract_core::internal::TractError) -> Refused {
    Refused::Engine(format!("{error:#}"))
}

/// Outputs that are computed as dimensions become the integers that they are in the file.
fn numbers_for_dimensions(model: &mut TypedModel) -> tract_core::internal::TractResult<()> {
    for slot in 0..model.outputs.len() {
        let outlet = model.outputs[slot];
        if model.outlet_fact(outlet)?.datum_type == DatumType::TDim {
            let name = model.unique_name("rows-as-numbers").into_owned();
            model.outputs[slot] = model.wire_node(name, cast(DatumType::I64), &[outlet])?[0];
        }
    }
    Ok(())
}

fn ports(model: &TypedModel, lead: &Lead, outlets: &[OutletId], names: &[String], inputs: bool) -> Result<Vec<Port>, Refused> {
    if outlets.len() != names.len() {
        return Err(Refused::Engine(format!("{} names for {} ports", names.len(), outlets.len())));
    }
    let port = |(outlet, name): (&OutletId, &String)| {
        let fact = model.outlet_fact(*outlet).map_err(|error| engine(&error))?;
        let element =
            element(fact.datum_type).ok_or_else(|| malformed(name, format!("its element type is {:?}", fact.datum_type)))?;
        Ok(Port { name: name.clone(), element, dims: dims(fact, lead, name, inputs)? })
    };
    outlets.iter().zip(names).map(port).collect()
}

fn malformed(name: &str, reason: String) -> Refused {
    Refused::Malformed { what: format!("port `{name}`"), reason }
}

/// The dimensions of a port; the first is the rows.
fn dims(fact: &TypedFact, lead: &Lead, name: &str, input: bool) -> Result<Vec<Dim>, Refused> {
    let shape: Vec<TDim> = fact.shape.iter().cloned().collect();
    let inner = match (lead, shape.split_first()) {
        (Lead::Whole, _) => shape.as_slice(),
        (Lead::Rows(symbol), Some((first, rest))) if *first == TDim::from(symbol.clone()) => rest,
        (Lead::One, Some((first, rest))) if *first == TDim::from(1) => rest,
        (Lead::Rows(_) | Lead::One, _) => {
            let shape = shape.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            return Err(malformed(name, format!("its first dimension has to be the rows, its shape is [{shape}]")));
        }
    };
    let rows = match lead {
        Lead::Rows(symbol) => Some(symbol),
        Lead::One | Lead::Whole => None,
    };
    let mut dims = vec![Dim::Rows];
    for dim in inner {
        let fixed = dim.to_usize().ok();
        let follows_rows = rows.is_some_and(|symbol| dim.symbols().contains(symbol));
        match fixed {
            Some(size) => dims.push(Dim::Fixed(size)),
            None if input || follows_rows => {
                return Err(malformed(name, format!("dimension {dim} has to be a number, or to be given by the signature")));
            }
            None => dims.push(Dim::Varies),
        }
    }
    Ok(dims)
}

/// The element type of ours for one of tract's.
pub(crate) fn element(datum: DatumType) -> Option<Element> {
    Some(match datum.unquantized() {
        DatumType::F16 => Element::F16,
        DatumType::F32 => Element::F32,
        DatumType::F64 => Element::F64,
        DatumType::Bool => Element::Bool,
        DatumType::I8 => Element::I8,
        DatumType::I16 => Element::I16,
        DatumType::I32 => Element::I32,
        DatumType::I64 => Element::I64,
        DatumType::U8 => Element::U8,
        DatumType::U16 => Element::U16,
        DatumType::U32 => Element::U32,
        DatumType::U64 => Element::U64,
        DatumType::String => Element::Text,
        _ => return None,
    })
}

impl Graph for Planned {
    fn inputs(&self) -> &[Port] {
        &self.layout.inputs
    }

    fn outputs(&self) -> &[Port] {
        &self.layout.outputs
    }

    fn engine(&self) -> &str {
        ENGINE
    }

    fn batched(&self) -> bool {
        self.layout.rows == Rows::Together
    }

    fn memory_bytes(&self) -> u64 {
        self.memory_bytes
    }

    fn runner(&self) -> Result<Box<dyn Runner>, RunError> {
        let state = guarded(|| self.plan.spawn()).map_err(RunError::Panicked)?;
        let state = state.map_err(|error| RunError::Failed(tract::words(&error)))?;
        Ok(Box::new(Bound::new(tract::Tract(state), &self.layout)))
    }
}
