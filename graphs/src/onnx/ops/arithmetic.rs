//! Celu in all float types, CumProd, Det.

use tract_core::internal::*;
use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;

use super::own::{Built, Kernel, axis, f64s, i64s, own, tensor};

/// Celu.
#[derive(Debug, Clone)]
struct Celu {
    alpha: f64,
}

pub(super) fn celu(_context: &ParsingContext<'_>, node: &NodeProto) -> Built {
    own(Celu { alpha: node.get_attr_opt::<f32>("alpha")?.unwrap_or(1.0).into() })
}

impl Kernel for Celu {
    fn name(&self) -> &'static str {
        "Celu"
    }

    fn facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        ensure!(inputs.len() == 1 && inputs[0].datum_type.is_float(), "Celu takes one tensor of floats");
        Ok(tvec!(inputs[0].datum_type.fact(inputs[0].shape.clone())))
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<Tensor>> {
        let one = |x: f64| if x > 0.0 { x } else { self.alpha * (x / self.alpha).exp_m1() };
        let values: Vec<f64> = f64s(&inputs[0])?.into_iter().map(one).collect();
        Ok(tvec!(tensor(inputs[0].datum_type(), inputs[0].shape(), &values)?))
    }
}

/// CumProd.
#[derive(Debug, Clone)]
struct CumProd {
    exclusive: bool,
    reverse: bool,
}

pub(super) fn cum_prod(_context: &ParsingContext<'_>, node: &NodeProto) -> Built {
    let flag = |name: &str| Ok::<_, TractError>(node.get_attr_opt::<i64>(name)?.unwrap_or(0) != 0);
    own(CumProd { exclusive: flag("exclusive")?, reverse: flag("reverse")? })
}

impl CumProd {
    fn along<T: Copy>(&self, values: &mut [T], (size, inner): (usize, usize), one: T, product: impl Fn(T, T) -> T) {
        for block in values.chunks_mut((size * inner).max(1)) {
            for at in 0..inner {
                let mut running = one;
                for step in 0..size {
                    let step = if self.reverse { size - 1 - step } else { step };
                    let value = block[step * inner + at];
                    let with = product(running, value);
                    block[step * inner + at] = if self.exclusive { running } else { with };
                    running = with;
                }
            }
        }
    }
}

impl Kernel for CumProd {
    fn name(&self) -> &'static str {
        "CumProd"
    }

    fn facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        ensure!(inputs.len() == 2, "CumProd takes two inputs, {} came", inputs.len());
        Ok(tvec!(inputs[0].datum_type.fact(inputs[0].shape.clone())))
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<Tensor>> {
        let (shape, datum) = (inputs[0].shape(), inputs[0].datum_type());
        let at = axis(i64s(&inputs[1])?.first().copied().context("the axis is missing")?, shape.len())?;
        let size = (shape[at], shape[at + 1..].iter().product());
        if datum.is_float() {
            let mut values = f64s(&inputs[0])?;
            self.along(&mut values, size, 1.0, |a, b| a * b);
            return Ok(tvec!(tensor(datum, shape, &values)?));
        }
        let mut values = i64s(&inputs[0])?;
        self.along(&mut values, size, 1, i64::wrapping_mul);
        Ok(tvec!(Tensor::from_shape(shape, &values)?.cast_to_dt(datum)?.into_owned()))
    }
}

/// Det: of the last two dimensions.
#[derive(Debug, Clone)]
struct Det;

pub(super) fn det(_context: &ParsingContext<'_>, _node: &NodeProto) -> Built {
    own(Det)
}

impl Kernel for Det {
    fn name(&self) -> &'static str {
        "Det"
    }

    fn facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        ensure!(inputs.len() == 1 && inputs[0].rank() >= 2 && inputs[0].datum_type.is_float(), "Det takes matrices of floats");
        let (outer, square) = inputs[0].shape.split_at(inputs[0].rank() - 2);
        ensure!(square[0] == square[1], "Det takes square matrices");
        Ok(tvec!(inputs[0].datum_type.fact(outer)))
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<Tensor>> {
        let shape = inputs[0].shape();
        let (outer, square) = shape.split_at(shape.len() - 2);
        let n = square[0];
        let mut values = f64s(&inputs[0])?;
        let count: usize = outer.iter().product();
        let found: Vec<f64> = (0..count).map(|at| determinant(&mut values[at * n * n..(at + 1) * n * n], n)).collect();
        Ok(tvec!(tensor(inputs[0].datum_type(), outer, &found)?))
    }
}

/// By elimination with the largest pivot of each column.
fn determinant(matrix: &mut [f64], n: usize) -> f64 {
    let mut product = 1.0;
    for column in 0..n {
        let largest =
            (column..n).max_by(|a, b| matrix[a * n + column].abs().total_cmp(&matrix[b * n + column].abs())).unwrap_or(column);
        if largest != column {
            (0..n).for_each(|at| matrix.swap(column * n + at, largest * n + at));
            product = -product;
        }
        let pivot = matrix[column * n + column];
        product *= pivot;
        if pivot == 0.0 {
            return product;
        }
        for row in column + 1..n {
            let factor = matrix[row * n + column] / pivot;
            (column..n).for_each(|at| matrix[row * n + at] -= factor * matrix[column * n + at]);
        }
    }
    product
}
