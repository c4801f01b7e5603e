//! Copies decoded rows into matrices. What a matrix needs is known with the binding, so the usual case is a plain loop.

use super::{Matrix, Source};
use crate::types::{Batch, Dtype, Packed, Record, Rows, Tensor};

/// How a matrix is filled.
#[derive(Debug)]
pub(super) enum Pack {
    /// All columns are numbers: these slots.
    Numbers { dtype: Dtype, slots: Slots },
    /// Column by column.
    Mixed(Dtype),
}

/// Number slots in the order of the columns.
#[derive(Debug)]
pub(super) enum Slots {
    /// The whole row as it is.
    All,
    /// Consecutive ones, from this one on.
    From(usize),
    /// Any.
    Any(Vec<u16>),
}

impl Pack {
    /// The way to fill a matrix of these columns from rows of `stride` numbers.
    pub(super) fn new(dtype: Dtype, columns: &[Source], stride: usize) -> Self {
        let number = |source: &Source| if let Source::Number(slot) = source { Some(*slot) } else { None };
        let slots: Option<Vec<u16>> = columns.iter().map(number).collect();
        match slots {
            Some(slots) if !slots.is_empty() => Self::Numbers { dtype, slots: Slots::new(slots, stride) },
            _ => Self::Mixed(dtype),
        }
    }

    /// A matrix without rows.
    pub(super) fn empty(&self) -> Tensor {
        let (Self::Numbers { dtype, .. } | Self::Mixed(dtype)) = self;
        match dtype {
            Dtype::Float32 => Tensor::Float32(Vec::new()),
            Dtype::Float64 => Tensor::Float64(Vec::new()),
            Dtype::Int64 => Tensor::Int64(Vec::new()),
            Dtype::Text => Tensor::Text(Packed::default()),
            Dtype::Bytes => Tensor::Bytes(Packed::default()),
        }
    }
}

impl Slots {
    fn new(slots: Vec<u16>, stride: usize) -> Self {
        let first = slots[0] as usize;
        let consecutive = slots.iter().enumerate().all(|(i, slot)| *slot as usize == first + i);
        match consecutive {
            true if slots.len() == stride => Self::All,
            true => Self::From(first),
            false => Self::Any(slots),
        }
    }
}

/// Fills a matrix with the selected rows.
pub(super) fn pack(matrix: &Matrix, rows: &Rows, selected: &[u32], batch: &Batch, into: &mut Tensor) {
    let width = matrix.columns.len();
    match (&matrix.pack, into) {
        (Pack::Numbers { slots, .. }, Tensor::Float32(out)) => numbers(slots, width, rows, selected, out, |value| value as f32),
        (Pack::Numbers { slots, .. }, Tensor::Float64(out)) => numbers(slots, width, rows, selected, out, |value| value),
        (_, Tensor::Float32(out)) => floats(matrix, rows, selected, batch, out, |value| value as f32, |value| value as f32),
        (_, Tensor::Float64(out)) => floats(matrix, rows, selected, batch, out, |value| value, |value| value as f64),
        (_, Tensor::Int64(out)) => integers(matrix, rows, selected, batch, out),
        (_, Tensor::Text(out) | Tensor::Bytes(out)) => strings(matrix, rows, selected, batch, out),
    }
}

fn numbers<T: Copy + Default>(
    slots: &Slots,
    width: usize,
    rows: &Rows,
    selected: &[u32],
    out: &mut Vec<T>,
    convert: impl Fn(f64) -> T + Copy,
) {
    let (all, stride) = rows.numbers();
    // Whatever the last batch left in it is written over: only growth costs zeros.
    out.resize(selected.len() * width, T::default());
    if matches!(slots, Slots::All) && selected.len() == rows.len() && is_identity(selected) {
        out.iter_mut().zip(all).for_each(|(to, from)| *to = convert(*from));
        return;
    }
    for (to, row) in out.chunks_exact_mut(width).zip(selected) {
        let row = &all[*row as usize * stride..][..stride];
        match slots {
            Slots::All => to.iter_mut().zip(row).for_each(|(to, from)| *to = convert(*from)),
            Slots::From(first) => to.iter_mut().zip(&row[*first..]).for_each(|(to, from)| *to = convert(*from)),
            Slots::Any(slots) => to.iter_mut().zip(slots).for_each(|(to, slot)| *to = convert(row[*slot as usize])),
        }
    }
}

/// Whether it is 0, 1, 2 ..; without an early end, so that it is done many at a time.
fn is_identity(selected: &[u32]) -> bool {
    selected.iter().zip(0u32..).fold(0, |differences, (row, i)| differences | (row ^ i)) == 0
}

/// A row and the record it came from.
fn sources<'a>(rows: &'a Rows, selected: &'a [u32], batch: &'a Batch) -> impl Iterator<Item = (usize, Option<&'a Record>)> {
    selected.iter().map(|row| {
        let row = *row as usize;
        (row, rows.records().get(row).and_then(|record| batch.records().get(*record as usize)))
    })
}

fn timestamp(record: Option<&Record>) -> Option<i64> {
    record.map(|record| record.timestamp).filter(|timestamp| *timestamp >= 0)
}

fn floats<T: Copy>(
    matrix: &Matrix,
    rows: &Rows,
    selected: &[u32],
    batch: &Batch,
    out: &mut Vec<T>,
    number: impl Fn(f64) -> T,
    // From the integer itself: by way of f64 a float32 would be rounded twice.
    integer: impl Fn(i64) -> T,
) {
    out.clear();
    out.reserve(selected.len() * matrix.columns.len());
    for (row, record) in sources(rows, selected, batch) {
        out.extend(matrix.columns.iter().map(|column| match column {
            Source::Number(slot) => number(rows.number(row, *slot)),
            Source::Integer(slot) => rows.integer(row, *slot).map_or_else(|| number(f64::NAN), &integer),
            Source::Timestamp => timestamp(record).map_or_else(|| number(f64::NAN), &integer),
            Source::Text(_) | Source::Value | Source::Key => number(f64::NAN),
        }));
    }
}

fn integers(matrix: &Matrix, rows: &Rows, selected: &[u32], batch: &Batch, out: &mut Vec<i64>) {
    out.clear();
    out.reserve(selected.len() * matrix.columns.len());
    for (row, record) in sources(rows, selected, batch) {
        out.extend(matrix.columns.iter().map(|column| match column {
            Source::Integer(slot) => rows.integer(row, *slot).unwrap_or_default(),
            Source::Timestamp => timestamp(record).unwrap_or_default(),
            _ => 0,
        }));
    }
}

fn strings(matrix: &Matrix, rows: &Rows, selected: &[u32], batch: &Batch, out: &mut Packed) {
    out.clear();
    for (row, record) in sources(rows, selected, batch) {
        for column in &matrix.columns {
            out.push(match column {
                Source::Text(slot) => rows.text(row, *slot),
                Source::Value => record.and_then(|record| batch.value(record)),
                Source::Key => record.and_then(|record| batch.key(record)),
                _ => None,
            });
        }
    }
}
