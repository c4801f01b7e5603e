//! From a vector for each token to one for the text.

/// No vector is shorter than this when its length is divided by.
const LENGTH_MIN: f32 = 1e-12;

/// The mean of the first `tokens` vectors of `width` values, brought to unit length, added to `out`. What lies behind them is
/// padding and does not count.
pub fn mean(vectors: &[f32], tokens: usize, width: usize, out: &mut Vec<f32>) {
    let start = out.len();
    out.resize(start + width, 0.0);
    let Some(sums) = out.get_mut(start..).filter(|sums| !sums.is_empty()) else { return };
    for vector in vectors.chunks_exact(width).take(tokens) {
        for (sum, value) in sums.iter_mut().zip(vector) {
            *sum += value;
        }
    }
    let count = tokens.max(1) as f32;
    let squares: f32 = sums
        .iter_mut()
        .map(|sum| {
            *sum /= count;
            *sum * *sum
        })
        .sum();
    let length = squares.sqrt().max(LENGTH_MIN);
    for sum in sums {
        *sum /= length;
    }
}
