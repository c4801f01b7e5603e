//! Lists of tensors, which loops keep their sequences in. Their lengths and places are known while the model is made, so nothing of a
//! list is left when it runs.

use std::sync::Arc;

use tract_core::internal::{AxisOp, OutletId, Tensor};
use tract_core::ops::array::{Slice, TypedConcat};

use super::super::build::Build;
use super::super::call::{Call, Reason};
use super::super::value::{Item, List, Value};
use super::{Operator, one};

pub(super) const LIST: &[(&str, Operator)] = &[
    ("EmptyTensorList", empty),
    ("TensorListFromTensor", from_tensor),
    ("TensorListGetItem", get),
    ("TensorListLength", length),
    ("TensorListPopBack", pop),
    ("TensorListPushBack", push),
    ("TensorListReserve", reserve),
    ("TensorListSetItem", set),
    ("TensorListStack", stack),
];

fn list<'a>(call: &'a Call<'_>) -> Result<&'a List, Reason> {
    match call.inputs.first() {
        Some(Value::List(list)) => Ok(list),
        Some(other) => Err(format!("a list is expected, it is {}", other.kind()).into()),
        None => Err("a list is expected".into()),
    }
}

/// A list of its own, to be changed.
fn changed(build: &mut Build<'_>, call: &Call<'_>) -> Result<List, Reason> {
    let list = list(call)?;
    build.lists(list.items.len())?;
    Ok(list.clone())
}

fn made(list: List) -> Result<Vec<Value>, Reason> {
    Ok(vec![Value::List(Arc::new(list))])
}

/// Dimensions of an item, where all of them are said.
fn item(build: &Build<'_>, shape: OutletId) -> Option<Vec<usize>> {
    let dims = build.integers(shape, "the shape").ok()?;
    dims.into_iter().map(|dim| usize::try_from(dim).ok()).collect()
}

fn reserve(build: &mut Build<'_>, call: &Call<'_>) -> Result<Vec<Value>, Reason> {
    let count = build.integer(call.tensor(1)?, "the length of a list")?;
    let count = usize::try_from(count).ok().filter(|count| *count <= build.bounds.nodes);
    let count = count.ok_or_else(|| format!("a list of more than {} items, or of fewer than none", build.bounds.nodes))?;
    let item = item(build, call.tensor(0)?);
    build.lists(count)?;
    made(List { datum: call.datum("element_dtype", 0)?, item, items: vec![Item::Unset; count] })
}

fn empty(build: &mut Build<'_>, call: &Call<'_>) -> Result<Vec<Value>, Reason> {
    let item = item(build, call.tensor(0)?);
    made(List { datum: call.datum("element_dtype", 0)?, item, items: Vec::new() })
}

fn from_tensor(build: &mut Build<'_>, call: &Call<'_>) -> Result<Vec<Value>, Reason> {
    let tensor = call.tensor(0)?;
    let count =
        build.shape(tensor)?.first().and_then(tract_core::prelude::TDim::as_i64).and_then(|count| usize::try_from(count).ok());
    let count = count.ok_or("the length of the sequence has to be known: export the model with a fixed number of steps")?;
    if count > build.bounds.nodes {
        return Err(format!("a list of {count} items, at most {} are allowed", build.bounds.nodes).into());
    }
    build.lists(count)?;
    let items = (0..count).map(|index| Item::Row(tensor, index)).collect();
    made(List { datum: build.datum(tensor)?, item: None, items })
}

fn place(build: &Build<'_>, call: &Call<'_>, list: &List) -> Result<usize, Reason> {
    let index = build.integer(call.tensor(1)?, "a place in a list")?;
    let place = usize::try_from(index).ok().filter(|place| *place < list.items.len());
    place.ok_or_else(|| format!("place {index} of a list of {} items", list.items.len()).into())
}

fn tensor(build: &mut Build<'_>, list: &List, item: &Item) -> Result<OutletId, Reason> {
    match item {
        Item::Tensor(outlet) => Ok(*outlet),
        Item::Row(outlet, index) => {
            let row = build.wire(Slice::new(0, *index, *index + 1), &[*outlet])?;
            build.wire(AxisOp::Rm(0), &[row])
        }
        Item::Unset => {
            let shape = list.item.as_ref().ok_or("an item of a list is read before it is set, and its shape is not said")?;
            let elements = shape.iter().try_fold(1usize, |product, dim| product.checked_mul((*dim).max(1)));
            if elements.is_none_or(|elements| elements > build.bounds.elements) {
                return Err(format!("an item of shape {shape:?} is too large").into());
            }
            build.takes(elements.unwrap_or(0).saturating_mul(list.datum.size_of()))?;
            build.constant(Tensor::zero_dt(list.datum, shape)?)
        }
    }
}

fn get(build: &mut Build<'_>, call: &Call<'_>) -> Result<Vec<Value>, Reason> {
    let list = list(call)?;
    let place = place(build, call, list)?;
    let item = list.items.get(place).cloned().unwrap_or(Item::Unset);
    one(tensor(build, list, &item)?)
}

fn set(build: &mut Build<'_>, call: &Call<'_>) -> Result<Vec<Value>, Reason> {
    let list = list(call)?;
    let index = build.integer(call.tensor(1)?, "a place in a list")?;
    let mut next = changed(build, call)?;
    if let Some(slot) = usize::try_from(index).ok().and_then(|index| next.items.get_mut(index)) {
        *slot = Item::Tensor(call.tensor(2)?);
        return made(next);
    }
    Err(format!("place {index} of a list of {} items", list.items.len()).into())
}

fn push(build: &mut Build<'_>, call: &Call<'_>) -> Result<Vec<Value>, Reason> {
    let mut next = changed(build, call)?;
    if next.items.len() >= build.bounds.nodes {
        return Err(format!("a list of more than {} items", build.bounds.nodes).into());
    }
    next.items.push(Item::Tensor(call.tensor(1)?));
    made(next)
}

fn pop(build: &mut Build<'_>, call: &Call<'_>) -> Result<Vec<Value>, Reason> {
    let mut next = changed(build, call)?;
    let item = next.items.pop().ok_or("the last item of an empty list is taken")?;
    let outlet = tensor(build, &next, &item)?;
    Ok(vec![Value::List(Arc::new(next)), Value::Tensor(outlet)])
}

fn length(build: &mut Build<'_>, call: &Call<'_>) -> Result<Vec<Value>, Reason> {
    let length = i32::try_from(list(call)?.items.len()).map_err(|_| "a list is too long")?;
    one(build.constant(tract_core::internal::tensor0(length))?)
}

fn stack(build: &mut Build<'_>, call: &Call<'_>) -> Result<Vec<Value>, Reason> {
    let list = list(call)?;
    if list.items.is_empty() {
        return Err("a list without items is stacked".into());
    }
    // A sequence that was taken apart and is put together as it was.
    if let Some(Item::Row(whole, 0)) = list.items.first()
        && list
            .items
            .iter()
            .enumerate()
            .all(|(place, item)| matches!(item, Item::Row(of, index) if of == whole && *index == place))
        && build.shape(*whole)?.first().and_then(tract_core::prelude::TDim::as_i64) == i64::try_from(list.items.len()).ok()
    {
        return one(*whole);
    }
    let mut rows = Vec::with_capacity(list.items.len());
    for item in &list.items {
        let item = tensor(build, list, item)?;
        rows.push(build.wire(AxisOp::Add(0), &[item])?);
    }
    one(build.wire(TypedConcat { axis: 0 }, &rows)?)
}
