//! Look-ups by index. TensorFlow fails at an index out of range; the engine would stop, or read what lies beside, so it is checked first.

use tract_core::internal::{AxisOp, DatumType, ElementWiseMiniOp, OutletId, Tensor, TractResult, bail, tensor1};
use tract_core::ops::array::{Gather, GatherNd, Topk};
use tract_core::ops::binary::TypedBinOp;
use tract_core::ops::element_wise::ElementWiseOp;
use tract_core::ops::logic;

use super::super::super::dtype;
use super::super::build::Build;
use super::super::call::{Call, Reason};
use super::super::value::Value;
use super::{Operator, one};

pub(super) const LIST: &[(&str, Operator)] =
    &[("Gather", gather), ("GatherNd", gather_nd), ("GatherV2", gather), ("OneHot", one_hot), ("TopKV2", largest)];

/// Hands indices on that are at least 0 and below its number.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Within(i64);

impl ElementWiseMiniOp for Within {
    fn name(&self) -> String {
        "IndexWithin".to_owned()
    }

    fn eval_in_place(&self, tensor: &mut Tensor, _: Option<DatumType>) -> TractResult<()> {
        for index in tensor.try_as_plain_ram()?.as_slice::<i64>()? {
            if *index < 0 || *index >= self.0 {
                bail!("index {index} is not in a table of {} entries", self.0);
            }
        }
        Ok(())
    }
}

/// Indices into an axis of a table, as the engine takes them.
pub(super) fn indices(build: &mut Build<'_>, indices: OutletId, table: OutletId, axis: usize) -> Result<OutletId, Reason> {
    build.within_rows(table, axis, "picks")?;
    let size = build.shape(table)?.get(axis).and_then(tract_core::prelude::TDim::as_i64).ok_or("the table has no such axis")?;
    if build.datum(indices)? == DatumType::TDim {
        return Err("indices are computed from the number of rows".into());
    }
    let indices = build.cast(indices, DatumType::I64)?;
    if let Some(known) = build.known(indices)? {
        let known = known.try_as_plain_ram()?.as_slice::<i64>()?;
        if let Some(index) = known.iter().find(|index| **index < 0 || **index >= size) {
            return Err(format!("index {index} is not in a table of {size} entries").into());
        }
        return Ok(indices);
    }
    build.wire(ElementWiseOp(Box::new(Within(size)), None), &[indices])
}

fn gather(build: &mut Build<'_>, call: &Call<'_>) -> Result<Vec<Value>, Reason> {
    let (table, places) = (call.tensor(0)?, call.tensor(1)?);
    let axis = if call.inputs.len() > 2 { build.integer(call.tensor(2)?, "the axis")? } else { 0 };
    let axis = build.axis(axis, build.rank(table)?)?;
    if call.int("batch_dims", 0)? != 0 {
        return Err("batch_dims other than 0 are not taken".into());
    }
    let places = indices(build, places, table, axis)?;
    one(build.wire(Gather::new(axis), &[table, places])?)
}

/// Places of several dimensions; the table is a constant, so that all of its dimensions are known.
pub(super) fn nd(build: &mut Build<'_>, table: OutletId, places: OutletId) -> Result<Vec<Value>, Reason> {
    let shape = build.shape(places)?;
    let depth = shape.last().and_then(tract_core::prelude::TDim::as_i64).and_then(|depth| usize::try_from(depth).ok());
    let depth = depth.ok_or("the number of dimensions of a place has to be known")?;
    let sizes = build.shape(table)?;
    let sizes: Option<Vec<i64>> = sizes.iter().take(depth).map(tract_core::prelude::TDim::as_i64).collect();
    let sizes = sizes.filter(|sizes| sizes.len() == depth && depth > 0).ok_or("it picks over the rows")?;
    // Each coordinate is checked against its own dimension.
    let places = build.cast(places, DatumType::I64)?;
    let last = shape.len() - 1;
    let mut parts = Vec::with_capacity(depth);
    for (at, size) in sizes.into_iter().enumerate() {
        let part = build.wire(tract_core::ops::array::Slice::new(last, at, at + 1), &[places])?;
        parts.push(build.wire(ElementWiseOp(Box::new(Within(size)), None), &[part])?);
    }
    let places = build.wire(tract_core::ops::array::TypedConcat { axis: last }, &parts)?;
    one(build.wire(GatherNd { batch_dims: 0 }, &[table, places])?)
}

fn gather_nd(build: &mut Build<'_>, call: &Call<'_>) -> Result<Vec<Value>, Reason> {
    let [table, places] = call.exactly()?;
    nd(build, table, places)
}

/// A comparison with all places: an index out of range is no place, as TensorFlow has it.
fn one_hot(build: &mut Build<'_>, call: &Call<'_>) -> Result<Vec<Value>, Reason> {
    let [places, depth, on, off] = call.exactly()?;
    let depth = build.integer(depth, "the depth")?;
    if depth < 0 || depth > build.bounds.elements as i64 {
        return Err(format!("a depth of {depth}").into());
    }
    let rank = build.rank(places)?;
    let axis = call.int("axis", -1)?;
    let axis = if axis == -1 { rank } else { build.axis(axis, rank + 1)? };
    let places = build.cast(places, DatumType::I64)?;
    let places = build.wire(AxisOp::Add(axis), &[places])?;
    let all: Vec<i64> = (0..depth).collect();
    let mut shape = vec![1; rank + 1];
    if let Some(dim) = shape.get_mut(axis) {
        *dim = all.len();
    }
    let all = build.constant(tensor1(&all).into_shape(&shape)?)?;
    let hot = build.wire(TypedBinOp(logic::comp_eq(), None), &[places, all])?;
    let (on, off) = (build.deepened(on, rank + 1)?, build.deepened(off, rank + 1)?);
    one(build.wire(logic::Iff, &[hot, on, off])?)
}

fn largest(build: &mut Build<'_>, call: &Call<'_>) -> Result<Vec<Value>, Reason> {
    let [x, count] = call.exactly()?;
    let axis = build.axis(-1, build.rank(x)?)?;
    build.within_rows(x, axis, "picks")?;
    let count = build.integer(count, "the number of values")?;
    let has = build.shape(x)?.get(axis).and_then(tract_core::prelude::TDim::as_i64).unwrap_or(0);
    if count < 0 || count > has {
        return Err(format!("the {count} largest of {has}").into());
    }
    let k = build.constant(tract_core::internal::tensor0(count))?;
    let made = build.wire_all(Topk { axis, largest: true, fallback_k: count.into() }, &[x, k])?;
    let (Some(values), Some(places)) = (made.first().copied(), made.get(1).copied()) else {
        return Err("two outputs are expected".into());
    };
    let places = build.cast(places, call.datum("index_type", dtype::INT32)?)?;
    Ok(vec![Value::Tensor(values), Value::Tensor(places)])
}
