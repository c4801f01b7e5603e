//! What a graph costs. It cannot be interrupted, so a lane has to know beforehand how many rows of it fit into a step.

use std::ops::Range;
use std::time::{Duration, Instant};

use sandstream_graphs::Graph;

use super::ports::Way;
use super::session::GraphSession;
use crate::backend::{Cost, Session};
use crate::types::{Dtype, Limits, Packed, Scores, Signature, Tensor, TensorRef};

/// Rows of a call that is measured.
const BATCHES: [u32; 3] = [1, 16, 64];
/// Calls of each size; the fastest counts, as whatever else runs only ever adds.
const CALLS: u32 = 5;
/// A size that takes longer is not tried again, nor is a larger one.
const LONG: Duration = Duration::from_millis(100);

/// Runs rows of zeros.
pub(super) fn measure(
    graph: &dyn Graph,
    signature: &Signature,
    ways: &[Way],
    session: &mut GraphSession,
) -> Result<Cost, String> {
    let mut calls = Vec::new();
    for rows in BATCHES {
        let inputs: Vec<_> = signature
            .inputs
            .iter()
            .zip(ways)
            .map(|(input, way)| zeros(input.dtype, rows as usize, input.fields.len(), *way))
            .collect();
        let x: Vec<TensorRef<'_>> = inputs.iter().map(Tensor::view).collect();
        let took = fastest(session, 0..rows, &x)?;
        calls.push((rows, took));
        if took > LONG {
            break;
        }
    }
    Ok(Cost { engine: graph.engine().into(), batched: graph.batched(), weights_bytes: graph.memory_bytes(), calls })
}

fn fastest(session: &mut GraphSession, rows: Range<u32>, x: &[TensorRef<'_>]) -> Result<Duration, String> {
    let (mut best, mut scores) = (Duration::MAX, Scores::default());
    for _ in 0..CALLS {
        let began = Instant::now();
        session
            .score(rows.clone(), x, began, &mut scores)
            .map_err(|fault| format!("a call with {} rows of zeros failed: {fault}", rows.end))?;
        best = best.min(began.elapsed());
        if best > LONG {
            break;
        }
    }
    Ok(best)
}

fn zeros(dtype: Dtype, rows: usize, width: usize, way: Way) -> Tensor {
    let count = rows * width;
    let packed = |bytes: usize| {
        let ends = (1..=count).map(|i| (i * bytes) as u32).collect();
        Packed { data: vec![0; count * bytes], ends, missing: Vec::new() }
    };
    match (dtype, way) {
        (Dtype::Float32, _) => Tensor::Float32(vec![0.0; count]),
        (Dtype::Float64, _) => Tensor::Float64(vec![0.0; count]),
        (Dtype::Int64, _) => Tensor::Int64(vec![0; count]),
        (Dtype::Text, _) => Tensor::Text(packed(0)),
        (Dtype::Bytes, Way::Raw(bytes)) => Tensor::Bytes(packed(bytes)),
        (Dtype::Bytes, Way::Values) => Tensor::Bytes(packed(0)),
    }
}

/// The time that a lane reckons with for a call: what was granted, or what was measured where that is more.
pub(super) fn limits(granted: &Limits, cost: &Cost) -> Limits {
    let (base, per_row) = cost.allowance();
    Limits { call_base: granted.call_base.max(base), call_per_row: granted.call_per_row.max(per_row), ..granted.clone() }
}
