//! The activations of recurrent networks, by name.

use tract_core::internal::{TractResult, bail};

use crate::exact;

/// One activation with its parameters.
#[derive(Debug, Clone, Copy)]
pub(super) enum Activation {
    Sigmoid,
    Tanh,
    Relu,
    Softsign,
    Softplus,
    Affine(f32, f32),
    LeakyRelu(f32),
    ThresholdedRelu(f32),
    ScaledTanh(f32, f32),
    HardSigmoid(f32, f32),
    Elu(f32),
}

impl Activation {
    /// By name; those with parameters take the next of the node's list, or the defaults of the operators of the same names.
    pub(super) fn new(
        name: &str,
        alphas: &mut impl Iterator<Item = f32>,
        betas: &mut impl Iterator<Item = f32>,
    ) -> TractResult<Self> {
        let mut alpha = |default: f32| alphas.next().unwrap_or(default);
        Ok(match name.to_ascii_lowercase().as_str() {
            "sigmoid" => Self::Sigmoid,
            "tanh" => Self::Tanh,
            "relu" => Self::Relu,
            "softsign" => Self::Softsign,
            "softplus" => Self::Softplus,
            "affine" => Self::Affine(alpha(1.0), betas.next().unwrap_or(0.0)),
            "leakyrelu" => Self::LeakyRelu(alpha(0.01)),
            "thresholdedrelu" => Self::ThresholdedRelu(alpha(1.0)),
            "scaledtanh" => Self::ScaledTanh(alpha(1.0), betas.next().unwrap_or(1.0)),
            "hardsigmoid" => Self::HardSigmoid(alpha(0.2), betas.next().unwrap_or(0.5)),
            "elu" => Self::Elu(alpha(1.0)),
            _ => bail!("activation {name} is not known"),
        })
    }

    /// On each value.
    pub(super) fn apply(self, values: &mut [f32]) -> TractResult<()> {
        let mut each = |function: &dyn Fn(f32) -> f32| values.iter_mut().for_each(|value| *value = function(*value));
        match self {
            Self::Sigmoid => return exact::sigmoid(values),
            Self::Tanh => return exact::tanh(values),
            Self::Relu => each(&|x| x.max(0.0)),
            Self::Softsign => each(&|x| x / (1.0 + x.abs())),
            Self::Softplus => each(&|x| x.max(0.0) + (-x.abs()).exp().ln_1p()),
            Self::Affine(alpha, beta) => each(&|x| alpha * x + beta),
            Self::LeakyRelu(alpha) => each(&|x| if x < 0.0 { alpha * x } else { x }),
            Self::ThresholdedRelu(alpha) => each(&|x| if x > alpha { x } else { 0.0 }),
            Self::ScaledTanh(alpha, beta) => each(&|x| alpha * (beta * x).tanh()),
            Self::HardSigmoid(alpha, beta) => each(&|x| (alpha * x + beta).clamp(0.0, 1.0)),
            Self::Elu(alpha) => each(&|x| if x < 0.0 { alpha * x.exp_m1() } else { x }),
        }
        Ok(())
    }
}
