//! Parts of tensors, and tensors of parts.

use tract_core::internal::{AxisOp, OutletId, TDim, tensor0, tensor1};
use tract_core::ops::array::{Gather, Pad, PadMode, Slice, TypedConcat};

use super::super::build::Build;
use super::super::call::{Call, Reason};
use super::super::value::Value;
use super::{Operator, one};

pub(super) const LIST: &[(&str, Operator)] = &[
    ("Concat", concat_first),
    ("ConcatV2", concat_last),
    ("MirrorPad", mirror),
    ("Pack", pack),
    ("Pad", pad),
    ("PadV2", pad),
    ("ReverseV2", reverse),
    ("Slice", slice),
    ("Split", split),
    ("SplitV", split_sizes),
    ("StridedSlice", strided),
    ("Unpack", unpack),
];

fn concat_first(build: &mut Build<'_>, call: &Call<'_>) -> Result<Vec<Value>, Reason> {
    let inputs = call.tensors()?;
    let (axis, parts) = inputs.split_first().ok_or("an axis is expected")?;
    concat(build, parts, *axis)
}

fn concat_last(build: &mut Build<'_>, call: &Call<'_>) -> Result<Vec<Value>, Reason> {
    let inputs = call.tensors()?;
    let (axis, parts) = inputs.split_last().ok_or("an axis is expected")?;
    concat(build, parts, *axis)
}

fn concat(build: &mut Build<'_>, parts: &[OutletId], axis: OutletId) -> Result<Vec<Value>, Reason> {
    let rank = build.rank(*parts.first().ok_or("at least one part is expected")?)?;
    let axis = build.axis(build.integer(axis, "the axis")?, rank)?;
    let parts = build.alike_types(parts)?;
    for part in &parts {
        if build.rank(*part)? != rank {
            return Err("its parts have different numbers of dimensions".into());
        }
        build.within_rows(*part, axis, "joins")?;
    }
    one(build.wire(TypedConcat { axis }, &parts)?)
}

fn pack(build: &mut Build<'_>, call: &Call<'_>) -> Result<Vec<Value>, Reason> {
    let parts = build.alike_types(&call.tensors()?)?;
    let rank = build.rank(*parts.first().ok_or("at least one part is expected")?)?;
    let axis = build.axis(call.int("axis", 0)?, rank + 1)?;
    let parts = parts.into_iter().map(|part| build.wire(AxisOp::Add(axis), &[part])).collect::<Result<Vec<_>, _>>()?;
    one(build.wire(TypedConcat { axis }, &parts)?)
}

/// The length of an axis that is taken apart.
fn length(build: &Build<'_>, x: OutletId, axis: usize) -> Result<usize, Reason> {
    build.within_rows(x, axis, "takes parts")?;
    let length =
        build.shape(x)?.get(axis).and_then(tract_core::prelude::TDim::as_i64).and_then(|length| usize::try_from(length).ok());
    length.ok_or_else(|| "the length of the axis has to be known".into())
}

fn unpack(build: &mut Build<'_>, call: &Call<'_>) -> Result<Vec<Value>, Reason> {
    let [x] = call.exactly()?;
    let axis = build.axis(call.int("axis", 0)?, build.rank(x)?)?;
    let length = length(build, x, axis)?;
    let part = |at: usize| {
        let part = build.wire(Slice::new(axis, at, at + 1), &[x])?;
        Ok(Value::Tensor(build.wire(AxisOp::Rm(axis), &[part])?))
    };
    (0..length).map(part).collect()
}

fn split(build: &mut Build<'_>, call: &Call<'_>) -> Result<Vec<Value>, Reason> {
    let [axis, x] = call.exactly()?;
    let axis = build.axis(build.integer(axis, "the axis")?, build.rank(x)?)?;
    let length = length(build, x, axis)?;
    let count = usize::try_from(call.int("num_split", 0)?).unwrap_or(0);
    if count == 0 || count > length || length % count != 0 {
        return Err(format!("an axis of {length} cannot be split into {count} parts").into());
    }
    parts(build, x, axis, &vec![length / count; count])
}

fn parts(build: &mut Build<'_>, x: OutletId, axis: usize, sizes: &[usize]) -> Result<Vec<Value>, Reason> {
    let mut from = 0;
    let mut made = Vec::with_capacity(sizes.len());
    for size in sizes {
        made.push(Value::Tensor(build.wire(Slice::new(axis, from, from + size), &[x])?));
        from += size;
    }
    Ok(made)
}

fn split_sizes(build: &mut Build<'_>, call: &Call<'_>) -> Result<Vec<Value>, Reason> {
    let [x, sizes, axis] = call.exactly()?;
    let axis = build.axis(build.integer(axis, "the axis")?, build.rank(x)?)?;
    let length = length(build, x, axis)?;
    let given = build.integers(sizes, "the sizes of the parts")?;
    let said: usize = given.iter().filter_map(|size| usize::try_from(*size).ok()).sum();
    let open = length.checked_sub(said);
    let sizes: Option<Vec<usize>> =
        given.iter().map(|size| if *size == -1 { open } else { usize::try_from(*size).ok() }).collect();
    let sizes = sizes.filter(|sizes| sizes.iter().sum::<usize>() == length);
    parts(build, x, axis, &sizes.ok_or_else(|| format!("parts of {given:?} are asked for of an axis of {length}"))?)
}

fn slice(build: &mut Build<'_>, call: &Call<'_>) -> Result<Vec<Value>, Reason> {
    let [mut x, begin, size] = call.exactly()?;
    let (begin, size) = (build.dims(begin, "where it begins")?, build.dims(size, "how much it takes")?);
    let shape = build.shape(x)?;
    if begin.len() != shape.len() || size.len() != shape.len() {
        return Err(format!("{} and {} numbers are given for {} dimensions", begin.len(), size.len(), shape.len()).into());
    }
    for (axis, ((begin, size), dim)) in begin.iter().zip(&size).zip(&shape).enumerate() {
        let all = begin.as_i64() == Some(0) && (size.as_i64() == Some(-1) || size == dim);
        if all {
            continue;
        }
        let length = length(build, x, axis)?;
        let (Some(from), Some(count)) = (begin.as_i64(), size.as_i64()) else {
            return Err("what it takes depends on the number of rows".into());
        };
        let to = if count == -1 { Some(length as i64) } else { from.checked_add(count) };
        let (from, to) = (usize::try_from(from).ok(), to.and_then(|to| usize::try_from(to).ok()));
        let (Some(from), Some(to)) = (from, to.filter(|to| *to <= length)) else {
            return Err(format!("{count} values from {begin} of {length}").into());
        };
        if from > to {
            return Err(format!("{count} values from {from} of {length}").into());
        }
        x = build.wire(Slice::new(axis, from, to), &[x])?;
    }
    one(x)
}

/// What is taken of one dimension.
enum Part {
    All,
    One(usize, TDim),
    Range(usize, Option<TDim>, Option<TDim>, i64),
    New,
}

fn strided(build: &mut Build<'_>, call: &Call<'_>) -> Result<Vec<Value>, Reason> {
    let [mut x, begin, end, strides] = call.exactly()?;
    let rank = build.rank(x)?;
    let plan = plan(build, call, (begin, end, strides), rank)?;
    // From behind, so that the numbers of the dimensions before stay what they are.
    for part in plan.iter().rev() {
        x = match part {
            Part::All | Part::New => x,
            Part::One(axis, at) => {
                let length = length(build, x, *axis)?;
                let at = at.as_i64().ok_or("the place that it takes depends on the number of rows")?;
                let at = build.axis(at, length)?;
                build.wire(Slice::new(*axis, at, at + 1), &[x])?
            }
            Part::Range(axis, from, to, step) => ranged(build, x, *axis, (from.as_ref(), to.as_ref(), *step))?,
        };
    }
    for part in plan.iter().rev() {
        if let Part::One(axis, _) = part {
            x = build.wire(AxisOp::Rm(*axis), &[x])?;
        }
    }
    let kept = plan.iter().filter(|part| !matches!(part, Part::One(..)));
    for (axis, part) in kept.enumerate() {
        if matches!(part, Part::New) {
            x = build.wire(AxisOp::Add(axis), &[x])?;
        }
    }
    one(x)
}

/// The masks, read: tensorflow.org/api_docs/python/tf/strided_slice.
fn plan(build: &Build<'_>, call: &Call<'_>, spec: (OutletId, OutletId, OutletId), rank: usize) -> Result<Vec<Part>, Reason> {
    let (begin, end) = (build.dims(spec.0, "where it begins")?, build.dims(spec.1, "where it ends")?);
    let strides = build.integers(spec.2, "its step")?;
    if begin.len() != end.len() || begin.len() != strides.len() || begin.len() > 32 {
        return Err("it has different numbers of beginnings, ends and steps".into());
    }
    let mask = |name: &str| call.int(name, 0);
    let (begins, ends, ellipsis) = (mask("begin_mask")?, mask("end_mask")?, mask("ellipsis_mask")?);
    let (fresh, shrink) = (mask("new_axis_mask")?, mask("shrink_axis_mask")?);
    let has = |mask: i64, at: usize| mask >> at & 1 == 1;
    let used = (0..begin.len()).filter(|at| !has(ellipsis, *at) && !has(fresh, *at)).count();
    let mut open = rank.checked_sub(used).ok_or_else(|| format!("it takes parts of {used} dimensions, there are {rank}"))?;
    let mut plan = Vec::new();
    let mut axis = 0;
    let all = ellipsis & ((1 << begin.len()) - 1) == 0;
    for (at, ((begin, end), stride)) in begin.into_iter().zip(end).zip(strides).enumerate() {
        if has(ellipsis, at) {
            plan.extend((0..open).map(|_| Part::All));
            axis += open;
            open = 0;
            continue;
        }
        if has(fresh, at) {
            plan.push(Part::New);
            continue;
        }
        plan.push(if has(shrink, at) {
            Part::One(axis, begin)
        } else {
            Part::Range(axis, Some(begin).filter(|_| !has(begins, at)), Some(end).filter(|_| !has(ends, at)), stride)
        });
        axis += 1;
    }
    if all {
        plan.extend((0..open).map(|_| Part::All));
    }
    Ok(plan)
}

fn ranged(
    build: &mut Build<'_>,
    x: OutletId,
    axis: usize,
    range: (Option<&TDim>, Option<&TDim>, i64),
) -> Result<OutletId, Reason> {
    let (from, to, step) = range;
    let shape = build.shape(x)?;
    let dim = shape.get(axis).ok_or("it takes a part of a dimension that is not there")?;
    let whole = from.is_none_or(|from| from.as_i64() == Some(0)) && to.is_none_or(|to| to == dim);
    if whole && step == 1 {
        return Ok(x);
    }
    let length = length(build, x, axis)? as i64;
    let number =
        |dim: Option<&TDim>| dim.map(|dim| dim.as_i64().ok_or("what it takes depends on the number of rows")).transpose();
    // Counted from the end where negative, and never beyond the ends.
    let placed = |at: i64, low: i64, high: i64| if at < 0 { at.saturating_add(length) } else { at }.clamp(low, high);
    let (from, to) = (number(from)?, number(to)?);
    match step {
        0 => Err("it goes in steps of zero".into()),
        1 => {
            let from = placed(from.unwrap_or(0), 0, length);
            let to = placed(to.unwrap_or(length), 0, length).max(from);
            build.wire(Slice::new(axis, from as usize, to as usize), &[x])
        }
        _ => {
            let (low, high) = if step > 0 { (0, length) } else { (-1, length - 1) };
            let from = from.map_or(if step > 0 { 0 } else { length - 1 }, |from| placed(from, low, high));
            let to = to.map_or(if step > 0 { length } else { -1 }, |to| placed(to, low, high));
            let places: Vec<i64> = std::iter::successors(Some(from), |at| at.checked_add(step))
                .take_while(|at| if step > 0 { *at < to } else { *at > to })
                .collect();
            picked(build, x, axis, &places)
        }
    }
}

/// Entries of an axis by their places.
fn picked(build: &mut Build<'_>, x: OutletId, axis: usize, places: &[i64]) -> Result<OutletId, Reason> {
    let places = build.constant(tensor1(places))?;
    build.wire(Gather::new(axis), &[x, places])
}

fn reverse(build: &mut Build<'_>, call: &Call<'_>) -> Result<Vec<Value>, Reason> {
    let [mut x, axes] = call.exactly()?;
    let rank = build.rank(x)?;
    for axis in build.integers(axes, "the axes")? {
        let axis = build.axis(axis, rank)?;
        let length = length(build, x, axis)?;
        let places: Vec<i64> = (0..length as i64).rev().collect();
        x = picked(build, x, axis, &places)?;
    }
    one(x)
}

fn widths(build: &Build<'_>, x: OutletId, pads: OutletId) -> Result<Vec<(usize, usize)>, Reason> {
    let numbers = build.integers(pads, "how much is added")?;
    let shape = build.shape(x)?;
    let pairs: Option<Vec<(usize, usize)>> = numbers
        .chunks_exact(2)
        .map(|pair| Some((usize::try_from(*pair.first()?).ok()?, usize::try_from(*pair.get(1)?).ok()?)))
        .collect();
    let pairs = pairs
        .filter(|pairs| pairs.len() == shape.len())
        .ok_or_else(|| format!("{numbers:?} is added to {} dimensions", shape.len()))?;
    if pairs.iter().zip(&shape).any(|(pair, dim)| *pair != (0, 0) && !dim.symbols().is_empty()) {
        return Err("it adds rows: an answer would not belong to its row".into());
    }
    // The sum of a dimension and what is added has to be a number before the engine adds them.
    let fits = |(pair, dim): (&(usize, usize), &TDim)| {
        let dim = usize::try_from(dim.as_i64().unwrap_or(0)).unwrap_or(usize::MAX);
        dim.checked_add(pair.0).and_then(|sum| sum.checked_add(pair.1)).is_some_and(|sum| sum <= build.bounds.elements)
    };
    if !pairs.iter().zip(&shape).all(fits) {
        return Err("too much is added".into());
    }
    Ok(pairs)
}

fn pad(build: &mut Build<'_>, call: &Call<'_>) -> Result<Vec<Value>, Reason> {
    let (x, pads) = (call.tensor(0)?, call.tensor(1)?);
    let pads = widths(build, x, pads)?;
    let datum = build.datum(x)?;
    let value = match call.inputs.get(2) {
        None => tensor0(0f32).cast_to_dt(datum)?.into_owned(),
        Some(_) => build.known(call.tensor(2)?)?.cloned().ok_or("the value that is added has to be known")?,
    };
    one(build.wire(Pad { pads, mode: PadMode::Constant(value.into()) }, &[x])?)
}

fn mirror(build: &mut Build<'_>, call: &Call<'_>) -> Result<Vec<Value>, Reason> {
    let [x, pads] = call.exactly()?;
    if call.text("mode", "REFLECT")? != "REFLECT" {
        return Err("mode REFLECT is expected".into());
    }
    let pads = widths(build, x, pads)?;
    let short = |(pair, dim): (&(usize, usize), &TDim)| dim.as_i64().is_some_and(|dim| pair.0.max(pair.1) as i64 >= dim.max(1));
    if pads.iter().zip(&build.shape(x)?).any(|(pair, dim)| *pair != (0, 0) && short((pair, dim))) {
        return Err("more is mirrored than there is".into());
    }
    one(build.wire(Pad { pads, mode: PadMode::Reflect }, &[x])?)
}
