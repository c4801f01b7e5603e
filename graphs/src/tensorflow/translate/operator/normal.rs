//! Normalisation: batch norm as it is at inference, softmax.

use tract_core::internal::{AxisOp, OutletId};
use tract_core::ops::math;
use tract_core::ops::nn::{Softmax, SoftmaxKind};

use super::super::build::Build;
use super::super::call::{Call, Reason};
use super::super::value::Value;
use super::arithmetic::scalar;
use super::{Operator, one};

pub(super) const LIST: &[(&str, Operator)] = &[
    ("FusedBatchNorm", batch),
    ("FusedBatchNormV2", batch),
    ("FusedBatchNormV3", batch),
    ("LogSoftmax", |build, call| softmax(build, call, SoftmaxKind::LogSoftmax)),
    ("Softmax", |build, call| softmax(build, call, SoftmaxKind::Softmax)),
];

fn batch(build: &mut Build<'_>, call: &Call<'_>) -> Result<Vec<Value>, Reason> {
    if call.flag("is_training", true)? {
        return Err("it normalises by the rows that come together (is_training): export the model for inference".into());
    }
    let [x, scale, offset, mean, variance] = call.exactly()?;
    let datum = build.datum(scale)?;
    let epsilon = scalar(build, f64::from(call.float("epsilon", 1e-4)?), datum, 1)?;
    let spread = build.wire(math::add(), &[variance, epsilon])?;
    let inverse = build.wire(math::rsqrt(), &[spread])?;
    let slope = build.wire(math::mul(), &[scale, inverse])?;
    let moved = build.wire(math::mul(), &[mean, slope])?;
    let start = build.wire(math::sub(), &[offset, moved])?;
    let channels_first = call.text("data_format", "NHWC")?.starts_with("NC");
    let slope = along(build, slope, x, channels_first)?;
    let start = along(build, start, x, channels_first)?;
    let scaled = build.wire(math::mul(), &[x, slope])?;
    let y = build.wire(math::add(), &[scaled, start])?;
    Ok(vec![Value::Tensor(y), Value::Tensor(mean), Value::Tensor(variance), Value::Nothing, Value::Nothing, Value::Nothing])
}

/// One value a channel, shaped so that it meets the channels of `x`.
fn along(build: &mut Build<'_>, value: OutletId, x: OutletId, channels_first: bool) -> Result<OutletId, Reason> {
    let rank = build.rank(x)?;
    let mut value = value;
    if channels_first {
        for _ in 2..rank {
            value = build.wire(AxisOp::Add(1), &[value])?;
        }
    }
    let own = build.rank(value)?;
    let missing = rank.checked_sub(own).ok_or("it has fewer dimensions than channels need")?;
    let value = build.deepened(value, missing)?;
    build.cast(value, build.datum(x)?)
}

fn softmax(build: &mut Build<'_>, call: &Call<'_>, kind: SoftmaxKind) -> Result<Vec<Value>, Reason> {
    let [x] = call.exactly()?;
    let axis = build.axis(-1, build.rank(x)?)?;
    build.within_rows(x, axis, "normalises")?;
    let axes = [axis].into_iter().collect();
    one(build.wire(Softmax { axes, quant_output_dt: None, kind }, &[x])?)
}
