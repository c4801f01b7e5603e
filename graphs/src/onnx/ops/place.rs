//! Operators that move values: OneHot, ReverseSequence, SpaceToDepth, CenterCropPad.

use tract_core::internal::*;
use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;

use super::own::{Built, Kernel, axis, constant, coordinates, gathered, i64s, number, own};

/// OneHot: an index outside of the depth lights nothing.
#[derive(Debug, Clone)]
struct OneHot {
    axis: i64,
}

pub(super) fn one_hot(_context: &ParsingContext<'_>, node: &NodeProto) -> Built {
    own(OneHot { axis: node.get_attr_opt("axis")?.unwrap_or(-1) })
}

impl Kernel for OneHot {
    fn name(&self) -> &'static str {
        "OneHot"
    }

    fn facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        ensure!(inputs.len() == 3, "OneHot takes three inputs, {} came", inputs.len());
        let depth = constant(inputs[1], "the depth of OneHot")?;
        let depth =
            depth.first().and_then(|depth| usize::try_from(*depth).ok()).context("the depth of OneHot is a number of values")?;
        let mut shape = inputs[0].shape.to_tvec();
        let at = axis(self.axis, shape.len() + 1)?;
        shape.insert(at, depth.to_dim());
        Ok(tvec!(inputs[2].datum_type.fact(shape)))
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<Tensor>> {
        let indices = i64s(&inputs[0])?;
        let depth = i64s(&inputs[1])?.first().copied().context("the depth of OneHot is missing")?;
        let mut shape: TVec<usize> = inputs[0].shape().into();
        let at = axis(self.axis, shape.len() + 1)?;
        shape.insert(at, usize::try_from(depth)?);
        let inner: usize = shape[at + 1..].iter().product();
        let lit = |place: usize| {
            let (class, rest) = (place / inner % shape[at], place / inner / shape[at] * inner + place % inner);
            let index = if indices[rest] < 0 { indices[rest] + depth } else { indices[rest] };
            Some(usize::from(index == class as i64))
        };
        let from: Vec<_> = (0..shape.iter().product::<usize>()).map(lit).collect();
        Ok(tvec!(gathered(&inputs[2], &shape, &from)?))
    }
}

/// ReverseSequence.
#[derive(Debug, Clone)]
struct Reverse {
    batch: usize,
    time: usize,
}

pub(super) fn reverse(_context: &ParsingContext<'_>, node: &NodeProto) -> Built {
    let batch = node.get_attr_opt("batch_axis")?.unwrap_or(1);
    let time = node.get_attr_opt("time_axis")?.unwrap_or(0);
    ensure!(batch < 2 && time < 2 && batch != time, "batch and time are the first two dimensions");
    own(Reverse { batch, time })
}

impl Kernel for Reverse {
    fn name(&self) -> &'static str {
        "ReverseSequence"
    }

    fn facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        ensure!(inputs.len() == 2 && inputs[0].rank() >= 2, "ReverseSequence takes sequences and their lengths");
        Ok(tvec!(inputs[0].datum_type.fact(inputs[0].shape.clone())))
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<Tensor>> {
        let (shape, lens) = (inputs[0].shape(), i64s(&inputs[1])?);
        ensure!(lens.len() == shape[self.batch], "{} lengths for {} sequences", lens.len(), shape[self.batch]);
        let from = coordinates(shape).map(|mut place| {
            let len = usize::try_from(lens[place[self.batch]]).unwrap_or(0).min(shape[self.time]);
            if place[self.time] < len {
                place[self.time] = len - 1 - place[self.time];
            }
            Some(number(&place, shape))
        });
        Ok(tvec!(gathered(&inputs[0], shape, &from.collect::<Vec<_>>())?))
    }
}

/// SpaceToDepth, in both orders of the depth.
#[derive(Debug, Clone)]
struct SpaceToDepth {
    block: usize,
    /// The channel is the slowest.
    channel_first: bool,
}

pub(super) fn space_to_depth(_context: &ParsingContext<'_>, node: &NodeProto) -> Built {
    let channel_first = match node.get_attr_opt::<&str>("mode")?.unwrap_or("DCR") {
        "DCR" => false,
        "CRD" => true,
        other => bail!("mode is DCR or CRD, not {other}"),
    };
    let block = node.get_attr("blocksize")?;
    ensure!(block > 0, "blocksize is at least one");
    own(SpaceToDepth { block, channel_first })
}

impl Kernel for SpaceToDepth {
    fn name(&self) -> &'static str {
        "SpaceToDepth"
    }

    fn facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        ensure!(inputs.len() == 1 && inputs[0].rank() == 4, "SpaceToDepth takes one tensor of four dimensions");
        let shape = &inputs[0].shape;
        let b = self.block;
        let inner = |dim: &TDim| -> TractResult<usize> {
            let size = dim.to_usize()?;
            ensure!(size % b == 0, "blocks of {b} do not fit in {size}");
            Ok(size / b)
        };
        let sizes = tvec!(shape[0].clone(), shape[1].clone() * (b * b), inner(&shape[2])?.to_dim(), inner(&shape[3])?.to_dim());
        Ok(tvec!(inputs[0].datum_type.fact(sizes)))
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<Tensor>> {
        let [n, c, h, w] = *inputs[0].shape() else { bail!("SpaceToDepth takes four dimensions") };
        let b = self.block;
        let shape = [n, c * b * b, h / b, w / b];
        let from = coordinates(&shape).map(|place| {
            let (channel, row, column) = if self.channel_first {
                (place[1] / (b * b), place[1] / b % b, place[1] % b)
            } else {
                (place[1] % c, place[1] / c / b, place[1] / c % b)
            };
            Some(number(&[place[0], channel, place[2] * b + row, place[3] * b + column], &[n, c, h, w]))
        });
        Ok(tvec!(gathered(&inputs[0], &shape, &from.collect::<Vec<_>>())?))
    }
}

/// CenterCropPad: what is too large is cropped on both sides, what is too small is padded with zeros.
#[derive(Debug, Clone)]
struct Center {
    axes: Option<Vec<i64>>,
}

pub(super) fn center(_context: &ParsingContext<'_>, node: &NodeProto) -> Built {
    own(Center { axes: node.get_attr_opt_vec("axes")? })
}

impl Center {
    fn sizes(&self, rank: usize, wanted: &[i64]) -> TractResult<Vec<(usize, usize)>> {
        let axes = match &self.axes {
            Some(axes) => axes.iter().map(|at| axis(*at, rank)).collect::<TractResult<Vec<_>>>()?,
            None => (0..rank).collect(),
        };
        ensure!(axes.len() == wanted.len(), "{} sizes for {} axes", wanted.len(), axes.len());
        axes.into_iter().zip(wanted).map(|(at, size)| Ok((at, usize::try_from(*size)?))).collect()
    }
}

impl Kernel for Center {
    fn name(&self) -> &'static str {
        "CenterCropPad"
    }

    fn facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        ensure!(inputs.len() == 2, "CenterCropPad takes two inputs, {} came", inputs.len());
        let mut shape = inputs[0].shape.to_tvec();
        for (at, size) in self.sizes(shape.len(), &constant(inputs[1], "the shape of CenterCropPad")?)? {
            shape[at] = size.to_dim();
        }
        Ok(tvec!(inputs[0].datum_type.fact(shape)))
    }

    fn run(&self, inputs: &[TValue]) -> TractResult<TVec<Tensor>> {
        let old = inputs[0].shape();
        let mut shape: TVec<usize> = old.into();
        for (at, size) in self.sizes(old.len(), &i64s(&inputs[1])?)? {
            shape[at] = size;
        }
        let from = coordinates(&shape).map(|mut place| {
            for ((place, new), old) in place.iter_mut().zip(&shape).zip(old) {
                let (new, old) = (*new, *old);
                let moved = if new > old { place.checked_sub((new - old) / 2)? } else { *place + (old - new) / 2 };
                *place = Some(moved).filter(|at| *at < old)?;
            }
            Some(number(&place, old))
        });
        Ok(tvec!(gathered(&inputs[0], &shape, &from.collect::<Vec<_>>())?))
    }
}
