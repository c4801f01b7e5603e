//! Functions of one value that tract has not, or has otherwise: where TensorFlow gives NaN for NaN, so do these. A missing feature is
//! NaN here, and an answer that looks like a number must not come of it unnoticed.

use tract_core::internal::{DatumType, ElementWiseMiniOp, Tensor, TractResult, bail, f16, tract_num_traits::Float};
use tract_core::ops::element_wise::ElementWiseOp;

/// A function of one value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Kernel {
    Relu,
    Relu6,
    LeakyRelu(f32),
    Elu,
    Selu,
    Softplus,
    Softsign,
    Sigmoid,
    Expm1,
    Log1p,
    IsFinite,
    Erfc,
}

impl Eq for Kernel {}

impl Kernel {
    /// As an operator of the engine's.
    pub(super) fn op(self) -> ElementWiseOp {
        ElementWiseOp(Box::new(self), None)
    }
}

impl ElementWiseMiniOp for Kernel {
    fn name(&self) -> String {
        format!("TensorFlow{self:?}")
    }

    fn eval_in_place(&self, tensor: &mut Tensor, _: Option<DatumType>) -> TractResult<()> {
        match tensor.datum_type() {
            DatumType::F32 => run(*self, tensor.try_as_plain_ram_mut()?.as_slice_mut::<f32>()?),
            DatumType::F64 => run(*self, tensor.try_as_plain_ram_mut()?.as_slice_mut::<f64>()?),
            DatumType::F16 => {
                for half in tensor.try_as_plain_ram_mut()?.as_slice_mut::<f16>()? {
                    let mut wide = [half.to_f32()];
                    run(*self, &mut wide);
                    *half = f16::from_f32(wide[0]);
                }
            }
            other => bail!("floats are expected, these are {other:?}"),
        }
        Ok(())
    }
}

fn run<T: Float>(kernel: Kernel, values: &mut [T]) {
    let (zero, one) = (T::zero(), T::one());
    let number = |value: f64| T::from(value).unwrap_or_else(T::nan);
    match kernel {
        Kernel::Relu => each(values, |x| if x < zero { zero } else { x }),
        Kernel::Relu6 => {
            let six = number(6.0);
            each(values, |x| {
                if x < zero {
                    zero
                } else if x > six {
                    six
                } else {
                    x
                }
            });
        }
        Kernel::LeakyRelu(alpha) => {
            let alpha = number(f64::from(alpha));
            each(values, |x| if x < zero { x * alpha } else { x });
        }
        Kernel::Elu => each(values, |x| if x < zero { x.exp_m1() } else { x }),
        Kernel::Selu => {
            let (scale, scaled_alpha) = (number(1.050_700_987_355_480_5), number(1.758_099_340_847_376_6));
            each(values, |x| if x < zero { scaled_alpha * x.exp_m1() } else { scale * x });
        }
        Kernel::Softplus => each(values, |x| (if x > zero { x } else { zero }) + (-x.abs()).exp().ln_1p()),
        Kernel::Softsign => each(values, |x| x / (one + x.abs())),
        Kernel::Sigmoid => each(values, |x| if x < zero { x.exp() / (one + x.exp()) } else { one / (one + (-x).exp()) }),
        Kernel::Expm1 => each(values, T::exp_m1),
        Kernel::Log1p => each(values, T::ln_1p),
        Kernel::IsFinite => each(values, |x| if x.is_finite() { one } else { zero }),
        Kernel::Erfc => each(values, |x| number(erfc(x.to_f64().unwrap_or(f64::NAN)))),
    }
}

fn each<T: Float>(values: &mut [T], function: impl Fn(T) -> T) {
    for value in values {
        *value = function(*value);
    }
}

/// The complement of the error function, with a relative error below 1.2e-7 everywhere: Numerical Recipes in C, 2nd edition, 6.2.
fn erfc(x: f64) -> f64 {
    const TERMS: [f64; 10] = [
        -1.265_512_23,
        1.000_023_68,
        0.374_091_96,
        0.096_784_18,
        -0.186_288_06,
        0.278_868_07,
        -1.135_203_98,
        1.488_515_87,
        -0.822_152_23,
        0.170_872_77,
    ];
    let z = x.abs();
    let t = 1.0 / (1.0 + 0.5 * z);
    let series = TERMS.iter().rev().fold(0.0, |sum, term| sum * t + term);
    let tail = t * (series - z * z).exp();
    if x < 0.0 { 2.0 - tail } else { tail }
}
