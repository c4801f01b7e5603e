//! LpPool: the p-norm of each window; places outside of the input count nothing.

use tract_core::internal::*;
use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;

use super::own::{Built, Kernel, coordinates, f64s, number, own, tensor};

#[derive(Debug, Clone)]
struct LpPool {
    p: f64,
    kernel: Vec<usize>,
    strides: Vec<usize>,
    dilations: Vec<usize>,
    pads: Vec<usize>,
    auto_pad: String,
    ceil: bool,
}

pub(super) fn lp_pool(_context: &ParsingContext<'_>, node: &NodeProto) -> Built {
    let kernel: Vec<usize> = node.get_attr_vec("kernel_shape")?;
    let sizes = |name: &str, count: usize, default: usize| -> TractResult<Vec<usize>> {
        let sizes = node.get_attr_opt_vec(name)?.unwrap_or_else(|| vec![default; count]);
        ensure!(sizes.len() == count, "{name} has {} values, {count} are expected", sizes.len());
        Ok(sizes)
    };
    let n = kernel.len();
    let pool = LpPool {
        p: node.get_attr_opt::<i64>("p")?.unwrap_or(2) as f64,
        strides: sizes("strides", n, 1)?,
        dilations: sizes("dilations", n, 1)?,
        pads: sizes("pads", 2 * n, 0)?,
        auto_pad: node.get_attr_opt::<String>("auto_pad")?.unwrap_or_else(|| "NOTSET".to_owned()),
        ceil: node.get_attr_opt::<i64>("ceil_mode")?.unwrap_or(0) != 0,
        kernel,
    };
    ensure!(
        pool.kernel.iter().chain(&pool.strides).chain(&pool.dilations).all(|size| *size > 0),
        "windows and strides are at least one"
    );
    // All are kept small enough that no sum of them overflows, and that a list of the places in a window has room.
    let all = pool.kernel.iter().chain(&pool.strides).chain(&pool.dilations).chain(&pool.pads);
    ensure!(all.copied().all(|size| size <= WINDOW_MAX), "windows, strides and pads are at most {WINDOW_MAX}");
    let places = pool.kernel.iter().try_fold(1usize, |product, size| product.checked_mul(*size));
    ensure!(places.is_some_and(|places| places <= WINDOW_MAX), "a window has at most {WINDOW_MAX} places");
    own(pool)
}

/// Size of a window, and of what is around it.
const WINDOW_MAX: usize = 1 << 20;

impl LpPool {
    /// The size of the output along one axis, and how many places lie before the input.
    fn along(&self, at: usize, size: usize) -> TractResult<(usize, usize)> {
        let n = self.kernel.len();
        let (window, stride) = ((self.kernel[at] - 1) * self.dilations[at] + 1, self.strides[at]);
        if let "SAME_UPPER" | "SAME_LOWER" = self.auto_pad.as_str() {
            let made = size.div_ceil(stride);
            let pad = ((made.max(1) - 1) * stride + window).saturating_sub(size);
            let before = if self.auto_pad == "SAME_LOWER" { pad.div_ceil(2) } else { pad / 2 };
            return Ok((made, before));
        }
        let (before, after) = if self.auto_pad == "VALID" { (0, 0) } else { (self.pads[at], self.pads[n + at]) };
        let room =
            (size + before + after).checked_sub(window).with_context(|| format!("a window of {window} in {size} values"))?;
        let mut made = if self.ceil { room.div_ceil(stride) } else { room / stride } + 1;
        // A window that begins after the input has nothing in it.
        if self.ceil && (made - 1) * stride >= size + before {
            made -= 1;
        }
        Ok((made, before))
    }
}

impl Kernel for LpPool {
    fn name(&self) -> &'static str {
        "LpPool"
    }

    fn facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        ensure!(inputs.len() == 1 && inputs[0].datum_type.is_float(), "LpPool takes one tensor of floats");
        ensure!(inputs[0].rank() == self.kernel.len() + 2, "LpPool takes {} dimensions", self.kernel.len() + 2);
        let mut shape = inputs[0].shape.to_tvec();
        for at in 0..self.kernel.len() {
            shape[at + 2] = self.along(at, shape[at + 2].to_usize()?)?.0.to_dim();
        }
        Ok(tvec!(inputs[0].datum_type.fact(shape)))
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<Tensor>> {
        let (old, values) = (inputs[0].shape(), f64s(&inputs[0])?);
        let mut shape: TVec<usize> = old.into();
        let mut before = vec![0; self.kernel.len()];
        for at in 0..self.kernel.len() {
            (shape[at + 2], before[at]) = self.along(at, old[at + 2])?;
        }
        let windows: Vec<Vec<usize>> = coordinates(&self.kernel).collect();
        let norm = |place: Vec<usize>| {
            let inside = windows.iter().filter_map(|offset| {
                let mut from = place.clone();
                for at in 0..offset.len() {
                    let moved = place[at + 2] * self.strides[at] + offset[at] * self.dilations[at];
                    from[at + 2] = moved.checked_sub(before[at]).filter(|moved| *moved < old[at + 2])?;
                }
                Some(values[number(&from, old)].abs().powf(self.p))
            });
            inside.sum::<f64>().powf(1.0 / self.p)
        };
        let made: Vec<f64> = coordinates(&shape).map(norm).collect();
        Ok(tvec!(tensor(inputs[0].datum_type(), &shape, &made)?))
    }
}
