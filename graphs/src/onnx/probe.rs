//! Whether rows that run together come out as they do one by one. A model with a batch of one may mix its rows, which the shapes alone do
//! not always show: a mean over the first dimension, a softmax along it.

use crate::{Answer, Element, Feed, Graph, Port};

/// How many rows are compared.
const ROWS: usize = 3;

/// Most values of a row that is made up for this; what is larger runs one by one.
const VALUES_MAX: usize = 1 << 24;

/// Values for one input, owned.
enum Made {
    F32(Vec<f32>),
    F64(Vec<f64>),
    I64(Vec<i64>),
}

/// Compares answers to made-up rows; what cannot be made up or does not run does not agree.
pub(super) fn agree(together: &dyn Graph, single: &dyn Graph) -> bool {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let made: Option<Vec<Made>> = together.inputs().iter().map(|port| make(port, &mut state)).collect();
    let Some(made) = made else { return false };
    let feeds: Vec<Feed<'_>> = made.iter().map(Made::feed).collect();
    let answer = |graph: &dyn Graph| {
        let mut answers = Vec::new();
        graph.runner().ok()?.run(ROWS, &feeds, &mut answers).ok()?;
        Some(answers)
    };
    let (Some(together), Some(single)) = (answer(together), answer(single)) else { return false };
    together.len() == single.len() && together.iter().zip(&single).all(|(a, b)| equal(a, b))
}

impl Made {
    fn feed(&self) -> Feed<'_> {
        match self {
            Self::F32(values) => Feed::F32(values),
            Self::F64(values) => Feed::F64(values),
            Self::I64(values) => Feed::I64(values),
        }
    }
}

fn make(port: &Port, state: &mut u64) -> Option<Made> {
    let count = port.width()?.checked_mul(ROWS).filter(|count| *count <= VALUES_MAX)?;
    let mut next = || {
        // xorshift: any rows will do, the same in every run.
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        *state >> 40
    };
    Some(match port.element {
        Element::F16 | Element::F32 => Made::F32((0..count).map(|_| next() as f32 / 8_388_608.0 - 1.0).collect()),
        Element::F64 => Made::F64((0..count).map(|_| next() as f64 / 8_388_608.0 - 1.0).collect()),
        Element::Text => return None,
        _ => Made::I64((0..count).map(|_| i64::try_from(next() & 1).unwrap_or(0)).collect()),
    })
}

fn equal(a: &Answer, b: &Answer) -> bool {
    let near = |a: f64, b: f64| (a - b).abs() <= 1e-4 * b.abs().max(1.0) || a == b || (a.is_nan() && b.is_nan());
    match (a, b) {
        (Answer::F32(a), Answer::F32(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| near(f64::from(*a), f64::from(*b)))
        }
        (Answer::F64(a), Answer::F64(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| near(*a, *b)),
        (a, b) => a == b,
    }
}
