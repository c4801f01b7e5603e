//! Sums, means, extremes and places of extremes along axes.

use tract_core::internal::{AxisOp, DatumType, OutletId, TDim};
use tract_core::ops::array::CumSum;
use tract_core::ops::math;
use tract_core::ops::nn::{Reduce, Reducer};

use super::super::super::dtype;
use super::super::build::Build;
use super::super::call::{Call, Reason};
use super::super::value::Value;
use super::arithmetic::scalar;
use super::{Operator, one};

pub(super) const LIST: &[(&str, Operator)] = &[
    ("All", |build, call| reduce(build, call, Reducer::All)),
    ("Any", |build, call| reduce(build, call, Reducer::Any)),
    ("ArgMax", |build, call| place(build, call, Reducer::ArgMax(false))),
    ("ArgMin", |build, call| place(build, call, Reducer::ArgMin(false))),
    ("Cumsum", running),
    ("EuclideanNorm", norm),
    ("Max", |build, call| reduce(build, call, Reducer::Max)),
    ("Mean", mean),
    ("Min", |build, call| reduce(build, call, Reducer::Min)),
    ("Prod", |build, call| reduce(build, call, Reducer::Prod)),
    ("Sum", |build, call| reduce(build, call, Reducer::Sum)),
];

/// The axes of a node, in order, each once.
fn axes(build: &Build<'_>, call: &Call<'_>) -> Result<(OutletId, Vec<usize>), Reason> {
    let [x, axes] = call.exactly()?;
    let rank = build.rank(x)?;
    let axes = build.integers(axes, "the axes")?;
    let mut axes = axes.into_iter().map(|axis| build.axis(axis, rank)).collect::<Result<Vec<_>, _>>()?;
    axes.sort_unstable();
    axes.dedup();
    Ok((x, axes))
}

fn along(build: &mut Build<'_>, x: OutletId, axes: &[usize], reducer: Reducer) -> Result<OutletId, Reason> {
    for axis in axes {
        build.within_rows(x, *axis, "reduces")?;
    }
    if axes.is_empty() {
        return Ok(x);
    }
    build.wire(Reduce { axes: axes.iter().copied().collect(), reducer }, &[x])
}

fn finish(build: &mut Build<'_>, call: &Call<'_>, mut outlet: OutletId, axes: &[usize]) -> Result<Vec<Value>, Reason> {
    if !call.flag("keep_dims", false)? {
        for axis in axes.iter().rev() {
            outlet = build.wire(AxisOp::Rm(*axis), &[outlet])?;
        }
    }
    one(outlet)
}

fn reduce(build: &mut Build<'_>, call: &Call<'_>, reducer: Reducer) -> Result<Vec<Value>, Reason> {
    let (x, axes) = axes(build, call)?;
    if axes == [0] && build.rank(x)? == 1 && build.known(x)?.is_some_and(|known| known.datum_type() == DatumType::TDim) {
        let dims = build.dims(x, "dimensions")?;
        let made = of_dims(&dims, &reducer)?;
        let tensor = tract_core::internal::tensor0(made);
        let tensor = if call.flag("keep_dims", false)? { tensor.broadcast_into_rank(1)? } else { tensor };
        return one(build.constant(tensor)?);
    }
    let made = along(build, x, &axes, reducer)?;
    finish(build, call, made, &axes)
}

/// What is computed of dimensions, while the model is made.
fn of_dims(dims: &[TDim], reducer: &Reducer) -> Result<TDim, Reason> {
    match reducer {
        Reducer::Prod => Ok(dims.iter().product()),
        Reducer::Sum => Ok(dims.iter().sum()),
        _ => Err("it compares the number of rows".into()),
    }
}

fn mean(build: &mut Build<'_>, call: &Call<'_>) -> Result<Vec<Value>, Reason> {
    let (x, axes) = axes(build, call)?;
    let datum = build.datum(x)?;
    if !datum.is_float() {
        return Err(format!("a mean of floats is taken, these are {datum:?}").into());
    }
    let shape = build.shape(x)?;
    let sum = along(build, x, &axes, Reducer::Sum)?;
    let count: TDim = axes.iter().filter_map(|axis| shape.get(*axis)).product();
    let count = count.as_i64().ok_or("it is over the rows")?;
    let count = scalar(build, count as f64, datum, shape.len())?;
    let made = build.wire(math::div(), &[sum, count])?;
    finish(build, call, made, &axes)
}

fn norm(build: &mut Build<'_>, call: &Call<'_>) -> Result<Vec<Value>, Reason> {
    let (x, axes) = axes(build, call)?;
    let squared = build.wire(math::square(), &[x])?;
    let sum = along(build, squared, &axes, Reducer::Sum)?;
    let made = build.wire(math::sqrt(), &[sum])?;
    finish(build, call, made, &axes)
}

fn place(build: &mut Build<'_>, call: &Call<'_>, reducer: Reducer) -> Result<Vec<Value>, Reason> {
    let [x, axis] = call.exactly()?;
    let axis = build.axis(build.integer(axis, "the axis")?, build.rank(x)?)?;
    let made = along(build, x, &[axis], reducer)?;
    let made = build.wire(AxisOp::Rm(axis), &[made])?;
    let datum = call.datum("output_type", dtype::INT64)?;
    one(build.cast(made, datum)?)
}

fn running(build: &mut Build<'_>, call: &Call<'_>) -> Result<Vec<Value>, Reason> {
    let [x, axis] = call.exactly()?;
    let axis = build.axis(build.integer(axis, "the axis")?, build.rank(x)?)?;
    build.within_rows(x, axis, "sums")?;
    one(build.wire(CumSum { axis, exclusive: call.flag("exclusive", false)?, reverse: call.flag("reverse", false)? }, &[x])?)
}
