//! Functions of two values, comparisons and choices.

use tract_core::internal::{DatumType, OutletId, TDim, TypedOp, tensor0};
use tract_core::ops::array::MultiBroadcastTo;
use tract_core::ops::binary::{BinMiniOp, TypedBinOp};
use tract_core::ops::{logic, math};

use super::super::build::Build;
use super::super::call::{Call, Reason};
use super::super::value::Value;
use super::{Operator, one};

pub(super) const LIST: &[(&str, Operator)] = &[
    ("Add", |build, call| plain(build, call, math::add())),
    ("AddN", add_n),
    ("AddV2", |build, call| plain(build, call, math::add())),
    ("AccumulateNV2", add_n),
    ("ClipByValue", clip),
    ("Div", division),
    ("DivNoNan", division_without_nan),
    ("Equal", |build, call| compare(build, call, logic::comp_eq())),
    ("FloorDiv", |build, call| floored(build, call, false)),
    ("FloorMod", |build, call| floored(build, call, true)),
    ("Greater", |build, call| compare(build, call, logic::comp_gt())),
    ("GreaterEqual", |build, call| compare(build, call, logic::comp_gte())),
    ("Less", |build, call| compare(build, call, logic::comp_lt())),
    ("LessEqual", |build, call| compare(build, call, logic::comp_lte())),
    ("LogicalAnd", |build, call| logical(build, call, true)),
    ("LogicalOr", |build, call| logical(build, call, false)),
    ("LogicalXor", |build, call| plain(build, call, logic::xor())),
    ("Maximum", |build, call| extreme(build, call, true)),
    ("Minimum", |build, call| extreme(build, call, false)),
    ("Mul", |build, call| plain(build, call, math::mul())),
    ("NotEqual", |build, call| compare(build, call, logic::comp_ne())),
    ("Pow", power),
    ("RealDiv", division),
    ("Select", select),
    ("SelectV2", select_v2),
    ("SquaredDifference", squared_difference),
    ("Sub", |build, call| plain(build, call, math::sub())),
];

fn pair(build: &mut Build<'_>, call: &Call<'_>) -> Result<[OutletId; 2], Reason> {
    let inputs: [OutletId; 2] = call.exactly()?;
    build.fitting(&inputs)?.try_into().map_err(|_| "two inputs are expected".into())
}

fn plain(build: &mut Build<'_>, call: &Call<'_>, op: impl Into<Box<dyn TypedOp>>) -> Result<Vec<Value>, Reason> {
    let [a, b] = pair(build, call)?;
    one(build.wire(op, &[a, b])?)
}

fn add_n(build: &mut Build<'_>, call: &Call<'_>) -> Result<Vec<Value>, Reason> {
    let terms = call.tensors()?;
    let (first, rest) = terms.split_first().ok_or("at least one input is expected")?;
    let mut sum = *first;
    for term in rest {
        let both = build.fitting(&[sum, *term])?;
        sum = build.wire(math::add(), &both)?;
    }
    one(sum)
}

fn compare(build: &mut Build<'_>, call: &Call<'_>, op: Box<dyn BinMiniOp>) -> Result<Vec<Value>, Reason> {
    let [a, b] = pair(build, call)?;
    one(build.wire(TypedBinOp(op, None), &[a, b])?)
}

/// A side that is the same everywhere decides: masks begin so. tract 0.23.9 fails to optimise it where the other side is wider or narrower.
fn logical(build: &mut Build<'_>, call: &Call<'_>, both: bool) -> Result<Vec<Value>, Reason> {
    let [a, b] = pair(build, call)?;
    let one_wide = TDim::from(1);
    let (sa, sb) = (build.shape(a)?, build.shape(b)?);
    let shape: Vec<TDim> = sa.into_iter().zip(sb).map(|(a, b)| if a == one_wide { b } else { a }).collect();
    for (side, other) in [(a, b), (b, a)] {
        let Some(uniform) = build.model.outlet_fact(side)?.uniform.clone() else { continue };
        // True leaves an `and` to the other side, false decides it; the other way round for an `or`.
        let decided = if uniform.cast_to_scalar::<bool>()? == both { other } else { side };
        if build.shape(decided)? == shape {
            return one(decided);
        }
        return one(build.wire(MultiBroadcastTo::new(shape.into_iter().collect()), &[decided])?);
    }
    one(if both { build.wire(logic::and(), &[a, b])? } else { build.wire(logic::or(), &[a, b])? })
}

fn division(build: &mut Build<'_>, call: &Call<'_>) -> Result<Vec<Value>, Reason> {
    let [a, b] = pair(build, call)?;
    if !build.datum(a)?.is_float() {
        divisor(build, b)?;
    }
    one(build.wire(math::div(), &[a, b])?)
}

/// What integers are divided by has to be known not to be zero: the engine stops at a division by zero.
fn divisor(build: &Build<'_>, b: OutletId) -> Result<(), Reason> {
    let known = build.dims(b, "an integer that is divided by")?;
    if known.iter().any(|dim| dim.as_i64() == Some(0)) {
        return Err("integers are divided by zero".into());
    }
    Ok(())
}

fn division_without_nan(build: &mut Build<'_>, call: &Call<'_>) -> Result<Vec<Value>, Reason> {
    let [a, b] = pair(build, call)?;
    let datum = build.datum(b)?;
    let rank = build.rank(b)?;
    let zero = scalar(build, 0.0, datum, rank)?;
    let quotient = build.wire(math::div(), &[a, b])?;
    let by_zero = build.wire(TypedBinOp(logic::comp_eq(), None), &[b, zero])?;
    one(build.wire(logic::Iff, &[by_zero, zero, quotient])?)
}

/// A constant of so many dimensions, all one.
pub(super) fn scalar(build: &mut Build<'_>, value: f64, datum: DatumType, rank: usize) -> Result<OutletId, Reason> {
    let tensor = tensor0(value).cast_to_dt(datum)?.into_owned().broadcast_into_rank(rank)?;
    build.constant(tensor)
}

/// Division and remainder that round down, also below zero.
fn floored(build: &mut Build<'_>, call: &Call<'_>, remainder: bool) -> Result<Vec<Value>, Reason> {
    let [a, b] = pair(build, call)?;
    let datum = build.datum(a)?;
    if datum == DatumType::TDim {
        divisor(build, b)?;
        return one(if remainder { build.wire(math::rem(), &[a, b])? } else { build.wire(math::div(), &[a, b])? });
    }
    if datum.is_float() {
        let quotient = build.wire(math::div(), &[a, b])?;
        let down = build.wire(math::floor(), &[quotient])?;
        if !remainder {
            return one(down);
        }
        let whole = build.wire(math::mul(), &[down, b])?;
        return one(build.wire(math::sub(), &[a, whole])?);
    }
    divisor(build, b)?;
    let rest = build.wire(math::rem(), &[a, b])?;
    let shifted = build.wire(math::add(), &[rest, b])?;
    let positive = build.wire(math::rem(), &[shifted, b])?;
    if remainder {
        return one(positive);
    }
    let whole = build.wire(math::sub(), &[a, positive])?;
    one(build.wire(math::div(), &[whole, b])?)
}

/// TensorFlow's larger or smaller of two is NaN where either is; the engine's is the other.
fn extreme(build: &mut Build<'_>, call: &Call<'_>, larger: bool) -> Result<Vec<Value>, Reason> {
    let [a, b] = pair(build, call)?;
    one(larger_or_smaller(build, a, b, larger)?)
}

fn larger_or_smaller(build: &mut Build<'_>, a: OutletId, b: OutletId, larger: bool) -> Result<OutletId, Reason> {
    let datum = build.datum(a)?;
    if !datum.is_float() {
        return if larger { build.wire(math::max(), &[a, b]) } else { build.wire(math::min(), &[a, b]) };
    }
    // `a` is the one that is computed: a constant is no NaN that anyone would wait for.
    let (a, b) = if build.known(a)?.is_some() { (b, a) } else { (a, b) };
    let beyond = if larger { logic::comp_lt() } else { logic::comp_gt() };
    let other = build.wire(TypedBinOp(beyond, None), &[a, b])?;
    let chosen = build.wire(logic::Iff, &[other, b, a])?;
    if build.known(b)?.is_some() || datum == DatumType::F64 {
        return Ok(chosen);
    }
    let unknown = build.wire(math::is_nan(), &[b])?;
    build.wire(logic::Iff, &[unknown, b, chosen])
}

fn clip(build: &mut Build<'_>, call: &Call<'_>) -> Result<Vec<Value>, Reason> {
    let [x, low, high] = call.exactly()?;
    let alike = build.fitting(&[x, low, high])?;
    let [x, low, high]: [OutletId; 3] = alike.try_into().map_err(|_| Reason::from("three inputs are expected"))?;
    let below = larger_or_smaller(build, x, high, false)?;
    one(larger_or_smaller(build, below, low, true)?)
}

fn power(build: &mut Build<'_>, call: &Call<'_>) -> Result<Vec<Value>, Reason> {
    let [a, b] = pair(build, call)?;
    let datum = build.datum(a)?;
    if !datum.is_float() {
        return Err(format!("powers of floats are taken, these are {datum:?}").into());
    }
    one(build.wire(math::pow(), &[a, b])?)
}

fn squared_difference(build: &mut Build<'_>, call: &Call<'_>) -> Result<Vec<Value>, Reason> {
    let [a, b] = pair(build, call)?;
    let difference = build.wire(math::sub(), &[a, b])?;
    one(if build.datum(a)?.is_float() {
        build.wire(math::square(), &[difference])?
    } else {
        build.wire(math::mul(), &[difference, difference])?
    })
}

/// TensorFlow 1's: a condition of one dimension chooses whole rows.
fn select(build: &mut Build<'_>, call: &Call<'_>) -> Result<Vec<Value>, Reason> {
    let [condition, a, b] = call.exactly()?;
    let (own, rank) = (build.rank(condition)?, build.rank(a)?);
    if own != 1 || rank <= 1 {
        return select_v2(build, call);
    }
    let mut condition = condition;
    for axis in own..rank {
        condition = build.wire(tract_core::internal::AxisOp::Add(axis), &[condition])?;
    }
    one(build.wire(logic::Iff, &[condition, a, b])?)
}

fn select_v2(build: &mut Build<'_>, call: &Call<'_>) -> Result<Vec<Value>, Reason> {
    let [condition, a, b] = call.exactly()?;
    let branches = build.alike_types(&[a, b])?;
    let mut all = vec![condition];
    all.extend(branches);
    let ranks = all.iter().map(|outlet| build.rank(*outlet)).collect::<Result<Vec<_>, _>>()?;
    let most = ranks.iter().copied().max().unwrap_or(0);
    let all =
        all.into_iter().zip(ranks).map(|(outlet, own)| build.deepened(outlet, most - own)).collect::<Result<Vec<_>, _>>()?;
    one(build.wire(logic::Iff, &all)?)
}
