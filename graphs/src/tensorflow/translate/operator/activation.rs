//! Functions of one value.

use tract_core::internal::{DatumType, TypedOp};
use tract_core::ops::{logic, math, nn};

use super::super::build::Build;
use super::super::call::{Call, Reason};
use super::super::value::Value;
use super::kernel::Kernel;
use super::{Operator, one};

pub(super) const LIST: &[(&str, Operator)] = &[
    ("Abs", |build, call| plain(build, call, math::abs())),
    ("Acos", |build, call| plain(build, call, math::acos())),
    ("Acosh", |build, call| plain(build, call, math::acosh())),
    ("Asin", |build, call| plain(build, call, math::asin())),
    ("Asinh", |build, call| plain(build, call, math::asinh())),
    ("Atan", |build, call| plain(build, call, math::atan())),
    ("Atanh", |build, call| plain(build, call, math::atanh())),
    ("Ceil", |build, call| plain(build, call, math::ceil())),
    ("Cos", |build, call| plain(build, call, math::cos())),
    ("Cosh", |build, call| plain(build, call, math::cosh())),
    ("Elu", |build, call| plain(build, call, Kernel::Elu.op())),
    ("Erf", erf),
    ("Erfc", erfc),
    ("Exp", |build, call| plain(build, call, math::exp())),
    ("Expm1", |build, call| plain(build, call, Kernel::Expm1.op())),
    ("Floor", |build, call| plain(build, call, math::floor())),
    ("Inv", |build, call| plain(build, call, math::recip())),
    ("IsFinite", is_finite),
    ("IsNan", |build, call| plain(build, call, math::is_nan())),
    ("LeakyRelu", |build, call| {
        let alpha = call.float("alpha", 0.2)?;
        plain(build, call, Kernel::LeakyRelu(alpha).op())
    }),
    ("Log", |build, call| plain(build, call, math::ln())),
    ("Log1p", |build, call| plain(build, call, Kernel::Log1p.op())),
    ("LogicalNot", |build, call| plain(build, call, logic::not())),
    ("Neg", |build, call| plain(build, call, math::neg())),
    ("Reciprocal", |build, call| plain(build, call, math::recip())),
    ("Relu", |build, call| plain(build, call, Kernel::Relu.op())),
    ("Relu6", |build, call| plain(build, call, Kernel::Relu6.op())),
    ("Rint", |build, call| plain(build, call, math::round_half_to_even())),
    ("Round", round),
    ("Rsqrt", |build, call| plain(build, call, math::rsqrt())),
    ("Selu", |build, call| plain(build, call, Kernel::Selu.op())),
    ("Sigmoid", sigmoid),
    ("Sign", |build, call| plain(build, call, math::sign())),
    ("Sin", |build, call| plain(build, call, math::sin())),
    ("Sinh", |build, call| plain(build, call, math::sinh())),
    ("Softplus", |build, call| plain(build, call, Kernel::Softplus.op())),
    ("Softsign", |build, call| plain(build, call, Kernel::Softsign.op())),
    ("Sqrt", |build, call| plain(build, call, math::sqrt())),
    ("Square", square),
    ("Tan", |build, call| plain(build, call, math::tan())),
    ("Tanh", |build, call| plain(build, call, math::tanh())),
];

fn plain(build: &mut Build<'_>, call: &Call<'_>, op: impl Into<Box<dyn TypedOp>>) -> Result<Vec<Value>, Reason> {
    let [x] = call.exactly()?;
    one(build.wire(op, &[x])?)
}

/// tract's is of 32 bits; wider ones are computed as they are written.
fn sigmoid(build: &mut Build<'_>, call: &Call<'_>) -> Result<Vec<Value>, Reason> {
    let [x] = call.exactly()?;
    let narrow = build.datum(x)? == DatumType::F32;
    one(if narrow { build.wire(nn::sigmoid(), &[x])? } else { build.wire(Kernel::Sigmoid.op(), &[x])? })
}

fn round(build: &mut Build<'_>, call: &Call<'_>) -> Result<Vec<Value>, Reason> {
    let [x] = call.exactly()?;
    one(if build.datum(x)?.is_float() { build.wire(math::round_half_to_even(), &[x])? } else { x })
}

/// A square of integers is a product; of floats, a function of its own.
fn square(build: &mut Build<'_>, call: &Call<'_>) -> Result<Vec<Value>, Reason> {
    let [x] = call.exactly()?;
    one(if build.datum(x)?.is_float() { build.wire(math::square(), &[x])? } else { build.wire(math::mul(), &[x, x])? })
}

fn single(build: &Build<'_>, call: &Call<'_>) -> Result<(), Reason> {
    let datum = build.datum(call.tensor(0)?)?;
    if matches!(datum, DatumType::F32 | DatumType::F16) {
        Ok(())
    } else {
        Err(format!("32-bit floats are expected, these are {datum:?}").into())
    }
}

fn erf(build: &mut Build<'_>, call: &Call<'_>) -> Result<Vec<Value>, Reason> {
    single(build, call)?;
    plain(build, call, math::erf())
}

/// 1 - erf loses all digits where erf is close to 1, which is where its complement is asked for.
fn erfc(build: &mut Build<'_>, call: &Call<'_>) -> Result<Vec<Value>, Reason> {
    let datum = build.datum(call.tensor(0)?)?;
    if datum != DatumType::F32 {
        return Err(format!("32-bit floats are expected, these are {datum:?}").into());
    }
    plain(build, call, Kernel::Erfc.op())
}

fn is_finite(build: &mut Build<'_>, call: &Call<'_>) -> Result<Vec<Value>, Reason> {
    let [x] = call.exactly()?;
    let number = build.wire(Kernel::IsFinite.op(), &[x])?;
    one(build.cast(number, DatumType::Bool)?)
}
