//! From a checked model to a graph: inputs get their shapes, rows become a symbol where that is sound, and tract makes a plan.

use std::collections::HashSet;
use std::sync::Arc;

use tract_core::internal::{DatumType, Symbol, SymbolScope, TDim, TVec, ToDim, TypedModel};
use tract_core::ops::nn::{Reduce, Reducer};
use tract_onnx::pb::{
    GraphProto, ModelProto, ValueInfoProto, tensor_shape_proto::dimension::Value as Size, type_proto::Value as Type,
};
use tract_onnx::tract_hir::internal::{InferenceFact, InferenceModel, InferenceModelExt as _};

use super::engine::{self, Choice, Engines};
use super::{Shapes, allow, analyse, axes, decode, ops, probe, runtime, tensor, walk};
use crate::run::{self, Lead, Typed};
use crate::{Bounds, Files, Graph, Refused};

/// Reads, checks and plans a model whose inputs and outputs all have the rows as their first dimension, for tract.
///
/// Where the file fixes that dimension to one, rows run together if the graph provably and visibly allows it, else one by one:
/// [`Graph::batched`] says which.
///
/// # Errors
/// What is not as expected, or not on the allow-list, by name.
pub fn load(bytes: &[u8], files: &dyn Files, shapes: &Shapes, bounds: &Bounds) -> Result<Arc<dyn Graph>, Refused> {
    load_with(bytes, files, shapes, bounds, &Engines { choice: Choice::Tract, onnxruntime: None })
}

/// The same for one of several engines; [`Graph::engine`] says which it is. The allow-list is one for all of them.
///
/// # Errors
/// As [`load`]; the engine that is asked for is not there.
pub fn load_with(
    bytes: &[u8],
    files: &dyn Files,
    shapes: &Shapes,
    bounds: &Bounds,
    engines: &Engines,
) -> Result<Arc<dyn Graph>, Refused> {
    let model = checked(bytes, files, bounds)?;
    let graph = graph_of(&model)?;
    let inputs = inputs(graph, shapes)?;
    if let Some(input) = inputs.iter().find(|input| !matches!(input.first, First::Open | First::One)) {
        let came = match input.first {
            First::Fixed(size) => format!("it is {size}"),
            _ => "there is none".to_owned(),
        };
        return Err(input.malformed(format!("its first dimension has to be the rows, open or 1, {came}")));
    }
    if inputs.is_empty() {
        return Err(Refused::Malformed { what: "the model".to_owned(), reason: "it has no inputs".to_owned() });
    }
    let tract = || rowed(&inputs, |wanted| planned(&model, &inputs, wanted, bounds));
    let Some(runtime) = engines.runtime()? else { return tract() };
    let library = || rowed(&inputs, |wanted| runtime::graph(&runtime, &model, &inputs, wanted, bounds));
    match engines.choice {
        Choice::Tract => tract(),
        Choice::OnnxRuntime => library(),
        Choice::Auto if engine::faster(graph) => library().or_else(|_| tract()),
        Choice::Auto => match tract() {
            Err(Refused::Engine(words)) => {
                library().map_err(|other| Refused::Engine(format!("tract: {words}; ONNX Runtime: {other}")))
            }
            other => other,
        },
    }
}

/// Rows together where that is sound, else one by one.
fn rowed(inputs: &[Input], planned: impl Fn(Wanted) -> Result<Arc<dyn Graph>, Refused>) -> Result<Arc<dyn Graph>, Refused> {
    let together = planned(Wanted::Rows);
    // A first dimension that is open in the file is the author's word that rows do not see each other.
    if together.is_ok() && inputs.iter().all(|input| matches!(input.first, First::Open)) {
        return together;
    }
    match (planned(Wanted::One), together) {
        (Ok(single), Ok(together)) => Ok(if probe::agree(together.as_ref(), single.as_ref()) { together } else { single }),
        (Ok(single), Err(_)) => Ok(single),
        (Err(single), Err(together)) => {
            Err(if inputs.iter().any(|input| matches!(input.first, First::One)) { single } else { together })
        }
        (Err(single), Ok(_)) => Err(single),
    }
}

/// Plans a model for the shapes that its inputs have in the file, with no dimension for rows: one row is all that the inputs hold.
/// This is for the conformance tests of ONNX, whose cases have no rows.
///
/// # Errors
/// As [`load`].
pub fn load_fixed(bytes: &[u8], files: &dyn Files, bounds: &Bounds) -> Result<Arc<dyn Graph>, Refused> {
    let model = checked(bytes, files, bounds)?;
    let inputs = inputs(graph_of(&model)?, &Shapes::default())?;
    planned(&model, &inputs, Wanted::Whole, bounds)
}

fn checked(bytes: &[u8], files: &dyn Files, bounds: &Bounds) -> Result<ModelProto, Refused> {
    let model = decode::decode(bytes, files, bounds)?;
    walk::order(graph_of(&model)?)?;
    allow::check(&model)?;
    Ok(model)
}

fn graph_of(model: &ModelProto) -> Result<&GraphProto, Refused> {
    model.graph.as_ref().ok_or_else(|| Refused::Malformed { what: "the model".to_owned(), reason: "it has no graph".to_owned() })
}

/// What the file says of the first dimension of an input.
#[derive(Clone, Copy)]
enum First {
    Open,
    One,
    Fixed(usize),
    /// It has no dimensions.
    Absent,
}

/// An input of the model that is no constant.
pub(super) struct Input {
    pub(super) name: String,
    pub(super) datum: DatumType,
    first: First,
    /// The dimensions after the first.
    pub(super) rest: Vec<usize>,
}

impl Input {
    fn malformed(&self, reason: String) -> Refused {
        Refused::Malformed { what: format!("input `{}`", self.name), reason }
    }
}

/// Where a plan has its rows.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Wanted {
    Rows,
    One,
    Whole,
}

fn inputs(graph: &GraphProto, shapes: &Shapes) -> Result<Vec<Input>, Refused> {
    let constants: HashSet<&str> = graph.initializer.iter().map(|tensor| tensor.name.as_str()).collect();
    let open: Vec<&ValueInfoProto> = graph.input.iter().filter(|input| !constants.contains(input.name.as_str())).collect();
    if let Some(name) = shapes.names().find(|name| open.iter().all(|input| input.name != *name)) {
        let known = open.iter().map(|input| format!("`{}`", input.name)).collect::<Vec<_>>().join(", ");
        return Err(Refused::Malformed {
            what: format!("shape of input `{name}`"),
            reason: format!("the model has the inputs {known}"),
        });
    }
    open.into_iter().map(|info| input(info, shapes.get(&info.name))).collect()
}

fn input(info: &ValueInfoProto, given: Option<&[usize]>) -> Result<Input, Refused> {
    let malformed = |reason: String| Refused::Malformed { what: format!("input `{}`", info.name), reason };
    let Some(Type::TensorType(tensor)) = info.r#type.as_ref().and_then(|kind| kind.value.as_ref()) else {
        return Err(malformed("it is no tensor; sequences, maps and optional values are not supported".to_owned()));
    };
    let (datum, _) = tensor::supported(tensor.elem_type).map_err(malformed)?;
    let datum = DatumType::try_from(datum).map_err(|error| malformed(error.to_string()))?;
    let sizes = tensor.shape.as_ref().map(|shape| shape.dim.iter().map(|dim| dim.value.as_ref()).collect::<Vec<_>>());
    let Some(sizes) = sizes else {
        let Some(given) = given else { return Err(malformed("it has no shape; the signature has to give one".to_owned())) };
        return Ok(Input { name: info.name.clone(), datum, first: First::Open, rest: given.to_vec() });
    };
    let fixed = |size: &Size| match size {
        Size::DimValue(size) => usize::try_from(*size).map(Some).map_err(|_| malformed(format!("dimension {size} is negative"))),
        Size::DimParam(_) => Ok(None),
    };
    let Some((first, rest)) = sizes.split_first() else {
        return Ok(Input { name: info.name.clone(), datum, first: First::Absent, rest: Vec::new() });
    };
    if let Some(given) = given
        && given.len() != rest.len()
    {
        return Err(malformed(format!("a row has {} dimensions, {} were given", rest.len(), given.len())));
    }
    let first = match first.map(fixed).transpose()?.flatten() {
        None => First::Open,
        Some(1) => First::One,
        Some(size) => First::Fixed(size),
    };
    let rest = rest.iter().enumerate().map(|(at, size)| {
        let given = given.and_then(|given| given.get(at)).copied();
        match (size.map(fixed).transpose()?.flatten(), given) {
            (Some(size), Some(given)) if size != given => {
                Err(malformed(format!("dimension {} is {size}, {given} was given", at + 1)))
            }
            (Some(size), _) | (None, Some(size)) => Ok(size),
            (None, None) => Err(malformed(format!("dimension {} is open; the signature has to give it", at + 1))),
        }
    });
    Ok(Input { name: info.name.clone(), datum, first, rest: rest.collect::<Result<_, _>>()? })
}

fn planned(model: &ModelProto, inputs: &[Input], wanted: Wanted, bounds: &Bounds) -> Result<Arc<dyn Graph>, Refused> {
    let made = run::guarded(|| named(model, inputs, wanted, bounds));
    run::graph(made.map_err(|panic| Refused::Engine(format!("it panicked: {panic}")))??, bounds)
}

/// What tract knows of a model, with the names of its inputs and outputs.
///
/// # Errors
/// A tensor is too large, or tract does not understand it.
pub(super) fn named(model: &ModelProto, inputs: &[Input], wanted: Wanted, bounds: &Bounds) -> Result<Typed, Refused> {
    let (typed, lead) = typed(model, inputs, wanted, bounds)?;
    let outputs = graph_of(model)?.output.iter().map(|output| output.name.clone()).collect();
    Ok(Typed { model: typed, lead, inputs: inputs.iter().map(|input| input.name.clone()).collect(), outputs })
}

fn typed(model: &ModelProto, inputs: &[Input], wanted: Wanted, bounds: &Bounds) -> Result<(TypedModel, Lead), Refused> {
    let axes = axes::find(graph_of(model)?)?;
    let parsed = ops::onnx().parse(model, None).map_err(|error| run::engine(&error))?;
    if let Some(name) = parsed.unresolved_inputs.first() {
        return Err(Refused::Malformed { what: format!("value `{name}`"), reason: "no node makes it".to_owned() });
    }
    let mut model: InferenceModel = parsed.model;
    let rows = rows(&model.symbols).map_err(|error| run::engine(&error))?;
    if model.inputs.len() != inputs.len() {
        return Err(Refused::Engine(format!("it sees {} inputs, the model has {}", model.inputs.len(), inputs.len())));
    }
    for (slot, input) in inputs.iter().enumerate() {
        let first = match (wanted, input.first) {
            (Wanted::Rows, _) => Some(rows.to_dim()),
            (Wanted::One, _) => Some(1.to_dim()),
            (Wanted::Whole, First::One) => Some(1.to_dim()),
            (Wanted::Whole, First::Fixed(size)) => Some(size.to_dim()),
            (Wanted::Whole, First::Absent) => None,
            (Wanted::Whole, First::Open) => return Err(input.malformed("its first dimension is open".to_owned())),
        };
        let shape: TVec<TDim> = first.into_iter().chain(input.rest.iter().map(ToDim::to_dim)).collect();
        model.set_input_fact(slot, InferenceFact::dt_shape(input.datum, shape)).map_err(|error| run::engine(&error))?;
    }
    let symbol = (wanted == Wanted::Rows).then_some(&rows);
    analyse::analyse(&mut model, &axes, symbol, bounds)?;
    let typed = model.into_typed().map_err(|error| run::engine(&error))?;
    truth_values(&typed)?;
    let lead = match wanted {
        Wanted::Rows => Lead::Rows(rows),
        Wanted::One => Lead::One,
        Wanted::Whole => Lead::Whole,
    };
    Ok((typed, lead))
}

/// The symbol for the number of rows, which is at least one whenever the engine runs.
fn rows(symbols: &SymbolScope) -> tract_core::internal::TractResult<Symbol> {
    let rows = symbols.new_with_prefix("rows");
    symbols.add_assertion(format!("{rows}>=1"))?;
    Ok(rows)
}

/// tract finds out when it runs that it has no maximum of truth values.
fn truth_values(model: &TypedModel) -> Result<(), Refused> {
    for node in model.nodes() {
        let reduces = node.op_as::<Reduce>().is_some_and(|op| matches!(op.reducer, Reducer::Max | Reducer::Min));
        let input = node.inputs.first().and_then(|input| model.outlet_fact(*input).ok());
        if reduces && input.is_some_and(|fact| fact.datum_type == DatumType::Bool) {
            let reason = "the maximum or minimum of truth values is not supported; cast them to integers".to_owned();
            return Err(Refused::Operator { operator: "ReduceMax or ReduceMin".to_owned(), node: node.name.clone(), reason });
        }
    }
    Ok(())
}
