//! `1 / (1 + exp(-x))`, with a relative error of a few units in the last place over all numbers.

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
        "ExactSigmoid".to_owned()
    }

    fn eval_in_place(&self, tensor: &mut Tensor, _datum: Option<DatumType>) -> TractResult<()> {
        let datum = tensor.datum_type();
        let mut plain = tensor.try_as_plain_ram_mut()?;
        match datum {
            DatumType::F32 => sigmoid(plain.as_slice_mut::<f32>()?),
            DatumType::F16 => {
                let mut wide = [0f32; BLOCK];
                for block in plain.as_slice_mut::<f16>()?.chunks_mut(BLOCK) {
                    let wide = &mut wide[..block.len()];
                    wide.iter_mut().zip(block.iter()).for_each(|(wide, x)| *wide = x.to_f32());
                    sigmoid(wide)?;
                    block.iter_mut().zip(wide.iter()).for_each(|(x, wide)| *x = f16::from_f32(*wide));
                }
                Ok(())
            }
            DatumType::F64 => {
                plain.as_slice_mut::<f64>()?.iter_mut().for_each(|x| *x = one(*x));
                Ok(())
            }
            other => bail!("a sigmoid of {other:?} is not defined"),
        }
    }
}

/// `exp(-|x|)` is at most one, so neither tail overflows, and the smaller of both sides keeps all its digits.
fn one(x: f64) -> f64 {
    let e = (-x.abs()).exp();
    if x < 0.0 { e / (1.0 + e) } else { 1.0 / (1.0 + e) }
}

/// The sigmoid of each value.
pub(crate) fn sigmoid(values: &mut [f32]) -> TractResult<()> {
    let exp = Func::Exp.ew_f32()?;
    let mut powers = [0f32; BLOCK];
    for block in values.chunks_mut(BLOCK) {
        let powers = &mut powers[..block.len()];
        powers.iter_mut().zip(block.iter()).for_each(|(e, x)| *e = -x.abs());
        exp.run(powers)?;
        for (x, e) in block.iter_mut().zip(powers.iter()) {
            let upper = if *x < 0.0 { *e } else { 1.0 };
            *x = upper / (1.0 + *e);
        }
    }
    Ok(())
}
