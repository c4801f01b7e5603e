//! The error function, with a relative error below 1e-6 over all numbers.

use tract_core::internal::tract_data::prelude::{DatumType, Tensor};
use tract_core::internal::{TractResult, bail};
use tract_core::ops::element_wise::ElementWiseMiniOp;
use tract_core::prelude::tract_data::half::f16;
use tract_linalg::routines::Func;

use super::BLOCK;

/// The operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Exact;

impl ElementWiseMiniOp for Exact {
    fn name(&self) -> String {
        "ExactErf".to_owned()
    }

    fn eval_in_place(&self, tensor: &mut Tensor, _datum: Option<DatumType>) -> TractResult<()> {
        let datum = tensor.datum_type();
        let mut plain = tensor.try_as_plain_ram_mut()?;
        match datum {
            DatumType::F32 => erf(plain.as_slice_mut::<f32>()?),
            DatumType::F16 => {
                let values = plain.as_slice_mut::<f16>()?;
                let mut wide: Vec<f32> = values.iter().map(|x| x.to_f32()).collect();
                erf(&mut wide)?;
                values.iter_mut().zip(&wide).for_each(|(x, wide)| *x = f16::from_f32(*wide));
                Ok(())
            }
            other => bail!("an error function of {other:?} is not there"),
        }
    }
}

/// Next to zero, `1 - erfc` would have no digits left: there the odd series of erf serves, over sqrt(pi)/2.
const SERIES: [f32; 8] = [1.0, -1.0 / 3.0, 1.0 / 10.0, -1.0 / 42.0, 1.0 / 216.0, -1.0 / 1320.0, 1.0 / 9360.0, -1.0 / 75600.0];

/// Where the series ends.
const NEAR: f32 = 0.75;

/// `ln(erfc(z) / t) + z^2` as a polynomial of `t = 1 / (1 + z / 2)`: the Chebyshev fit of Numerical Recipes in C, 6.2, whose relative error is
/// below 1.2e-7.
const TAIL: [f32; 10] = [
    -1.265_512_2,
    1.000_023_7,
    0.374_091_96,
    0.096_784_18,
    -0.186_288_06,
    0.278_868_07,
    -1.135_204,
    1.488_515_9,
    -0.822_152_23,
    0.170_872_77,
];

/// The error function of each value.
pub(crate) fn erf(values: &mut [f32]) -> TractResult<()> {
    let exp = Func::Exp.ew_f32()?;
    let mut tails = [0f32; BLOCK];
    for block in values.chunks_mut(BLOCK) {
        let tails = &mut tails[..block.len()];
        for (tail, x) in tails.iter_mut().zip(block.iter()) {
            let z = x.abs();
            *tail = horner(&TAIL, scale(z)) - z * z;
        }
        exp.run(tails)?;
        for (x, tail) in block.iter_mut().zip(tails.iter()) {
            let z = x.abs();
            let near = z * horner(&SERIES, z * z) * std::f32::consts::FRAC_2_SQRT_PI;
            let far = 1.0 - scale(z) * tail;
            // The comparison is false for NaN, which then comes out of `far`.
            *x = if z < NEAR { near } else { far }.copysign(*x);
        }
    }
    Ok(())
}

#[inline(always)]
fn scale(z: f32) -> f32 {
    1.0 / (1.0 + 0.5 * z)
}

/// Of a known length, so that it is written out and done for several values at once.
#[inline(always)]
fn horner<const N: usize>(coefficients: &[f32; N], x: f32) -> f32 {
    coefficients.iter().rev().fold(0.0, |sum, coefficient| sum * x + coefficient)
}
