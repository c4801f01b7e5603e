//! Products of matrices.

use tract_core::internal::{AxesMapping, AxisOp, DatumType, OutletId, Tensor};
use tract_core::ops::array::MultiBroadcastTo;
use tract_core::ops::einsum::EinSum;
use tract_core::ops::math;

use super::super::build::{Build, shown};
use super::super::call::{Call, Reason};
use super::super::value::Value;
use super::{Operator, one};

pub(super) const LIST: &[(&str, Operator)] = &[
    ("BatchMatMul", |build, call| product(build, call, "adj_x", "adj_y")),
    ("BatchMatMulV2", |build, call| product(build, call, "adj_x", "adj_y")),
    ("BatchMatMulV3", |build, call| product(build, call, "adj_x", "adj_y")),
    ("BiasAdd", bias),
    ("BiasAddV1", bias),
    ("Einsum", einsum),
    ("MatMul", |build, call| product(build, call, "transpose_a", "transpose_b")),
];

fn floats(build: &Build<'_>, inputs: &[OutletId]) -> Result<DatumType, Reason> {
    let datum = inputs.first().map(|input| build.datum(*input)).ok_or("an input is expected")??;
    if datum.is_float() { Ok(datum) } else { Err(format!("matrices of floats are multiplied, these are {datum:?}").into()) }
}

fn product(build: &mut Build<'_>, call: &Call<'_>, transpose_a: &str, transpose_b: &str) -> Result<Vec<Value>, Reason> {
    let (ta, tb) = (call.flag(transpose_a, false)?, call.flag(transpose_b, false)?);
    let inputs: [OutletId; 2] = call.exactly()?;
    let datum = floats(build, &inputs)?;
    let [a, b]: [OutletId; 2] = build.alike(&inputs)?.try_into().map_err(|_| Reason::from("two inputs are expected"))?;
    let rank = build.rank(a)?;
    let (Some(row), Some(column)) = (rank.checked_sub(2), rank.checked_sub(1)) else {
        return Err(format!("matrices are expected, these have {rank} dimensions").into());
    };
    build.within_rows(a, if ta { row } else { column }, "sums")?;
    let (sa, sb) = (build.shape(a)?, build.shape(b)?);
    let inner = (sa.get(if ta { row } else { column }), sb.get(if tb { column } else { row }));
    if inner.0 != inner.1 {
        return Err(format!("matrices of {} and {} do not fit each other", shown(&sa), shown(&sb)).into());
    }
    if let Some(zero) = nothing(build, a, b)? {
        let batch = sa.iter().zip(&sb).take(row).map(|(a, b)| if a.as_i64() == Some(1) { b } else { a });
        let last = [sa.get(if ta { column } else { row }), sb.get(if tb { row } else { column })];
        let shape = batch.chain(last.into_iter().flatten()).cloned().collect();
        let zero = build.constant(zero)?;
        return one(build.wire(MultiBroadcastTo::new(shape), &[zero])?);
    }
    let axes = AxesMapping::for_numpy_matmul(rank, ta, tb, false)?;
    one(build.wire(EinSum::new(axes, datum), &[a, b])?)
}

/// The first state of a recurrent layer is zero for all rows, and so is its product with a constant. tract 0.23.9 fails to optimise it.
fn nothing(build: &Build<'_>, a: OutletId, b: OutletId) -> Result<Option<Tensor>, Reason> {
    let Some(uniform) = build.model.outlet_fact(a)?.uniform.clone() else { return Ok(None) };
    let (Some(known), DatumType::F32) = (build.known(b)?, build.datum(a)?) else { return Ok(None) };
    let finite = known.try_as_plain_ram()?.as_slice::<f32>()?.iter().all(|value| value.is_finite());
    let zero = uniform.cast_to_scalar::<f32>()? == 0.0;
    Ok(Some(Tensor::zero_scalar_dt(DatumType::F32)?)
        .filter(|_| finite && zero && build.known(a).is_ok_and(|known| known.is_none())))
}

fn bias(build: &mut Build<'_>, call: &Call<'_>) -> Result<Vec<Value>, Reason> {
    let [x, mut bias] = call.exactly()?;
    let rank = build.rank(x)?;
    if call.text("data_format", "NHWC")?.starts_with("NC") {
        for _ in 2..rank {
            bias = build.wire(AxisOp::Add(1), &[bias])?;
        }
    }
    let both = build.fitting(&[x, bias])?;
    one(build.wire(math::add(), &both)?)
}

fn einsum(build: &mut Build<'_>, call: &Call<'_>) -> Result<Vec<Value>, Reason> {
    let equation: String = call.text("equation", "")?.chars().filter(|letter| !letter.is_whitespace()).collect();
    let wrong = |why: &str| Reason::Words(format!("equation `{equation}`: {why}"));
    let (left, right) = equation.split_once("->").ok_or_else(|| wrong("`->` is expected"))?;
    let terms: Vec<&str> = left.split(',').collect();
    let inputs = call.tensors()?;
    let datum = floats(build, &inputs)?;
    if terms.len() != inputs.len() {
        return Err(wrong("it has another number of terms than the node has inputs"));
    }
    for (term, input) in terms.iter().chain([&right]).zip(inputs.iter().map(Some).chain([None])) {
        if !term.chars().all(|letter| letter.is_ascii_alphabetic()) {
            return Err(wrong("letters alone are taken, no `...`"));
        }
        if term.chars().enumerate().any(|(at, letter)| term.chars().take(at).any(|before| before == letter)) {
            return Err(wrong("a letter is twice in a term"));
        }
        let Some(input) = input else { continue };
        let shape = build.shape(*input)?;
        if shape.len() != term.len() {
            return Err(wrong("a term has another number of letters than its tensor has dimensions"));
        }
        for (letter, dim) in term.chars().zip(&shape) {
            if !right.contains(letter) && !dim.symbols().is_empty() {
                return Err(wrong("it sums over the rows: an answer would depend on the other rows that come with it"));
            }
        }
    }
    if right.chars().any(|letter| !left.contains(letter)) {
        return Err(wrong("a letter of the result is in no term"));
    }
    let axes = AxesMapping::from_strs(&terms, &[right])?;
    one(build.wire(EinSum::new(axes, datum), &inputs)?)
}
