//! Blocks of space as further rows, which is how TensorFlow writes a dilated convolution; and bands of matrices.

use tract_core::internal::{OutletId, TDim, Tensor, tensor0};
use tract_core::ops::array::{Pad, PadMode, Slice};
use tract_core::ops::logic;

use super::super::build::{Build, shown};
use super::super::call::{Call, Reason};
use super::super::value::Value;
use super::arithmetic::scalar;
use super::shape::{reshaped, transposed};
use super::{Operator, one};

pub(super) const LIST: &[(&str, Operator)] =
    &[("BatchToSpaceND", to_space), ("MatrixBandPart", band), ("SpaceToBatchND", to_batch)];

/// Sizes of blocks, and what is added or cut at both sides, for each dimension that is cut into blocks.
struct Blocks {
    sizes: Vec<i64>,
    sides: Vec<(usize, usize)>,
}

fn blocks(build: &Build<'_>, call: &Call<'_>) -> Result<Blocks, Reason> {
    let sizes = build.integers(call.tensor(1)?, "the size of a block")?;
    let sides = build.integers(call.tensor(2)?, "what is added at the sides")?;
    let number = |side: i64| usize::try_from(side).ok().filter(|side| *side <= 1 << 20);
    let sides: Option<Vec<_>> =
        sides.chunks_exact(2).map(|pair| Some((number(*pair.first()?)?, number(*pair.get(1)?)?))).collect();
    let rank = build.rank(call.tensor(0)?)?;
    let fit = |sides: &Vec<(usize, usize)>| {
        sides.len() == sizes.len() && sizes.len() < rank && sizes.iter().all(|size| (1..=1 << 20).contains(size))
    };
    let sides = sides.filter(fit).ok_or_else(|| format!("blocks of {sizes:?} in {rank} dimensions"))?;
    Ok(Blocks { sizes, sides })
}

/// Dimensions that are numbers.
fn numbers(dims: &[TDim]) -> Result<Vec<i64>, Reason> {
    let numbers: Option<Vec<i64>> = dims.iter().map(tract_core::prelude::TDim::as_i64).collect();
    numbers.ok_or_else(|| format!("dimensions {} have to be known", shown(dims)).into())
}

fn to_batch(build: &mut Build<'_>, call: &Call<'_>) -> Result<Vec<Value>, Reason> {
    let Blocks { sizes, sides } = blocks(build, call)?;
    let mut x = call.tensor(0)?;
    let rank = build.rank(x)?;
    let mut pads = vec![(0, 0)];
    pads.extend(&sides);
    pads.resize(rank, (0, 0));
    if pads.iter().any(|pad| *pad != (0, 0)) {
        let zero = tensor0(0f32).cast_to_dt(build.datum(x)?)?.into_owned();
        x = build.wire(Pad { pads, mode: PadMode::Constant(zero.into()) }, &[x])?;
    }
    let shape = build.shape(x)?;
    let (rows, space) = shape.split_first().ok_or("a dimension for rows is expected")?;
    let (space, rest) = space.split_at(sizes.len());
    let space = numbers(space)?;
    if let Some((dim, size)) = space.iter().zip(&sizes).find(|(dim, size)| *dim % *size != 0) {
        return Err(format!("{dim} cannot be cut into blocks of {size}").into());
    }
    let parts: Vec<i64> = space.iter().zip(&sizes).map(|(dim, size)| dim / size).collect();
    let mut split = vec![rows.clone()];
    split.extend(parts.iter().zip(&sizes).flat_map(|(part, size)| [TDim::from(*part), TDim::from(*size)]));
    split.extend_from_slice(rest);
    let count = sizes.len();
    let order: Vec<usize> = (0..count)
        .map(|at| 2 * at + 2)
        .chain([0])
        .chain((0..count).map(|at| 2 * at + 1))
        .chain(2 * count + 1..split.len())
        .collect();
    let area: i64 = sizes.iter().try_fold(1i64, |area, size| area.checked_mul(*size)).ok_or("blocks are too large")?;
    let joined: Vec<TDim> =
        [rows.clone() * area].into_iter().chain(parts.into_iter().map(TDim::from)).chain(rest.iter().cloned()).collect();
    let x = reshaped(build, x, &split)?;
    let x = transposed(build, x, &order)?;
    one(reshaped(build, x, &joined)?)
}

fn to_space(build: &mut Build<'_>, call: &Call<'_>) -> Result<Vec<Value>, Reason> {
    let Blocks { sizes, sides } = blocks(build, call)?;
    let x = call.tensor(0)?;
    let shape = build.shape(x)?;
    let (rows, space) = shape.split_first().ok_or("a dimension for rows is expected")?;
    let (space, rest) = space.split_at(sizes.len());
    let space = numbers(space)?;
    let area = sizes.iter().try_fold(1i64, |area, size| area.checked_mul(*size)).ok_or("blocks are too large")?;
    let rows = divided(rows, area)?;
    let count = sizes.len();
    let split: Vec<TDim> = sizes
        .iter()
        .map(|size| TDim::from(*size))
        .chain([rows.clone()])
        .chain(space.iter().map(|dim| TDim::from(*dim)))
        .chain(rest.iter().cloned())
        .collect();
    let order: Vec<usize> =
        [count].into_iter().chain((0..count).flat_map(|at| [count + 1 + at, at])).chain(2 * count + 1..split.len()).collect();
    let whole = space
        .iter()
        .zip(&sizes)
        .map(|(dim, size)| dim.checked_mul(*size))
        .collect::<Option<Vec<_>>>()
        .ok_or("blocks are too large")?;
    let joined: Vec<TDim> =
        [rows].into_iter().chain(whole.iter().map(|dim| TDim::from(*dim))).chain(rest.iter().cloned()).collect();
    let x = reshaped(build, x, &split)?;
    let x = transposed(build, x, &order)?;
    let x = reshaped(build, x, &joined)?;
    one(cropped(build, x, &whole, &sides)?)
}

/// The rows that there were before they were cut into blocks.
fn divided(rows: &TDim, area: i64) -> Result<TDim, Reason> {
    let by = area.unsigned_abs();
    let whole = rows.clone() / by;
    if whole.clone() * area == *rows { Ok(whole) } else { Err(format!("{rows} rows are not made of blocks of {area}").into()) }
}

fn cropped(build: &mut Build<'_>, mut x: OutletId, whole: &[i64], sides: &[(usize, usize)]) -> Result<OutletId, Reason> {
    for (at, (dim, (before, after))) in whole.iter().zip(sides).enumerate() {
        let end = usize::try_from(*dim).ok().and_then(|dim| dim.checked_sub(*after)).filter(|end| end >= before);
        let end = end.ok_or_else(|| format!("{before} and {after} are cut off {dim}"))?;
        if (*before, *after) != (0, 0) {
            x = build.wire(Slice::new(at + 1, *before, end), &[x])?;
        }
    }
    Ok(x)
}

/// What is near the diagonal; all else becomes zero.
fn band(build: &mut Build<'_>, call: &Call<'_>) -> Result<Vec<Value>, Reason> {
    let [x, lower, upper] = call.exactly()?;
    let (lower, upper) = (build.integer(lower, "the lower width")?, build.integer(upper, "the upper width")?);
    let shape = build.shape(x)?;
    let at = shape.len().checked_sub(2).ok_or("matrices are expected")?;
    let sizes = numbers(shape.get(at..).unwrap_or_default())?;
    let [rows, columns] = sizes.as_slice() else { return Err("matrices are expected".into()) };
    let inside = |row: i64, column: i64| (lower < 0 || row - column <= lower) && (upper < 0 || column - row <= upper);
    if rows.checked_mul(*columns).is_none_or(|size| size > build.bounds.elements as i64) {
        return Err("the matrix is too large".into());
    }
    let mask: Vec<bool> = (0..*rows)
        .flat_map(|row| (0..*columns).map(move |column| (row, column)))
        .map(|(row, column)| inside(row, column))
        .collect();
    let mask = Tensor::from_shape(&[*rows as usize, *columns as usize], &mask)?.broadcast_into_rank(shape.len())?;
    let mask = build.constant(mask)?;
    let zero = scalar(build, 0.0, build.datum(x)?, shape.len())?;
    one(build.wire(logic::Iff, &[mask, x, zero])?)
}
