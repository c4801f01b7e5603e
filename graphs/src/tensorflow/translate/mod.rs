//! From a graph of TensorFlow's to a model of tract's, walked from the outputs that are asked for.

mod build;
mod call;
mod operator;
mod restore;
mod scope;
mod value;

use std::collections::{HashMap, HashSet};

use tract_core::internal::{TDim, TypedFact, TypedModel};

use super::proto::attr_value::Value as Attribute;
use super::proto::{FunctionDefLibrary, GraphDef, MetaGraphDef, NodeDef, OpList};
use super::{Folder, Options, dtype, saved_model};
use crate::run::{Lead, Typed};
use crate::{Bounds, Refused};
use build::Build;
use scope::{Library, Scope};
use value::Value;

pub(super) use operator::names as operators;

/// An input or output that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct End {
    /// What it is called outside.
    pub(super) name: String,
    /// The tensor: `node`, `node:1`.
    pub(super) tensor: String,
    /// TensorFlow's number of the element type.
    pub(super) dtype: i32,
    /// -1 is open; `None` where even the number of dimensions is.
    pub(super) shape: Option<Vec<i64>>,
}

/// All inputs and outputs that are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ends {
    pub(super) inputs: Vec<End>,
    pub(super) outputs: Vec<End>,
}

/// The ends of a graph that has no signature.
///
/// # Errors
/// It has no output, or more nodes than the bounds allow.
pub(super) fn ends(graph: &GraphDef, bounds: &Bounds) -> Result<Ends, Refused> {
    scope::within(graph.node.len(), bounds)?;
    let factors = Factors::new(graph);
    let used: HashSet<&str> = graph.node.iter().flat_map(|node| &node.input).map(|input| scope::node_of(input)).collect();
    let end = |node: &NodeDef| End {
        name: node.name.clone(),
        tensor: node.name.clone(),
        dtype: call::attribute_type(node, "dtype").unwrap_or(0),
        shape: saved_model::dims(call::attribute_shape(node, "shape")).or_else(|| factors.width(&node.name)),
    };
    // What has no value for anyone: it is not an output although nothing uses it.
    let silent = |op: &str| {
        matches!(op, "NoOp" | "Assert" | "Placeholder" | "Const" | "Print" | "PlaceholderWithDefault") || op.starts_with("Save")
    };
    let inputs = graph.node.iter().filter(|node| node.op == "Placeholder").map(end).collect();
    let outputs: Vec<End> =
        graph.node.iter().filter(|node| !used.contains(node.name.as_str()) && !silent(&node.op)).map(end).collect();
    if outputs.is_empty() {
        let reason = format!("none of its {} nodes is an output: each is used by another, or has no value", graph.node.len());
        return Err(Refused::Malformed { what: "GraphDef".to_owned(), reason });
    }
    Ok(Ends { inputs, outputs })
}

/// Matrices that inputs are multiplied with. Both lists hold the first of a name.
struct Factors<'a> {
    nodes: HashMap<&'a str, &'a NodeDef>,
    /// Products by their first input.
    products: HashMap<&'a str, &'a NodeDef>,
}

impl<'a> Factors<'a> {
    fn new(graph: &'a GraphDef) -> Self {
        let (mut nodes, mut products) = (HashMap::new(), HashMap::new());
        for node in &graph.node {
            nodes.entry(node.name.as_str()).or_insert(node);
            if let ("MatMul", Some(from)) = (node.op.as_str(), node.input.first()) {
                products.entry(scope::node_of(from)).or_insert(node);
            }
        }
        Self { nodes, products }
    }

    /// The shape of an input that does not say it, told by the constant matrix that it is multiplied with: old tools drop the attribute.
    fn width(&self, input: &str) -> Option<Vec<i64>> {
        let by = self.products.get(input)?;
        let mut matrix = scope::node_of(by.input.get(1)?);
        // At most so many nodes may stand between: a cycle would have no end.
        for _ in 0..8 {
            let node = self.nodes.get(matrix)?;
            match (node.op.as_str(), call::attribute(node, "value")) {
                ("Const", Some(Attribute::Tensor(tensor))) => {
                    let across = matches!(call::attribute(by, "transpose_b"), Some(Attribute::B(true)));
                    let turned = matches!(call::attribute(by, "transpose_a"), Some(Attribute::B(true)));
                    let dims = saved_model::dims(tensor.tensor_shape.as_ref()).filter(|dims| dims.len() == 2 && !turned)?;
                    return Some(vec![-1, *dims.get(usize::from(across))?]);
                }
                ("Identity", _) => matrix = scope::node_of(node.input.first()?),
                _ => return None,
            }
        }
        None
    }
}

/// A graph whose variables are constants.
///
/// # Errors
/// See [`super::frozen`].
pub(super) fn frozen(graph: &GraphDef, ends: &Ends, options: &Options, bounds: &Bounds) -> Result<Typed, Refused> {
    let library = Library::new(graph.library.as_ref(), None, bounds)?;
    let mut build = Build::new(&library, None, bounds);
    typed(&mut build, graph, ends, options)
}

/// A signature of a SavedModel.
///
/// # Errors
/// See [`super::saved_model`].
pub(super) fn saved(
    meta: &MetaGraphDef,
    folder: &dyn Folder,
    ends: &Ends,
    options: &Options,
    bounds: &Bounds,
) -> Result<Typed, Refused> {
    let graph = meta.graph_def.as_ref();
    let graph = graph.ok_or_else(|| Refused::Malformed { what: "MetaGraph".to_owned(), reason: "it has no graph".to_owned() })?;
    let operators: Option<&OpList> = meta.meta_info_def.as_ref().and_then(|info| info.stripped_op_list.as_ref());
    let functions: Option<&FunctionDefLibrary> = graph.library.as_ref();
    let library = Library::new(functions, operators, bounds)?;
    let mut build = Build::new(&library, super::bundle::Bundle::open(folder, bounds)?, bounds);
    restore::variables(&mut build, graph, meta)?;
    typed(&mut build, graph, ends, options)
}

fn typed<'a>(build: &mut Build<'a>, graph: &'a GraphDef, ends: &Ends, options: &Options) -> Result<Typed, Refused> {
    for name in options.shapes.keys() {
        if !ends.inputs.iter().any(|input| input.name == *name) {
            let there: Vec<_> = ends.inputs.iter().map(|input| format!("`{}`", input.name)).collect();
            let reason = format!("dimensions are given for it, but the model's inputs are {}", there.join(", "));
            return Err(Refused::Malformed { what: format!("input `{name}`"), reason });
        }
    }
    let lead = lead(&ends.inputs, &build.model)?;
    let mut scope = Scope::graph(graph)?;
    for input in &ends.inputs {
        let source = source(build, input, &lead, options)?;
        scope.feed(&input.tensor, Value::Tensor(source))?;
    }
    let mut outputs = Vec::with_capacity(ends.outputs.len());
    for output in &ends.outputs {
        let value = build.value(&mut scope, &output.tensor, 0)?;
        let Value::Tensor(outlet) = value else {
            let reason = format!("a tensor is expected, it is {}", value.kind());
            return Err(Refused::Malformed { what: format!("output `{}`", output.name), reason });
        };
        outputs.push(build.output(outlet, &output.name, &lead)?);
    }
    let mut model = std::mem::take(&mut build.model);
    model.select_output_outlets(&outputs).map_err(|error| crate::run::engine(&error))?;
    let names = |ends: &[End]| ends.iter().map(|end| end.name.clone()).collect();
    Ok(Typed { model, lead, inputs: names(&ends.inputs), outputs: names(&ends.outputs) })
}

/// Where the rows are: they are together where every input leaves its first dimension open, and one by one where each has it as 1.
fn lead(inputs: &[End], model: &TypedModel) -> Result<Lead, Refused> {
    if inputs.is_empty() {
        return Err(Refused::Malformed { what: "model".to_owned(), reason: "it has no inputs".to_owned() });
    }
    let first = |end: &End| end.shape.as_ref().map(|shape| shape.first().copied());
    if inputs.iter().all(|end| matches!(first(end), None | Some(Some(-1)))) {
        return Ok(Lead::Rows(model.symbols.sym("N")));
    }
    if inputs.iter().all(|end| matches!(first(end), None | Some(Some(-1 | 1)))) {
        return Ok(Lead::One);
    }
    let shapes: Vec<_> = inputs.iter().map(|end| format!("`{}` {:?}", end.name, end.shape.clone().unwrap_or_default())).collect();
    let reason = format!("the first dimension of every input has to be the rows, open (-1) or 1; they are {}", shapes.join(", "));
    Err(Refused::Malformed { what: "inputs".to_owned(), reason })
}

fn source(build: &mut Build<'_>, input: &End, lead: &Lead, options: &Options) -> Result<tract_core::internal::OutletId, Refused> {
    let wrong = |reason: String| Refused::Malformed { what: format!("input `{}`", input.name), reason };
    let datum = dtype::datum(input.dtype).ok_or_else(|| wrong(format!("its element type is {}", dtype::name(input.dtype))))?;
    if input.dtype == dtype::STRING {
        return Err(wrong(
            "it takes texts (DT_STRING), which no operator here does: give the numbers that the texts are turned into".to_owned(),
        ));
    }
    let row: Vec<i64> = match (options.shapes.get(&input.name), &input.shape) {
        (Some(given), _) => given.iter().map(|dim| i64::try_from(*dim).unwrap_or(i64::MAX)).collect(),
        (None, Some(shape)) => shape.get(1..).unwrap_or_default().to_vec(),
        (None, None) => {
            return Err(wrong("the model does not say its dimensions: give those of one row in the signature".to_owned()));
        }
    };
    if let (Some(_), Some(shape)) = (options.shapes.get(&input.name), &input.shape)
        && (shape.len() != row.len() + 1 || shape.iter().skip(1).zip(&row).any(|(own, given)| *own >= 0 && own != given))
    {
        return Err(wrong(format!(
            "dimensions {row:?} are given for a row, the model has {:?}",
            shape.get(1..).unwrap_or_default()
        )));
    }
    if let Some(dim) = row.iter().find(|dim| **dim < 0) {
        let reason = if *dim == -1 {
            format!("the model leaves dimensions of a row open, {row:?}: give them in the signature")
        } else {
            format!("a dimension is {dim}")
        };
        return Err(wrong(reason));
    }
    let elements = row.iter().try_fold(1u64, |product, dim| product.checked_mul(dim.unsigned_abs().max(1))).unwrap_or(u64::MAX);
    let max = build.bounds.elements as u64;
    if elements > max {
        return Err(Refused::TooLarge {
            what: format!("number of values of a row of input `{}`", input.name),
            got: elements,
            max,
        });
    }
    let rows = match lead {
        Lead::Rows(symbol) => TDim::from(symbol.clone()),
        Lead::One | Lead::Whole => TDim::from(1),
    };
    let shape: Vec<TDim> = std::iter::once(rows).chain(row.into_iter().map(TDim::from)).collect();
    build
        .model
        .add_source(input.name.clone(), TypedFact::dt_shape(datum, shape.as_slice()))
        .map_err(|error| crate::run::engine(&error))
}
