//! Functions, branches and loops. A branch is taken and a loop is unrolled while the model is made, so what decides must be known then.

use super::super::build::Build;
use super::super::call::{Call, Reason};
use super::super::value::Value;
use super::Operator;

pub(super) const LIST: &[(&str, Operator)] = &[
    ("Case", case),
    ("If", branch),
    ("Merge", merge),
    ("PartitionedCall", call),
    ("StatefulPartitionedCall", call),
    ("StatelessCase", case),
    ("StatelessIf", branch),
    ("StatelessWhile", repeat),
    ("Switch", switch),
    ("While", repeat),
];

fn call(build: &mut Build<'_>, call: &Call<'_>) -> Result<Vec<Value>, Reason> {
    build.call(call.function("f")?, call.inputs.clone(), call)
}

/// A truth value that has to be known.
fn truth(build: &Build<'_>, value: &Value) -> Result<bool, Reason> {
    let Value::Tensor(outlet) = value else { return Err(format!("a condition is expected, it is {}", value.kind()).into()) };
    let known = build.known(*outlet)?.filter(|known| known.volume() == 1);
    let known = known.ok_or("what it decides by is computed from the inputs: rows would go different ways")?;
    Ok(known.cast_to_scalar::<bool>()?)
}

fn branch(build: &mut Build<'_>, call: &Call<'_>) -> Result<Vec<Value>, Reason> {
    let (condition, arguments) = call.inputs.split_first().ok_or("a condition is expected")?;
    let name = if truth(build, condition)? { "then_branch" } else { "else_branch" };
    build.call(call.function(name)?, arguments.to_vec(), call)
}

fn case(build: &mut Build<'_>, call: &Call<'_>) -> Result<Vec<Value>, Reason> {
    let index = build.integer(call.tensor(0)?, "the branch that it takes")?;
    let branches = call.functions("branches")?;
    // An index out of range is the last branch.
    let taken =
        usize::try_from(index).ok().and_then(|index| branches.get(index)).or(branches.last()).ok_or("it has no branches")?;
    build.call(taken, call.inputs.get(1..).unwrap_or_default().to_vec(), call)
}

fn repeat(build: &mut Build<'_>, call: &Call<'_>) -> Result<Vec<Value>, Reason> {
    let (condition, body) = (call.function("cond")?, call.function("body")?);
    let mut values = call.inputs.clone();
    loop {
        let goes_on = build.call(condition, values.clone(), call)?;
        if !truth(build, goes_on.first().ok_or("its condition has no result")?)? {
            return Ok(values);
        }
        let next = build.call(body, values, call)?;
        values = next;
    }
}

fn switch(build: &mut Build<'_>, call: &Call<'_>) -> Result<Vec<Value>, Reason> {
    let [value, condition] = call.inputs.as_slice() else { return Err("a value and a condition are expected".into()) };
    let taken = truth(build, condition)?;
    Ok(if taken { vec![Value::Dead, value.clone()] } else { vec![value.clone(), Value::Dead] })
}

fn merge(build: &mut Build<'_>, call: &Call<'_>) -> Result<Vec<Value>, Reason> {
    let index = call.inputs.iter().position(|value| !matches!(value, Value::Dead));
    let Some((index, value)) = index.and_then(|index| Some((index, call.inputs.get(index)?.clone()))) else {
        return Ok(vec![Value::Dead; 2]);
    };
    let number = build.constant(tract_core::internal::tensor0(i32::try_from(index).unwrap_or(0)))?;
    Ok(vec![value, Value::Tensor(number)])
}
