//! Ridge regression by the normal equations.

use sandstream_models::Linear;

use crate::records;

/// Columns and the intercept.
const N: usize = 12;

/// A little of it keeps the equations well conditioned (density varies in the third decimal only); it moves no score visibly.
const RIDGE: f64 = 1e-6;

/// Trains the linear model on all records.
#[must_use]
pub fn train_linear() -> Linear<11> {
    let (mut a, mut b) = ([[0.0; N]; N], [0.0; N]);
    for wine in records() {
        let mut row = [1.0; N];
        row[1..].copy_from_slice(&wine.features);
        for i in 0..N {
            for j in 0..N {
                a[i][j] += row[i] * row[j];
            }
            b[i] += row[i] * f64::from(wine.quality);
        }
    }
    for (i, row) in a.iter_mut().enumerate().skip(1) {
        row[i] += RIDGE;
    }
    let [intercept, weights @ ..] = solve(a, b).map(|value| value as f32);
    Linear { weights, intercept }
}

/// Solves `a x = b` by elimination with pivoting.
fn solve(mut a: [[f64; N]; N], mut b: [f64; N]) -> [f64; N] {
    for step in 0..N {
        let pivot = (step..N).max_by(|&i, &j| a[i][step].abs().total_cmp(&a[j][step].abs())).unwrap_or(step);
        a.swap(step, pivot);
        b.swap(step, pivot);
        let (top, top_b) = (a[step], b[step]);
        for i in step + 1..N {
            let factor = a[i][step] / top[step];
            for j in step..N {
                a[i][j] -= factor * top[j];
            }
            b[i] -= factor * top_b;
        }
    }
    let mut x = [0.0; N];
    for i in (0..N).rev() {
        let known: f64 = (i + 1..N).map(|j| a[i][j] * x[j]).sum();
        x[i] = (b[i] - known) / a[i][i];
    }
    x
}
