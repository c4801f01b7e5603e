//! Values that are in the graph, and operators that hand on what they get.

use tract_core::internal::{DatumType, TDim, Tensor, tensor0};
use tract_core::ops::array::MultiBroadcastTo;

use super::super::super::{dtype, tensor};
use super::super::build::Build;
use super::super::call::{Call, Reason};
use super::super::value::Value;
use super::{Operator, one};

pub(super) const LIST: &[(&str, Operator)] = &[
    ("Bucketize", bucketize),
    ("Cast", cast),
    ("CheckNumerics", identity),
    ("Const", constant),
    ("EnsureShape", identity),
    ("Fill", fill),
    ("Identity", identity),
    ("IdentityN", |_, call| Ok(call.inputs.clone())),
    ("LinSpace", linear),
    ("NoOp", |_, _| Ok(vec![Value::Nothing])),
    ("OnesLike", |build, call| like(build, call, 1.0)),
    ("Placeholder", |_, _| Err("it is an input, but not one of those that are fed".into())),
    ("PlaceholderWithDefault", identity),
    ("PreventGradient", identity),
    ("Range", range),
    ("Snapshot", identity),
    ("StopGradient", identity),
    ("ZerosLike", |build, call| like(build, call, 0.0)),
];

fn identity(_: &mut Build<'_>, call: &Call<'_>) -> Result<Vec<Value>, Reason> {
    call.inputs.first().cloned().map(|value| vec![value]).ok_or_else(|| "an input is expected".into())
}

fn constant(build: &mut Build<'_>, call: &Call<'_>) -> Result<Vec<Value>, Reason> {
    let value = call.constant("value")?;
    build.takes(tensor::bytes(value, build.bounds.elements)?)?;
    if value.dtype == dtype::STRING {
        return Ok(vec![Value::Texts(tensor::texts(value, build.bounds.elements)?.into())]);
    }
    one(build.constant(tensor::constant(value, build.bounds.elements)?)?)
}

fn cast(build: &mut Build<'_>, call: &Call<'_>) -> Result<Vec<Value>, Reason> {
    let [x] = call.exactly()?;
    let (from, to) = (build.datum(x)?, call.datum("DstT", 0)?);
    // Dimensions stay dimensions where they are integers, so that shapes can be computed of them.
    if from == DatumType::TDim && matches!(to, DatumType::I32 | DatumType::I64) {
        return one(x);
    }
    one(build.cast(x, to)?)
}

fn broadcast(build: &mut Build<'_>, value: Tensor, shape: &[TDim]) -> Result<Vec<Value>, Reason> {
    let outlet = build.constant(value)?;
    let shape: tract_core::internal::ShapeFact = shape.iter().cloned().collect();
    one(build.wire(MultiBroadcastTo::new(shape), &[outlet])?)
}

fn fill(build: &mut Build<'_>, call: &Call<'_>) -> Result<Vec<Value>, Reason> {
    let [dims, value] = call.exactly()?;
    let dims = build.dims(dims, "the shape")?;
    negative(&dims)?;
    let shape: tract_core::internal::ShapeFact = dims.iter().cloned().collect();
    one(build.wire(MultiBroadcastTo::new(shape), &[value])?)
}

pub(super) fn negative(dims: &[TDim]) -> Result<(), Reason> {
    match dims.iter().find(|dim| dim.as_i64().is_some_and(|dim| dim < 0)) {
        Some(dim) => Err(format!("a dimension is {dim}").into()),
        None => Ok(()),
    }
}

fn like(build: &mut Build<'_>, call: &Call<'_>, value: f64) -> Result<Vec<Value>, Reason> {
    let [x] = call.exactly()?;
    let datum = if build.datum(x)? == DatumType::TDim { DatumType::I64 } else { build.datum(x)? };
    let shape = build.shape(x)?;
    broadcast(build, tensor0(value).cast_to_dt(datum)?.into_owned(), &shape)
}

/// Integers and floats from constants; a range over the rows has no use in a model.
fn range(build: &mut Build<'_>, call: &Call<'_>) -> Result<Vec<Value>, Reason> {
    let [start, limit, delta] = call.exactly()?;
    let datum = build.datum(start)?;
    if datum.is_float() {
        let number = |outlet| build.scalar::<f64>(outlet, "what it ranges over");
        let (start, limit, delta) = (number(start)?, number(limit)?, number(delta)?);
        let count = counted(build, ((limit - start) / delta).ceil())?;
        let values: Vec<f64> = (0..count).map(|index| start + delta * index as f64).collect();
        let values = tract_core::internal::tensor1(&values).cast_to_dt(datum)?.into_owned();
        return one(build.constant(values)?);
    }
    let datum = if datum == DatumType::TDim { call.datum("Tidx", dtype::INT32)? } else { datum };
    let [start, limit, delta] = [start, limit, delta].map(|outlet| build.integer(outlet, "what it ranges over"));
    let (start, limit, delta) = (start?, limit?, delta?);
    if delta == 0 {
        return Err("a range in steps of zero".into());
    }
    let count = counted(build, ((limit as f64 - start as f64) / delta as f64).ceil())?;
    let values: Vec<i64> = (0..count).map(|index| start.wrapping_add(delta.wrapping_mul(index as i64))).collect();
    one(build.constant(tract_core::internal::tensor1(&values).cast_to_dt(datum)?.into_owned())?)
}

fn counted(build: &mut Build<'_>, count: f64) -> Result<usize, Reason> {
    if count.is_nan() || count > build.bounds.elements as f64 {
        return Err(format!("a range of {count} values, at most {} are allowed", build.bounds.elements).into());
    }
    let count = count.max(0.0) as usize;
    build.takes(count.saturating_mul(size_of::<f64>()))?;
    Ok(count)
}

fn linear(build: &mut Build<'_>, call: &Call<'_>) -> Result<Vec<Value>, Reason> {
    let [start, stop, count] = call.exactly()?;
    let datum = build.datum(start)?;
    let number = |outlet| build.scalar::<f64>(outlet, "each of its ends");
    let (start, stop) = (number(start)?, number(stop)?);
    let count = build.integer(count, "the number of values")? as f64;
    let count = counted(build, count)?;
    let step = if count > 1 { (stop - start) / (count - 1) as f64 } else { 0.0 };
    let values: Vec<f64> = (0..count).map(|index| start + step * index as f64).collect();
    one(build.constant(tract_core::internal::tensor1(&values).cast_to_dt(datum)?.into_owned())?)
}

/// Number of the boundaries that a value is not below: comparisons and a sum, as a Discretization layer needs it.
fn bucketize(build: &mut Build<'_>, call: &Call<'_>) -> Result<Vec<Value>, Reason> {
    let [x] = call.exactly()?;
    let boundaries = call.floats("boundaries")?;
    if boundaries.is_empty() {
        return Err("boundaries are expected".into());
    }
    let rank = build.rank(x)?;
    let x = build.cast(x, DatumType::F32)?;
    let x = build.wire(tract_core::internal::AxisOp::Add(rank), &[x])?;
    let bounds = tract_core::internal::tensor1(&boundaries).broadcast_into_rank(rank + 1)?;
    let bounds = build.constant(bounds)?;
    let above = build.wire(tract_core::ops::binary::TypedBinOp(tract_core::ops::logic::comp_gte(), None), &[x, bounds])?;
    let ones = build.cast(above, DatumType::I32)?;
    let axes = [rank].into_iter().collect();
    let sum = build.wire(tract_core::ops::nn::Reduce { axes, reducer: tract_core::ops::nn::Reducer::Sum }, &[ones])?;
    one(build.wire(tract_core::internal::AxisOp::Rm(rank), &[sum])?)
}
