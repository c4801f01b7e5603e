//! A model that was accepted is run: what it computes is its own affair, but it runs in the process of the host.

use std::sync::Arc;

use sandstream_graphs::{Element, Feed, Graph, Refused};

/// Most values of one input that are made up.
const VALUES_MAX: usize = 1 << 16;

const FLOATS: &[f64] = &[0.0, 1.0, -1.0, 0.5, 1e9, -1e9, 1e30, f64::NAN, f64::INFINITY, 2.0, 3.0];
const INTEGERS: &[i64] = &[0, 1, 2, 1_000_000_000, -1, i64::MAX, i64::MIN, 3, 255];

enum Made {
    Floats(Vec<f32>),
    Doubles(Vec<f64>),
    Integers(Vec<i64>),
    Texts(Vec<u8>, Vec<u32>),
}

/// Runs one row, and three at once.
pub fn run(verdict: Result<Arc<dyn Graph>, Refused>) {
    let Ok(graph) = verdict else { return };
    let Ok(mut runner) = graph.runner() else { return };
    let mut answers = Vec::new();
    for (rows, shift) in [(1, 0), (3, 0), (1, 3), (3, 4)] {
        let made: Option<Vec<Made>> = graph.inputs().iter().map(|port| make(port, rows, shift)).collect();
        let Some(made) = made else { return };
        let feeds: Vec<Feed<'_>> = made.iter().map(Made::feed).collect();
        if runner.run(rows, &feeds, &mut answers).is_ok() {
            assert_eq!(answers.len(), graph.outputs().len(), "an answer for each output");
        } else {
            // A runner that panicked is beyond use.
            match graph.runner() {
                Ok(anew) => runner = anew,
                Err(_) => return,
            }
        }
    }
}

fn make(port: &sandstream_graphs::Port, rows: usize, shift: usize) -> Option<Made> {
    let count = port.width()?.checked_mul(rows).filter(|count| *count <= VALUES_MAX)?;
    let floats = || FLOATS.iter().cycle().skip(shift).take(count);
    Some(match port.element {
        Element::F16 | Element::F32 => Made::Floats(floats().map(|value| *value as f32).collect()),
        Element::F64 => Made::Doubles(floats().copied().collect()),
        Element::Text => Made::Texts(vec![b'7'; count], (1..=count).map(|end| end as u32).collect()),
        _ => Made::Integers(INTEGERS.iter().cycle().skip(shift).take(count).copied().collect()),
    })
}

impl Made {
    fn feed(&self) -> Feed<'_> {
        match self {
            Self::Floats(values) => Feed::F32(values),
            Self::Doubles(values) => Feed::F64(values),
            Self::Integers(values) => Feed::I64(values),
            Self::Texts(data, ends) => Feed::Strings { data, ends },
        }
    }
}
