//! Variables: handles and references, reading, and the assignments that fill them when a model is restored.

use tract_core::ops::array::Gather;

use super::super::build::Build;
use super::super::call::{Call, Reason};
use super::super::value::Value;
use super::{Operator, gather, one};

pub(super) const LIST: &[(&str, Operator)] = &[
    ("Assign", assign),
    ("AssignVariableOp", assign),
    ("ReadVariableOp", read),
    ("ResourceGather", gathered),
    ("ResourceGatherNd", gathered_nd),
    ("RestoreV2", restore),
    ("VarHandleOp", handle),
    ("Variable", |build, call| Ok(vec![Value::Reference(name(build, call)?)])),
    ("VariableV2", |build, call| Ok(vec![Value::Reference(name(build, call)?)])),
];

fn handle(build: &mut Build<'_>, call: &Call<'_>) -> Result<Vec<Value>, Reason> {
    Ok(vec![Value::Variable(name(build, call)?)])
}

/// A variable is told apart by its node; two nodes of one shared name are one variable.
fn name(_: &mut Build<'_>, call: &Call<'_>) -> Result<String, Reason> {
    let shared = call.text("shared_name", "")?;
    let container = call.text("container", "")?;
    let name = if shared.is_empty() { format!("{}{}", call.path, call.node.name) } else { shared };
    Ok(format!("{container}/{name}"))
}

fn named<'a>(call: &'a Call<'_>) -> Result<&'a str, Reason> {
    match call.inputs.first() {
        Some(Value::Variable(name) | Value::Reference(name)) => Ok(name),
        Some(other) => Err(format!("a variable is expected, it is {}", other.kind()).into()),
        None => Err("a variable is expected".into()),
    }
}

fn read(build: &mut Build<'_>, call: &Call<'_>) -> Result<Vec<Value>, Reason> {
    Ok(vec![build.variable(named(call)?)?])
}

fn assign(build: &mut Build<'_>, call: &Call<'_>) -> Result<Vec<Value>, Reason> {
    if !call.restoring {
        return Err("a call changes a variable: an answer would depend on the rows before it".into());
    }
    let variable = named(call)?;
    let value = call.inputs.get(1).ok_or("a value is expected")?;
    build.assign(variable.to_owned(), value.clone());
    Ok(vec![Value::Reference(variable.to_owned())])
}

/// What it reads is named here and read later, if a variable that is needed is given it.
fn restore(_: &mut Build<'_>, call: &Call<'_>) -> Result<Vec<Value>, Reason> {
    if !call.restoring {
        return Err("it reads a file in the middle of the model".into());
    }
    let texts = |index: usize| match call.inputs.get(index) {
        Some(Value::Texts(texts)) => Ok(texts.clone()),
        _ => Err(Reason::from("names of tensors are expected as constants")),
    };
    let (names, slices) = (texts(1)?, texts(2)?);
    if let Some(slice) = slices.iter().find(|slice| !slice.is_empty()) {
        let slice = String::from_utf8_lossy(slice);
        return Err(
            format!("a part `{slice}` of a stored tensor is asked for (a partitioned variable), which is not read").into()
        );
    }
    let stored = |name: &Vec<u8>| match String::from_utf8(name.clone()) {
        Ok(name) => Ok(Value::Stored(name)),
        Err(_) => Err(Reason::from("the name of a tensor is not UTF-8")),
    };
    names.iter().map(stored).collect()
}

fn gathered(build: &mut Build<'_>, call: &Call<'_>) -> Result<Vec<Value>, Reason> {
    let Value::Tensor(table) = build.variable(named(call)?)? else { return Err("the variable holds no tensor".into()) };
    if call.int("batch_dims", 0)? != 0 {
        return Err("batch_dims other than 0 are not taken".into());
    }
    let indices = gather::indices(build, call.tensor(1)?, table, 0)?;
    one(build.wire(Gather::new(0), &[table, indices])?)
}

fn gathered_nd(build: &mut Build<'_>, call: &Call<'_>) -> Result<Vec<Value>, Reason> {
    let Value::Tensor(table) = build.variable(named(call)?)? else { return Err("the variable holds no tensor".into()) };
    gather::nd(build, table, call.tensor(1)?)
}
