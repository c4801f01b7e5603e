//! tract's tanh is accurate to 1e-6 everywhere, but some of its kernels answer a number for NaN, which stands for a missing value.

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
        "ExactTanh".to_owned()
    }

    fn eval_in_place(&self, tensor: &mut Tensor, _datum: Option<DatumType>) -> TractResult<()> {
        let datum = tensor.datum_type();
        let mut plain = tensor.try_as_plain_ram_mut()?;
        match datum {
            DatumType::F32 => tanh(plain.as_slice_mut::<f32>()?),
            DatumType::F16 => {
                plain.as_slice_mut::<f16>()?.iter_mut().for_each(|x| *x = f16::from_f32(x.to_f32().tanh()));
                Ok(())
            }
            DatumType::F64 => {
                plain.as_slice_mut::<f64>()?.iter_mut().for_each(|x| *x = x.tanh());
                Ok(())
            }
            other => bail!("a hyperbolic tangent of {other:?} is not defined"),
        }
    }
}

/// The hyperbolic tangent of each value.
pub(crate) fn tanh(values: &mut [f32]) -> TractResult<()> {
    let kernel = Func::Tanh.ew_f32()?;
    let mut made = [0f32; BLOCK];
    for block in values.chunks_mut(BLOCK) {
        let made = &mut made[..block.len()];
        made.copy_from_slice(block);
        kernel.run(made)?;
        block.iter_mut().zip(made.iter()).for_each(|(x, made)| *x = if x.is_nan() { *x } else { *made });
    }
    Ok(())
}
