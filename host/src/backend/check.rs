//! What a model says is checked before anyone reads it: its signature once, its scores on every call. Both backends use the same
//! words, so that a fault reads the same whoever ran the model.

use std::collections::HashSet;
use std::ops::Range;

use super::Fault;
use crate::types::{Dtype, Output, Packed, Rejection, Scores, Signature, Tensor, TensorRef};

/// Most inputs, outputs, and columns of either that a signature may have; far above any real model, far below what could hurt.
const MATRICES_MAX: usize = 64;
const COLUMNS_MAX: usize = 65_536;
const NAME_MAX: usize = 1024;

/// Checks a signature that a module gave: names, types and widths make sense and their sizes are sane.
///
/// # Errors
/// What is wrong, in words for whoever wrote the module.
pub(super) fn signature(signature: &Signature) -> Result<(), String> {
    let Signature { inputs, outputs } = signature;
    matrices("inputs", inputs.iter().map(|input| (input.name.as_str(), input.fields.len())))?;
    matrices("outputs", outputs.iter().map(|output| (output.name.as_str(), output.width as usize)))?;
    for input in inputs {
        if let Some(field) = input.fields.iter().find(|field| field.len() > NAME_MAX) {
            return Err(format!("input `{}` has a field name of {} bytes; at most {NAME_MAX}", input.name, field.len()));
        }
    }
    Ok(())
}

fn matrices<'a>(what: &str, all: impl ExactSizeIterator<Item = (&'a str, usize)>) -> Result<(), String> {
    if all.len() == 0 || all.len() > MATRICES_MAX {
        return Err(format!("the signature has {} {what}; expected 1 to {MATRICES_MAX}", all.len()));
    }
    let mut names = HashSet::new();
    let mut columns = 0;
    for (name, width) in all {
        if name.is_empty() || name.len() > NAME_MAX {
            return Err(format!("the signature's {what}: a name of {} bytes; expected 1 to {NAME_MAX}", name.len()));
        }
        if !names.insert(name) {
            return Err(format!("the signature's {what}: the name `{name}` is there twice"));
        }
        if width == 0 {
            return Err(format!("the signature's {what}: `{name}` has no columns; expected at least 1"));
        }
        columns += width;
        if columns > COLUMNS_MAX {
            return Err(format!("the signature's {what} have more than {COLUMNS_MAX} columns in total"));
        }
    }
    Ok(())
}

/// Checks that the host gives a model what its signature asks for, so that no slice of it can be out of range.
///
/// # Errors
/// A matrix is missing, of another type, or has fewer than `rows.end` rows.
pub(super) fn inputs(signature: &Signature, rows: &Range<u32>, x: &[TensorRef<'_>]) -> Result<(), Fault> {
    let wrong = |words: String| Err(Fault::Shape(words));
    if x.len() != signature.inputs.len() || rows.start > rows.end {
        return wrong(format!("the host gave {} inputs for rows {rows:?}; the model takes {}", x.len(), signature.inputs.len()));
    }
    for (input, tensor) in signature.inputs.iter().zip(x) {
        if dtype(*tensor) != input.dtype {
            return wrong(format!("the host gave input `{}` as {}; the model takes {}", input.name, dtype(*tensor), input.dtype));
        }
        let (has, wants) = (tensor.len(), rows.end as usize * input.fields.len());
        if has < wants {
            return wrong(format!("the host gave input `{}` {has} values; {rows:?} rows need {wants}", input.name));
        }
    }
    Ok(())
}

/// Bytes that one value of a text is reckoned with.
const TEXT_BYTES: usize = 1024;

/// Bytes of one row of matrices of these types and widths; texts are reckoned, not known.
pub(super) fn bytes_per_row(matrices: impl Iterator<Item = (Dtype, usize)>) -> usize {
    let of = |dtype| match dtype {
        Dtype::Float32 => 4,
        Dtype::Float64 | Dtype::Int64 => 8,
        Dtype::Text | Dtype::Bytes => TEXT_BYTES,
    };
    matrices.map(|(dtype, width)| width.saturating_mul(of(dtype))).fold(0, usize::saturating_add)
}

/// Checks what a guest hands to a model it has opened: as many matrices as that takes, each of its type and of exactly so many rows.
///
/// # Errors
/// Which input is wrong, what was expected and what came.
pub(super) fn given(signature: &Signature, rows: u32, x: &[Tensor]) -> Result<(), String> {
    if x.len() != signature.inputs.len() {
        return Err(format!("expected {} inputs, got {}", signature.inputs.len(), x.len()));
    }
    for (input, tensor) in signature.inputs.iter().zip(x) {
        matrix(input.dtype, input.fields.len(), rows, tensor).map_err(|why| format!("input `{}`: {why}", input.name))?;
    }
    Ok(())
}

/// Checks what a call gave against the signature, sorts the rejections and makes NaNs canonical.
///
/// # Errors
/// [`Fault::Shape`]: which output or rejection is wrong, what was expected and what came.
pub(super) fn scores(signature: &Signature, rows: u32, scores: &mut Scores) -> Result<(), Fault> {
    let outputs = &signature.outputs;
    if scores.outputs.len() != outputs.len() {
        return Err(Fault::Shape(format!("expected {} outputs, got {}", outputs.len(), scores.outputs.len())));
    }
    for (output, tensor) in outputs.iter().zip(&mut scores.outputs) {
        check_output(output, rows, tensor).map_err(|why| Fault::Shape(format!("output `{}`: {why}", output.name)))?;
    }
    rejections(rows, &mut scores.rejected).map_err(Fault::Shape)
}

fn check_output(output: &Output, rows: u32, tensor: &mut Tensor) -> Result<(), String> {
    matrix(output.dtype, output.width as usize, rows, tensor)?;
    match tensor {
        Tensor::Float32(values) => canonical_f32(values),
        Tensor::Float64(values) => canonical_f64(values),
        Tensor::Int64(_) | Tensor::Text(_) | Tensor::Bytes(_) => {}
    }
    Ok(())
}

/// A matrix from a module: of its type, `rows` times `width` values, and its texts as they have to be.
fn matrix(expected: Dtype, width: usize, rows: u32, tensor: &Tensor) -> Result<(), String> {
    let came = dtype(tensor.view());
    if came != expected {
        return Err(format!("expected {expected}, got {came}"));
    }
    let (has, wants) = (tensor.view().len(), rows as usize * width);
    if has != wants {
        return Err(format!("expected {wants} values ({rows} rows of {width}), got {has}"));
    }
    match tensor {
        Tensor::Float32(_) | Tensor::Float64(_) | Tensor::Int64(_) => Ok(()),
        Tensor::Text(values) => packed(values).and_then(|()| texts(values)),
        Tensor::Bytes(values) => packed(values),
    }
}

fn packed(values: &Packed) -> Result<(), String> {
    let mut before = 0;
    for (i, end) in values.ends.iter().enumerate() {
        if *end < before {
            return Err(format!("`ends` must ascend; entry {i} is {end} after {before}"));
        }
        before = *end;
    }
    if before as usize != values.data.len() {
        return Err(format!("the last of `ends` must be the length of `data`, {}; it is {before}", values.data.len()));
    }
    if let Some(pair) = values.missing.windows(2).find(|pair| pair[0] >= pair[1]) {
        return Err(format!("`missing` must ascend; {} comes after {}", pair[1], pair[0]));
    }
    match values.missing.last() {
        Some(last) if *last as usize >= values.ends.len() => {
            Err(format!("`missing` names value {last} of {}", values.ends.len()))
        }
        _ => Ok(()),
    }
}

/// Each value must be UTF-8 by itself: the whole being so, no end may lie within a character.
fn texts(values: &Packed) -> Result<(), String> {
    let text = std::str::from_utf8(&values.data).map_err(|e| format!("not UTF-8 at byte {} of `data`", e.valid_up_to()))?;
    match values.ends.iter().position(|end| !text.is_char_boundary(*end as usize)) {
        Some(i) => Err(format!("value {i} ends within a UTF-8 character")),
        None => Ok(()),
    }
}

fn rejections(rows: u32, rejected: &mut [Rejection]) -> Result<(), String> {
    if let Some(rejection) = rejected.iter().find(|rejection| rejection.row >= rows) {
        return Err(format!("rejected row {} of {rows} rows", rejection.row));
    }
    if !rejected.is_sorted_by(|a, b| a.row < b.row) {
        rejected.sort_by_key(|rejection| rejection.row);
        if let Some(pair) = rejected.windows(2).find(|pair| pair[0].row == pair[1].row) {
            return Err(format!("row {} is rejected twice", pair[0].row));
        }
    }
    Ok(())
}

fn canonical_f32(values: &mut [f32]) {
    for value in values {
        *value = if value.is_nan() { f32::NAN } else { *value };
    }
}

fn canonical_f64(values: &mut [f64]) {
    for value in values {
        *value = if value.is_nan() { f64::NAN } else { *value };
    }
}

fn dtype(tensor: TensorRef<'_>) -> Dtype {
    match tensor {
        TensorRef::Float32(_) => Dtype::Float32,
        TensorRef::Float64(_) => Dtype::Float64,
        TensorRef::Int64(_) => Dtype::Int64,
        TensorRef::Text(_) => Dtype::Text,
        TensorRef::Bytes(_) => Dtype::Bytes,
    }
}
