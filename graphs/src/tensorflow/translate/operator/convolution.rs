//! Convolutions and pools.

use tract_core::internal::{DatumType, OutletId, TDim, TVec, Tensor};
use tract_core::ops::cnn::{Conv, Deconv, KernelFormat, MaxPool, PaddingSpec, PoolSpec, SumPool};
use tract_core::ops::nn::DataFormat;

use super::super::build::Build;
use super::super::call::{Call, Reason};
use super::super::value::Value;
use super::shape::{reshaped, transposed};
use super::{Operator, one};

pub(super) const LIST: &[(&str, Operator)] = &[
    ("AvgPool", average),
    ("AvgPool3D", average),
    ("Conv2D", convolve),
    ("Conv2DBackpropInput", transposed_convolution),
    ("Conv3D", convolve),
    ("DepthwiseConv2dNative", depthwise),
    ("MaxPool", largest),
    ("MaxPool3D", largest),
];

/// Sizes and dimensions that all of them share.
struct Geometry {
    format: DataFormat,
    /// Spatial dimensions.
    rank: usize,
    channels: usize,
}

fn geometry(build: &Build<'_>, call: &Call<'_>, x: OutletId) -> Result<Geometry, Reason> {
    let shape = build.shape(x)?;
    let rank = shape.len().checked_sub(2).filter(|rank| (1..=3).contains(rank)).ok_or("three to five dimensions are expected")?;
    let first = call.text("data_format", if rank == 3 { "NDHWC" } else { "NHWC" })?.starts_with("NC");
    let channels = shape
        .get(if first { 1 } else { rank + 1 })
        .and_then(tract_core::prelude::TDim::as_i64)
        .and_then(|dim| usize::try_from(dim).ok());
    let channels = channels.ok_or("the number of channels has to be known")?;
    let spatial = shape.iter().skip(if first { 2 } else { 1 }).take(rank);
    if spatial.into_iter().any(|dim| dim.as_i64().is_none_or(|dim| dim < 1)) {
        return Err(format!("the size of a picture has to be known, the shape is {shape:?}").into());
    }
    let floats = matches!(build.datum(x)?, DatumType::F32 | DatumType::F64 | DatumType::F16);
    if !floats {
        return Err(format!("floats are expected, these are {:?}", build.datum(x)?).into());
    }
    Ok(Geometry { format: if first { DataFormat::NCHW } else { DataFormat::NHWC }, rank, channels })
}

impl Geometry {
    fn first(&self) -> bool {
        self.format == DataFormat::NCHW
    }

    /// The spatial part of an attribute with a number for every dimension.
    fn spatial(&self, call: &Call<'_>, name: &str) -> Result<TVec<usize>, Reason> {
        let given = call.ints(name)?;
        if given.is_empty() {
            return Ok(std::iter::repeat_n(1, self.rank).collect());
        }
        let skip = if self.first() { 2 } else { 1 };
        let numbers: Option<TVec<usize>> = given
            .iter()
            .skip(skip)
            .take(self.rank)
            .map(|number| usize::try_from(*number).ok().filter(|number| (1..=1 << 20).contains(number)))
            .collect();
        let others = given.iter().enumerate().filter(|(at, _)| *at < skip || *at >= skip + self.rank);
        let plain = given.len() == self.rank + 2 && others.into_iter().all(|(_, number)| *number == 1);
        numbers
            .filter(|_| plain)
            .ok_or_else(|| format!("attribute `{name}` is {given:?}: rows and channels have to have 1").into())
    }

    fn padding(&self, call: &Call<'_>) -> Result<PaddingSpec, Reason> {
        match call.text("padding", "")?.as_str() {
            "VALID" => Ok(PaddingSpec::Valid),
            "SAME" => Ok(PaddingSpec::SameUpper),
            "EXPLICIT" => {
                let given = call.ints("explicit_paddings")?;
                let skip = if self.first() { 2 } else { 1 };
                let numbers: Option<Vec<usize>> =
                    given.iter().map(|number| usize::try_from(*number).ok().filter(|number| *number <= 1 << 20)).collect();
                let numbers = numbers.filter(|numbers| numbers.len() == 2 * (self.rank + 2));
                let numbers = numbers.ok_or_else(|| format!("attribute `explicit_paddings` is {given:?}"))?;
                let side = |at: usize| {
                    numbers.chunks_exact(2).skip(skip).take(self.rank).filter_map(|pair| pair.get(at).copied()).collect()
                };
                Ok(PaddingSpec::Explicit(side(0), side(1)))
            }
            other => Err(format!("attribute `padding` is {other:?}").into()),
        }
    }
}

/// A kernel's dimensions, which have to be known.
fn kernel_shape(build: &Build<'_>, kernel: OutletId, rank: usize) -> Result<Vec<usize>, Reason> {
    let shape = build.shape(kernel)?;
    let known: Option<Vec<usize>> = shape.iter().map(|dim| usize::try_from(dim.as_i64()?).ok().filter(|dim| *dim > 0)).collect();
    known
        .filter(|known| known.len() == rank + 2)
        .ok_or_else(|| format!("a kernel of {} dimensions is expected, it is {shape:?}", rank + 2).into())
}

fn wire(build: &mut Build<'_>, call: &Call<'_>, geometry: &Geometry, kernel: OutletId, group: usize) -> Result<OutletId, Reason> {
    let x = call.tensor(0)?;
    let shape = kernel_shape(build, kernel, geometry.rank)?;
    let (spatial, own) = shape.split_at(geometry.rank);
    let [_, outputs] = own else { return Err("a kernel with input and output channels is expected".into()) };
    let pool_spec = PoolSpec {
        data_format: geometry.format,
        kernel_shape: spatial.iter().copied().collect(),
        padding: geometry.padding(call)?,
        dilations: Some(geometry.spatial(call, "dilations")?),
        strides: Some(geometry.spatial(call, "strides")?),
        input_channels: geometry.channels,
        output_channels: outputs.checked_mul(group).ok_or("too many channels")?,
    };
    let bias = build.constant(Tensor::zero_scalar_dt(build.datum(x)?)?)?;
    build.wire(Conv { pool_spec, kernel_fmt: KernelFormat::HWIO, group, q_params: None }, &[x, kernel, bias])
}

fn convolve(build: &mut Build<'_>, call: &Call<'_>) -> Result<Vec<Value>, Reason> {
    let [x, kernel] = call.exactly()?;
    let geometry = geometry(build, call, x)?;
    let shape = kernel_shape(build, kernel, geometry.rank)?;
    let [inputs, outputs] = shape.get(geometry.rank..).unwrap_or_default() else {
        return Err("a kernel with channels is expected".into());
    };
    if geometry.channels % inputs != 0 || outputs % (geometry.channels / inputs) != 0 {
        return Err(format!("{} channels come, the kernel is {shape:?}", geometry.channels).into());
    }
    let group = geometry.channels / inputs;
    // A group's outputs lie together; the engine has the groups among the inputs.
    let kernel = if group == 1 { kernel } else { grouped(build, kernel, &shape, group)? };
    one(wire(build, call, &geometry, kernel, group)?)
}

fn grouped(build: &mut Build<'_>, kernel: OutletId, shape: &[usize], group: usize) -> Result<OutletId, Reason> {
    let dims = |shape: &[usize]| shape.iter().map(|dim| TDim::from(*dim)).collect::<Vec<_>>();
    let rank = shape.len() - 2;
    let (Some(inputs), Some(outputs)) = (shape.get(rank), shape.get(rank + 1)) else {
        return Err("a kernel with channels is expected".into());
    };
    let (mut split, mut joined) = (shape.to_vec(), shape.to_vec());
    split.splice(rank.., [*inputs, group, outputs / group]);
    joined.splice(rank.., [inputs * group, outputs / group]);
    let mut order: Vec<usize> = (0..split.len()).collect();
    order.swap(rank, rank + 1);
    let kernel = reshaped(build, kernel, &dims(&split))?;
    let kernel = transposed(build, kernel, &order)?;
    reshaped(build, kernel, &dims(&joined))
}

fn depthwise(build: &mut Build<'_>, call: &Call<'_>) -> Result<Vec<Value>, Reason> {
    let [x, kernel] = call.exactly()?;
    let geometry = geometry(build, call, x)?;
    let shape = kernel_shape(build, kernel, geometry.rank)?;
    if shape.get(geometry.rank) != Some(&geometry.channels) {
        return Err(format!("{} channels come, the kernel is {shape:?}", geometry.channels).into());
    }
    one(wire(build, call, &geometry, kernel, geometry.channels)?)
}

/// A transposed convolution: TensorFlow has it as the gradient of a convolution, whose result's size it is told.
fn transposed_convolution(build: &mut Build<'_>, call: &Call<'_>) -> Result<Vec<Value>, Reason> {
    let [size, kernel, x] = call.exactly()?;
    let geometry = geometry(build, call, x)?;
    let size = build.dims(size, "the size of the result")?;
    let shape = kernel_shape(build, kernel, geometry.rank)?;
    let (spatial, own) = shape.split_at(geometry.rank);
    let [outputs, inputs] = own else { return Err("a kernel with channels is expected".into()) };
    let (strides, dilations) = (geometry.spatial(call, "strides")?, geometry.spatial(call, "dilations")?);
    if *inputs != geometry.channels || dilations.iter().any(|dilation| *dilation != 1) || size.len() != geometry.rank + 2 {
        return Err(format!("{} channels come, the kernel is {shape:?}, dilations are {dilations:?}", geometry.channels).into());
    }
    let same = match call.text("padding", "")?.as_str() {
        "SAME" => true,
        "VALID" => false,
        other => return Err(format!("attribute `padding` is {other:?}").into()),
    };
    let skip = if geometry.first() { 2 } else { 1 };
    let from = build.shape(x)?;
    let (mut before, mut after, mut more) = (TVec::new(), TVec::new(), TVec::new());
    for ((dim, wanted), (kernel, stride)) in from.iter().zip(&size).skip(skip).zip(spatial.iter().zip(&strides)) {
        let number =
            |dim: &TDim| dim.as_i64().and_then(|dim| usize::try_from(dim).ok()).filter(|dim| (1..=1 << 20).contains(dim));
        let (Some(dim), Some(wanted)) = (number(dim), number(wanted)) else {
            return Err("the size of the result has to be known".into());
        };
        let steps = if same { wanted.div_ceil(*stride) } else { wanted.saturating_sub(*kernel) / stride + 1 };
        let full = (dim - 1) * stride + kernel;
        if steps != dim || (!same && wanted < *kernel) {
            return Err(format!("a picture of {dim} cannot become one of {wanted}").into());
        }
        let cut = full.saturating_sub(wanted);
        before.push(cut / 2);
        after.push(cut - cut / 2);
        more.push(wanted.saturating_sub(full));
    }
    let pool_spec = PoolSpec {
        data_format: geometry.format,
        kernel_shape: spatial.iter().copied().collect(),
        padding: PaddingSpec::Explicit(before, after),
        dilations: None,
        strides: Some(strides),
        input_channels: *inputs,
        output_channels: *outputs,
    };
    let order: Vec<usize> = (0..geometry.rank).chain([geometry.rank + 1, geometry.rank]).collect();
    let kernel = transposed(build, kernel, &order)?;
    let bias = build.constant(Tensor::zero_dt(build.datum(x)?, &[*outputs])?)?;
    one(build.wire(Deconv { pool_spec, kernel_format: KernelFormat::HWIO, adjustments: more, group: 1 }, &[x, kernel, bias])?)
}

fn pool(build: &Build<'_>, call: &Call<'_>) -> Result<(OutletId, PoolSpec), Reason> {
    let [x] = call.exactly()?;
    let geometry = geometry(build, call, x)?;
    let spec = PoolSpec {
        data_format: geometry.format,
        kernel_shape: geometry.spatial(call, "ksize")?,
        padding: geometry.padding(call)?,
        dilations: None,
        strides: Some(geometry.spatial(call, "strides")?),
        input_channels: geometry.channels,
        output_channels: geometry.channels,
    };
    Ok((x, spec))
}

fn largest(build: &mut Build<'_>, call: &Call<'_>) -> Result<Vec<Value>, Reason> {
    let (x, pool_spec) = pool(build, call)?;
    one(build.wire(MaxPool { pool_spec, with_index_outputs: None }, &[x])?)
}

fn average(build: &mut Build<'_>, call: &Call<'_>) -> Result<Vec<Value>, Reason> {
    let (x, pool_spec) = pool(build, call)?;
    one(build.wire(SumPool { pool_spec, count_include_pad: false, normalize: true }, &[x])?)
}
