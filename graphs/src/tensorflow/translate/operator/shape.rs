//! Shapes: asking for them, computing with them, and giving tensors another.

use tract_core::internal::{AxisOp, DatumType, OutletId, TDim, tensor0, tensor1};
use tract_core::ops::array::{MultiBroadcastTo, Tile};
use tract_core::ops::change_axes::{perm_to_ops, to_axis_ops_with_tf_rules};

use super::super::super::dtype;
use super::super::build::{Build, shown};
use super::super::call::{Call, Reason};
use super::super::value::Value;
use super::constant::negative;
use super::{Operator, one};

pub(super) const LIST: &[(&str, Operator)] = &[
    ("BroadcastArgs", broadcast_arguments),
    ("BroadcastTo", broadcast),
    ("DepthToSpace", |build, call| blocks(build, call, false)),
    ("ExpandDims", expand),
    ("InvertPermutation", inverted),
    ("Rank", rank),
    ("Reshape", reshape),
    ("Shape", shape),
    ("ShapeN", shapes),
    ("Size", size),
    ("SpaceToDepth", |build, call| blocks(build, call, true)),
    ("Squeeze", squeeze),
    ("Tile", tile),
    ("Transpose", transpose),
];

/// Dimensions as a constant, of the integers that are asked for where all are known.
fn dimensions(build: &mut Build<'_>, dims: &[TDim], datum: DatumType) -> Result<OutletId, Reason> {
    let known: Option<Vec<i64>> = dims.iter().map(tract_core::prelude::TDim::as_i64).collect();
    match known {
        Some(known) => {
            let tensor = tensor1(&known).cast_to_dt(datum)?.into_owned();
            build.constant(tensor)
        }
        None => build.constant(tensor1(dims)),
    }
}

fn shape(build: &mut Build<'_>, call: &Call<'_>) -> Result<Vec<Value>, Reason> {
    if let Some(Value::List(_)) = call.inputs.first() {
        return Err("the shape of a list is asked for".into());
    }
    let [x] = call.exactly()?;
    let dims = build.shape(x)?;
    one(dimensions(build, &dims, call.datum("out_type", dtype::INT32)?)?)
}

fn shapes(build: &mut Build<'_>, call: &Call<'_>) -> Result<Vec<Value>, Reason> {
    let datum = call.datum("out_type", dtype::INT32)?;
    let mut made = Vec::with_capacity(call.inputs.len());
    for x in call.tensors()? {
        let dims = build.shape(x)?;
        made.push(Value::Tensor(dimensions(build, &dims, datum)?));
    }
    Ok(made)
}

fn rank(build: &mut Build<'_>, call: &Call<'_>) -> Result<Vec<Value>, Reason> {
    let [x] = call.exactly()?;
    let rank = i32::try_from(build.rank(x)?).map_err(|_| "too many dimensions")?;
    one(build.constant(tensor0(rank))?)
}

fn size(build: &mut Build<'_>, call: &Call<'_>) -> Result<Vec<Value>, Reason> {
    let [x] = call.exactly()?;
    let product: TDim = build.shape(x)?.iter().product();
    let size = dimensions(build, &[product], call.datum("out_type", dtype::INT32)?)?;
    one(build.wire(AxisOp::Rm(0), &[size])?)
}

/// Gives a tensor other dimensions of the same volume; -1 is whatever is left.
fn reshape(build: &mut Build<'_>, call: &Call<'_>) -> Result<Vec<Value>, Reason> {
    let [x, wanted] = call.exactly()?;
    let wanted = build.dims(wanted, "the new shape")?;
    let from = build.shape(x)?;
    let to = resolved(&from, &wanted)?;
    one(reshaped(build, x, &to)?)
}

/// To dimensions that are all said.
pub(super) fn reshaped(build: &mut Build<'_>, x: OutletId, to: &[TDim]) -> Result<OutletId, Reason> {
    let from = build.shape(x)?;
    if from == to {
        return Ok(x);
    }
    let (before, after): (TDim, TDim) = (from.iter().product(), to.iter().product());
    if before != after {
        return Err(format!("a tensor of shape {} cannot have shape {}", shown(&from), shown(to)).into());
    }
    if from.iter().chain(to).any(|dim| dim.as_i64() == Some(0)) {
        return Err(format!("a tensor without values, of shape {}, is given another shape", shown(&from)).into());
    }
    let mut x = x;
    for op in to_axis_ops_with_tf_rules(&from, to)? {
        x = build.wire(op, &[x])?;
    }
    Ok(x)
}

/// Replaces -1. Dimensions that stand on both sides cancel each other, so that the rows are never divided.
fn resolved(from: &[TDim], wanted: &[TDim]) -> Result<Vec<TDim>, Reason> {
    let open: Vec<usize> = wanted.iter().enumerate().filter(|(_, dim)| dim.as_i64() == Some(-1)).map(|(at, _)| at).collect();
    let [at] = open.as_slice() else {
        if open.len() > 1 {
            return Err("two dimensions of the new shape are open".into());
        }
        negative(wanted)?;
        return Ok(wanted.to_vec());
    };
    let mut left: Vec<TDim> = from.to_vec();
    let mut by: i64 = 1;
    for (place, dim) in wanted.iter().enumerate().filter(|(place, _)| place != at) {
        match (left.iter().position(|own| own == dim), dim.as_i64()) {
            (Some(same), _) => drop(left.remove(same)),
            (None, Some(number)) if number > 0 => by = by.checked_mul(number).ok_or("the new shape is too large")?,
            _ => return Err(format!("dimension {place} of the new shape is {dim}, the old shape is {}", shown(from)).into()),
        }
    }
    let mut number: i64 = 1;
    let mut open = TDim::from(1);
    for dim in left {
        match dim.as_i64() {
            Some(own) => number = number.checked_mul(own).ok_or("the old shape is too large")?,
            None => {
                let factor = i64::try_from(dim.gcd()).ok().filter(|factor| *factor > 0).unwrap_or(1);
                number = number.checked_mul(factor).ok_or("the old shape is too large")?;
                open *= dim / factor.unsigned_abs();
            }
        }
    }
    if number % by != 0 {
        return Err(format!("the old shape {} cannot be divided so: shape {} is asked for", shown(from), shown(wanted)).into());
    }
    let mut to = wanted.to_vec();
    if let Some(slot) = to.get_mut(*at) {
        *slot = open * (number / by);
    }
    Ok(to)
}

fn expand(build: &mut Build<'_>, call: &Call<'_>) -> Result<Vec<Value>, Reason> {
    let [x, axis] = call.exactly()?;
    let axis = build.integer(axis, "the axis")?;
    let axis = build.axis(axis, build.rank(x)? + 1)?;
    one(build.wire(AxisOp::Add(axis), &[x])?)
}

fn squeeze(build: &mut Build<'_>, call: &Call<'_>) -> Result<Vec<Value>, Reason> {
    let [mut x] = call.exactly()?;
    let shape = build.shape(x)?;
    let given = call.ints("squeeze_dims")?;
    let one_wide = |axis: &usize| shape.get(*axis).is_some_and(|dim| dim.as_i64() == Some(1));
    let mut axes = given.into_iter().map(|axis| build.axis(axis, shape.len())).collect::<Result<Vec<_>, _>>()?;
    if let Some(wide) = axes.iter().find(|axis| !one_wide(axis)) {
        return Err(format!("dimension {wide} of {} is not 1", shown(&shape)).into());
    }
    if axes.is_empty() {
        axes = (0..shape.len()).filter(one_wide).collect();
    }
    axes.sort_unstable();
    axes.dedup();
    for axis in axes.into_iter().rev() {
        x = build.wire(AxisOp::Rm(axis), &[x])?;
    }
    one(x)
}

fn permutation(build: &Build<'_>, outlet: OutletId, rank: usize) -> Result<Vec<usize>, Reason> {
    let order = build.integers(outlet, "the order of the dimensions")?;
    let order: Vec<usize> = order.into_iter().map(|axis| build.axis(axis, rank)).collect::<Result<_, _>>()?;
    let mut sorted = order.clone();
    sorted.sort_unstable();
    if sorted.len() != rank || sorted.iter().enumerate().any(|(at, axis)| at != *axis) {
        return Err(format!("{order:?} is no order of {rank} dimensions").into());
    }
    Ok(order)
}

fn transpose(build: &mut Build<'_>, call: &Call<'_>) -> Result<Vec<Value>, Reason> {
    let [x, order] = call.exactly()?;
    let order = permutation(build, order, build.rank(x)?)?;
    one(transposed(build, x, &order)?)
}

pub(super) fn transposed(build: &mut Build<'_>, mut x: OutletId, order: &[usize]) -> Result<OutletId, Reason> {
    let order: tract_core::internal::TVec<usize> = order.iter().copied().collect();
    for op in perm_to_ops(&order) {
        x = build.wire(op, &[x])?;
    }
    Ok(x)
}

fn inverted(build: &mut Build<'_>, call: &Call<'_>) -> Result<Vec<Value>, Reason> {
    let [x] = call.exactly()?;
    let datum = build.datum(x)?;
    let count = build.shape(x)?.first().and_then(tract_core::prelude::TDim::as_i64).unwrap_or(0);
    let order = permutation(build, x, usize::try_from(count).unwrap_or(0))?;
    let mut inverse = vec![0i64; order.len()];
    for (at, axis) in order.into_iter().enumerate() {
        if let Some(slot) = inverse.get_mut(axis) {
            *slot = at as i64;
        }
    }
    one(build.constant(tensor1(&inverse).cast_to_dt(datum)?.into_owned())?)
}

fn broadcast(build: &mut Build<'_>, call: &Call<'_>) -> Result<Vec<Value>, Reason> {
    let [x, dims] = call.exactly()?;
    let dims = build.dims(dims, "the new shape")?;
    negative(&dims)?;
    let missing = dims.len().checked_sub(build.rank(x)?).ok_or("the new shape has fewer dimensions")?;
    let x = build.deepened(x, missing)?;
    for (own, wanted) in build.shape(x)?.iter().zip(&dims) {
        if own != wanted && own.as_i64() != Some(1) {
            return Err(format!("a dimension of {own} cannot become {wanted}").into());
        }
    }
    one(build.wire(MultiBroadcastTo::new(dims.into_iter().collect()), &[x])?)
}

fn broadcast_arguments(build: &mut Build<'_>, call: &Call<'_>) -> Result<Vec<Value>, Reason> {
    let [a, b] = call.exactly()?;
    let datum = build.datum(a)?;
    let (mut a, mut b) = (build.dims(a, "a shape")?, build.dims(b, "a shape")?);
    let rank = a.len().max(b.len());
    for side in [&mut a, &mut b] {
        let missing = rank - side.len();
        side.splice(0..0, std::iter::repeat_n(TDim::from(1), missing));
    }
    let both = a.into_iter().zip(b).map(|(a, b)| match (a.as_i64(), b.as_i64()) {
        (Some(1), _) => Ok(b),
        (_, Some(1)) => Ok(a),
        _ if a == b => Ok(a),
        _ => Err(Reason::Words(format!("dimensions {a} and {b} do not fit each other"))),
    });
    let dims = both.collect::<Result<Vec<_>, _>>()?;
    let datum = if datum == DatumType::TDim { DatumType::I32 } else { datum };
    one(dimensions(build, &dims, datum)?)
}

fn tile(build: &mut Build<'_>, call: &Call<'_>) -> Result<Vec<Value>, Reason> {
    let [x, times] = call.exactly()?;
    let times = build.dims(times, "how often it is repeated")?;
    negative(&times)?;
    if times.len() != build.rank(x)? {
        return Err(format!("{} numbers are given for {} dimensions", times.len(), build.rank(x)?).into());
    }
    // What has one row is given to all rows; what has all rows already must not be repeated.
    for (own, times) in build.shape(x)?.iter().zip(&times) {
        if !own.symbols().is_empty() && times.as_i64() != Some(1) {
            return Err("rows are repeated: an answer would not belong to its row".into());
        }
    }
    one(build.wire(Tile { multipliers: times.into_iter().collect() }, &[x])?)
}

/// Blocks of pixels become channels, or back.
fn blocks(build: &mut Build<'_>, call: &Call<'_>, to_depth: bool) -> Result<Vec<Value>, Reason> {
    let [x] = call.exactly()?;
    if call.text("data_format", "NHWC")? != "NHWC" {
        return Err("data_format NHWC is expected".into());
    }
    let block = call.int("block_size", 0)?;
    let shape = build.shape(x)?;
    let [n, h, w, c] = shape.as_slice() else { return Err("four dimensions are expected".into()) };
    let (Some(h), Some(w), Some(c)) = (h.as_i64(), w.as_i64(), c.as_i64()) else {
        return Err("the size of a picture has to be known".into());
    };
    let dims = |dims: &[i64]| std::iter::once(n.clone()).chain(dims.iter().map(|dim| TDim::from(*dim))).collect::<Vec<_>>();
    let area = block.checked_mul(block).filter(|_| block > 1).ok_or("a block has to be larger than 1")?;
    if to_depth && (h % block != 0 || w % block != 0) || !to_depth && c % area != 0 {
        return Err(format!("{h} x {w} x {c} values cannot be cut into blocks of {block}").into());
    }
    let (split, order, joined) = if to_depth {
        let deeper = c.checked_mul(area).ok_or("too many channels")?;
        (dims(&[h / block, block, w / block, block, c]), [0, 1, 3, 2, 4, 5], dims(&[h / block, w / block, deeper]))
    } else {
        let (higher, wider) = (h.checked_mul(block).ok_or("too high")?, w.checked_mul(block).ok_or("too wide")?);
        (dims(&[h, w, block, block, c / area]), [0, 1, 3, 2, 4, 5], dims(&[higher, wider, c / area]))
    };
    let x = reshaped(build, x, &split)?;
    let x = transposed(build, x, &order)?;
    one(reshaped(build, x, &joined)?)
}
