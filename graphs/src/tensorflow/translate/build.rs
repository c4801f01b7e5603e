//! The model that is being made, and what operators need to make it.

use std::collections::{HashMap, HashSet};

use tract_core::internal::{
    AxisOp, Datum, DatumType, IntoArcTensor, OutletId, SpecialOps, TDim, TVec, Tensor, TypedFact, TypedModel, TypedOp,
};
use tract_core::ops::cast::cast;

use super::super::bundle::Bundle;
use super::super::{dtype, tensor};
use super::call::{Call, Reason};
use super::operator;
use super::scope::{Library, Scope};
use super::value::Value;
use crate::run::{Lead, volume_at_one_row};
use crate::{Bounds, Refused};

/// Nodes of the model: tract looks each new name up among all others, so what it costs grows with the square of them.
const WIRED_MAX: usize = 30_000;

/// Items of all lists: a loop over `n` steps makes `n` lists of `n` items.
const LISTED_MAX: usize = 1 << 24;

/// A model in the making.
pub(super) struct Build<'a> {
    pub(super) model: TypedModel,
    pub(super) library: &'a Library<'a>,
    pub(super) bounds: &'a Bounds,
    bundle: Option<Bundle<'a>>,
    variables: HashMap<String, Value>,
    /// Tensors that follow from constants alone: the engine will compute them while it optimises.
    foldable: HashSet<OutletId>,
    /// Bytes of them.
    folded: u64,
    /// Bytes of constants that were made, which a file of a few bytes can ask for: one value may stand for all.
    made: u64,
    /// Items of all lists that were made: each change of a list makes a list.
    listed: usize,
    /// Nodes that were evaluated.
    steps: usize,
    /// Makes names of nodes unique.
    wired: usize,
    name: String,
}

impl<'a> Build<'a> {
    pub(super) fn new(library: &'a Library<'a>, bundle: Option<Bundle<'a>>, bounds: &'a Bounds) -> Self {
        Self {
            model: TypedModel::default(),
            library,
            bounds,
            bundle,
            variables: HashMap::new(),
            foldable: HashSet::new(),
            folded: 0,
            made: 0,
            listed: 0,
            steps: 0,
            wired: 0,
            name: String::new(),
        }
    }

    /// Counts a node that is evaluated; loops are unrolled, so one in their body counts each time.
    pub(super) fn step(&mut self) -> Result<(), Refused> {
        self.steps += 1;
        if self.steps > self.bounds.nodes {
            let what = "number of nodes, those of functions and of each turn of a loop included".to_owned();
            return Err(Refused::TooLarge { what, got: self.steps as u64, max: self.bounds.nodes as u64 });
        }
        Ok(())
    }

    /// Runs the operator of a node.
    pub(super) fn operate(&mut self, call: &Call<'_>) -> Result<Vec<Value>, Reason> {
        let operator = operator::find(&call.node.op).ok_or_else(|| operator::unknown(&call.node.op))?;
        let name = format!("{}{}", call.path, call.node.name);
        let outer = std::mem::replace(&mut self.name, name);
        let made = operator(self, call).and_then(|values| values.into_iter().map(|value| self.settled(value, call)).collect());
        self.name = outer;
        made
    }

    /// Dimensions that turn out to be plain numbers become the integers that they are in the graph.
    fn settled(&mut self, value: Value, call: &Call<'_>) -> Result<Value, Reason> {
        let Value::Tensor(outlet) = value else { return Ok(value) };
        let fact = self.model.outlet_fact(outlet)?;
        let Some(known) = fact.konst.clone().filter(|known| known.datum_type() == DatumType::TDim) else { return Ok(value) };
        let datum = ["out_type", "DstT", "dtype", "T"].iter().find_map(|name| super::call::attribute_type(call.node, name));
        let datum = datum.filter(|datum| *datum == dtype::INT64).map_or(DatumType::I32, |_| DatumType::I64);
        match known.cast_to_dt(datum) {
            Ok(plain) if known.try_as_plain_ram()?.as_slice::<TDim>()?.iter().all(|dim| dim.as_i64().is_some()) => {
                let plain = plain.into_owned();
                Ok(Value::Tensor(self.constant(plain)?))
            }
            _ => Ok(value),
        }
    }

    /// Adds a node to the model. What it makes is checked against the bounds before the engine may compute it.
    pub(super) fn wire_all(&mut self, op: impl Into<Box<dyn TypedOp>>, inputs: &[OutletId]) -> Result<TVec<OutletId>, Reason> {
        let op = op.into();
        self.wired()?;
        let made = {
            let facts = inputs.iter().map(|input| self.model.outlet_fact(*input)).collect::<Result<TVec<_>, _>>()?;
            op.output_facts(&facts)?
        };
        let constant = inputs.iter().all(|input| self.foldable.contains(input));
        for fact in &made {
            self.affordable(fact, constant)?;
        }
        let name = format!("{}#{}", self.name, self.wired);
        let outlets = self.model.wire_node(name, op, inputs)?;
        if constant {
            self.foldable.extend(outlets.iter().copied());
        }
        Ok(outlets)
    }

    /// Counts a node of the engine's.
    fn wired(&mut self) -> Result<(), Reason> {
        self.wired += 1;
        if self.wired > WIRED_MAX {
            let what = "number of the engine's nodes, each turn of a loop by itself".to_owned();
            return Err(Refused::TooLarge { what, got: self.wired as u64, max: WIRED_MAX as u64 }.into());
        }
        Ok(())
    }

    /// Counts what constants take, before it is taken.
    pub(super) fn takes(&mut self, bytes: usize) -> Result<(), Reason> {
        self.made = self.made.saturating_add(bytes as u64);
        if self.made > self.bounds.weights {
            let what = "bytes of all constants".to_owned();
            return Err(Refused::TooLarge { what, got: self.made, max: self.bounds.weights }.into());
        }
        Ok(())
    }

    /// Counts the items of a list, before it is made.
    pub(super) fn lists(&mut self, items: usize) -> Result<(), Reason> {
        self.listed = self.listed.saturating_add(items);
        if self.listed > LISTED_MAX {
            let what = "number of items of all lists, each change of a list by itself".to_owned();
            return Err(Refused::TooLarge { what, got: self.listed as u64, max: LISTED_MAX as u64 }.into());
        }
        Ok(())
    }

    /// Adds a node with one output.
    pub(super) fn wire(&mut self, op: impl Into<Box<dyn TypedOp>>, inputs: &[OutletId]) -> Result<OutletId, Reason> {
        self.wire_all(op, inputs)?.first().copied().ok_or_else(|| "it makes nothing".into())
    }

    fn affordable(&mut self, fact: &TypedFact, constant: bool) -> Result<(), Reason> {
        let symbols: Vec<_> = fact.shape.iter().flat_map(tract_core::prelude::TDim::symbols).collect();
        let volume = volume_at_one_row(fact.shape.iter(), symbols.first()).flatten();
        let elements = volume.filter(|volume| *volume <= self.bounds.elements as u64);
        let Some(elements) = elements else {
            let what = format!("number of values that node `{}` makes of one row", self.name);
            return Err(Refused::TooLarge { what, got: volume.unwrap_or(u64::MAX), max: self.bounds.elements as u64 }.into());
        };
        if constant {
            self.folded = self.folded.saturating_add(elements.saturating_mul(fact.datum_type.size_of() as u64));
            if self.folded > self.bounds.weights {
                let what = "bytes that follow from constants".to_owned();
                return Err(Refused::TooLarge { what, got: self.folded, max: self.bounds.weights }.into());
            }
        }
        Ok(())
    }

    /// Adds a constant.
    pub(super) fn constant(&mut self, tensor: impl IntoArcTensor) -> Result<OutletId, Reason> {
        self.wired()?;
        let outlet = self.model.add_const(format!("{}#{}", self.name, self.wired), tensor.into_arc_tensor())?;
        self.foldable.insert(outlet);
        Ok(outlet)
    }

    /// Dimensions of a tensor.
    pub(super) fn shape(&self, outlet: OutletId) -> Result<Vec<TDim>, Reason> {
        Ok(self.model.outlet_fact(outlet)?.shape.iter().cloned().collect())
    }

    /// Number of dimensions.
    pub(super) fn rank(&self, outlet: OutletId) -> Result<usize, Reason> {
        Ok(self.model.outlet_fact(outlet)?.rank())
    }

    /// Element type.
    pub(super) fn datum(&self, outlet: OutletId) -> Result<DatumType, Reason> {
        Ok(self.model.outlet_fact(outlet)?.datum_type)
    }

    /// The tensor's values, where they are known while the model is made.
    pub(super) fn known(&self, outlet: OutletId) -> Result<Option<&Tensor>, Reason> {
        Ok(self.model.outlet_fact(outlet)?.konst.as_deref())
    }

    /// One value that is known while the model is made. tract reads the first value of a tensor that has none, wherever that may be.
    pub(super) fn scalar<T: Datum + Copy>(&self, outlet: OutletId, what: &str) -> Result<T, Reason> {
        let known = self.known(outlet)?.ok_or_else(|| format!("{what} has to be known, it is computed from the inputs"))?;
        if known.len() != 1 {
            return Err(format!("{what} has to be one value, it has {}", known.len()).into());
        }
        Ok(known.cast_to_scalar::<T>()?)
    }

    /// Values that have to be known, as dimensions: numbers, or what follows from the number of rows.
    pub(super) fn dims(&self, outlet: OutletId, what: &str) -> Result<Vec<TDim>, Reason> {
        let known = self.known(outlet)?.ok_or_else(|| format!("{what} has to be known, it is computed from the inputs"))?;
        let dims = known.cast_to::<TDim>()?;
        Ok(dims.try_as_plain_ram()?.as_slice::<TDim>()?.to_vec())
    }

    /// Integers that have to be known.
    pub(super) fn integers(&self, outlet: OutletId, what: &str) -> Result<Vec<i64>, Reason> {
        let numbers = self.dims(outlet, what)?.into_iter().map(|dim| dim.as_i64());
        numbers.collect::<Option<Vec<_>>>().ok_or_else(|| format!("{what} depends on the number of rows").into())
    }

    /// One integer that has to be known.
    pub(super) fn integer(&self, outlet: OutletId, what: &str) -> Result<i64, Reason> {
        self.integers(outlet, what)?.first().copied().ok_or_else(|| format!("{what} is empty").into())
    }

    /// Axes, counted from the end where negative.
    pub(super) fn axis(&self, axis: i64, rank: usize) -> Result<usize, Reason> {
        let from_end = usize::try_from(axis.unsigned_abs()).ok();
        let axis_found = if axis < 0 { from_end.and_then(|back| rank.checked_sub(back)) } else { from_end };
        axis_found.filter(|axis| *axis < rank).ok_or_else(|| format!("axis {axis} of a tensor of {rank} dimensions").into())
    }

    /// Refuses what would mix rows: an answer must depend on its own row alone.
    pub(super) fn within_rows(&self, outlet: OutletId, axis: usize, what: &str) -> Result<(), Reason> {
        let shape = self.shape(outlet)?;
        if shape.get(axis).is_some_and(|dim| !dim.symbols().is_empty()) {
            return Err(format!("it {what} over the rows: an answer would depend on the other rows that come with it").into());
        }
        Ok(())
    }

    /// Casts where the element type is another.
    pub(super) fn cast(&mut self, outlet: OutletId, datum: DatumType) -> Result<OutletId, Reason> {
        if self.datum(outlet)? == datum { Ok(outlet) } else { self.wire(cast(datum), &[outlet]) }
    }

    /// One element type for all, where some are dimensions or integers of another size; and one number of dimensions.
    pub(super) fn alike(&mut self, outlets: &[OutletId]) -> Result<Vec<OutletId>, Reason> {
        let typed = self.alike_types(outlets)?;
        let ranks = typed.iter().map(|outlet| self.rank(*outlet)).collect::<Result<Vec<_>, _>>()?;
        let rank = ranks.iter().copied().max().unwrap_or(0);
        typed.into_iter().zip(ranks).map(|(outlet, own)| self.deepened(outlet, rank - own)).collect()
    }

    /// As `alike`, and their dimensions meet: they are the same, or one.
    pub(super) fn fitting(&mut self, outlets: &[OutletId]) -> Result<Vec<OutletId>, Reason> {
        let alike = self.alike(outlets)?;
        let shapes = alike.iter().map(|outlet| self.shape(*outlet)).collect::<Result<Vec<_>, _>>()?;
        let one = TDim::from(1);
        for axis in 0..shapes.first().map_or(0, Vec::len) {
            let mut wide = shapes.iter().filter_map(|shape| shape.get(axis)).filter(|dim| **dim != one);
            let first = wide.next();
            if wide.any(|dim| Some(dim) != first) {
                let shapes: Vec<_> = shapes.iter().map(|shape| shown(shape)).collect();
                return Err(format!("shapes {} do not fit each other", shapes.join(" and ")).into());
            }
        }
        Ok(alike)
    }

    /// Adds dimensions of one in front.
    pub(super) fn deepened(&mut self, mut outlet: OutletId, by: usize) -> Result<OutletId, Reason> {
        for _ in 0..by {
            outlet = self.wire(AxisOp::Add(0), &[outlet])?;
        }
        Ok(outlet)
    }

    /// One element type for all.
    pub(super) fn alike_types(&mut self, outlets: &[OutletId]) -> Result<Vec<OutletId>, Reason> {
        let types = outlets.iter().map(|outlet| self.datum(*outlet)).collect::<Result<Vec<_>, _>>()?;
        let Some(first) = types.first().copied() else { return Ok(Vec::new()) };
        if types.iter().all(|datum| *datum == first) {
            return Ok(outlets.to_vec());
        }
        let whole = |datum: &DatumType| matches!(datum, DatumType::TDim | DatumType::I32 | DatumType::I64);
        if !types.iter().all(whole) {
            return Err(format!("its inputs are {types:?}, one element type is expected").into());
        }
        // Dimensions that depend on the rows stay what they are, so that shapes can be computed of them; a tensor that is computed
        // from the inputs cannot be made a dimension.
        let computed = outlets.iter().map(|outlet| Ok(self.known(*outlet)?.is_none())).collect::<Result<Vec<_>, Reason>>()?;
        let dims = types.contains(&DatumType::TDim)
            && !computed.iter().zip(&types).any(|(computed, datum)| *computed && *datum != DatumType::TDim);
        let datum = if dims { DatumType::TDim } else { DatumType::I64 };
        outlets.iter().map(|outlet| self.cast(*outlet, datum)).collect()
    }

    /// Whether there are stored variables.
    pub(super) fn has_bundle(&self) -> bool {
        self.bundle.is_some()
    }

    /// A stored tensor; its number of the element type is told without reading it.
    pub(super) fn stored(&mut self, key: &str) -> Result<Value, Reason> {
        let Some(bundle) = &mut self.bundle else { return Err("the model has no stored variables".into()) };
        let stored = bundle.tensor(key)?;
        let datum = dtype::datum(stored.dtype).ok_or_else(|| format!("`{key}` is stored as {}", dtype::name(stored.dtype)))?;
        let read = tensor::plain(datum, &stored.shape, stored.bytes)?;
        Ok(Value::Tensor(self.constant(read)?))
    }

    /// Sets a variable.
    pub(super) fn assign(&mut self, variable: String, value: Value) {
        self.variables.insert(variable, value);
    }

    /// The value of a variable.
    pub(super) fn variable(&mut self, variable: &str) -> Result<Value, Reason> {
        match self.variables.get(variable).cloned() {
            Some(Value::Stored(key)) => {
                let read = self.stored(&key)?;
                self.variables.insert(variable.to_owned(), read.clone());
                Ok(read)
            }
            Some(value) => Ok(value),
            None => Err(format!("variable `{variable}` has no stored value").into()),
        }
    }

    /// Calls a function.
    pub(super) fn call(&mut self, name: &str, arguments: Vec<Value>, from: &Call<'_>) -> Result<Vec<Value>, Reason> {
        if from.depth >= self.bounds.depth {
            let what = format!("number of functions within each other, at `{name}`");
            return Err(Refused::TooLarge { what, got: from.depth as u64 + 1, max: self.bounds.depth as u64 }.into());
        }
        self.step()?;
        let function = self.library.function(name).cloned().ok_or_else(|| format!("there is no function `{name}`"))?;
        let mut scope = Scope::call(&function, arguments, format!("{}{}/", from.path, from.node.name), from.restoring)?;
        if from.restoring {
            for node in function.body.control_ret.values() {
                self.walk(&mut scope, node, from.depth + 1)?;
            }
        } else if let Some(assigns) = function.assigns {
            let reason = "a call changes a variable: an answer would depend on the rows before it".to_owned();
            let node = format!("{}{}/{}", from.path, from.node.name, assigns.name);
            return Err(Refused::Operator { operator: assigns.op.clone(), node, reason }.into());
        }
        let outputs = function.body.signature.as_ref().map(|signature| signature.output_arg.as_slice()).unwrap_or_default();
        let mut made = Vec::with_capacity(outputs.len());
        for output in outputs {
            let unsaid = || format!("function `{name}` does not say what `{}` is", output.name);
            let tensor = function.body.ret.get(&output.name).ok_or_else(unsaid)?;
            made.push(self.value(&mut scope, tensor, from.depth + 1)?);
        }
        Ok(made)
    }

    /// What an output becomes outside: it has rows as its first dimension, even where all rows have one answer.
    pub(super) fn output(&mut self, outlet: OutletId, name: &str, lead: &Lead) -> Result<OutletId, Refused> {
        self.name = format!("output {name}");
        let words = |reason: Reason| match reason {
            Reason::Words(reason) => Refused::Malformed { what: format!("output `{name}`"), reason },
            Reason::Whole(refused) => refused,
        };
        let shape = self.shape(outlet).map_err(words)?;
        let rows = match lead {
            Lead::Rows(symbol) => TDim::from(symbol.clone()),
            Lead::One | Lead::Whole => TDim::from(1),
        };
        if shape.first() == Some(&rows) {
            return Ok(outlet);
        }
        let reason = format!("its first dimension has to be the rows, its shape is {}", shown(&shape));
        Err(Refused::Malformed { what: format!("output `{name}`"), reason })
    }
}

/// Dimensions, for messages.
pub(super) fn shown(dims: &[TDim]) -> String {
    format!("[{}]", dims.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))
}
