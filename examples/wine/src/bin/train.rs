//! Trains the example models on the wine records and writes their weights to `plugins/weights`, from which the guests are built.
//! Deterministic: the same bytes on every run.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sandstream_wine::{fit, matrix, train_linear};

fn main() -> Result<()> {
    let weights = weights_folder();
    let x = matrix();
    let linear = train_linear();
    save(&weights.join("wine-linear.f32"), &linear.to_bytes(), &linear.score(&x))
}

fn weights_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins/weights")
}

fn save(path: &Path, bytes: &[u8], predictions: &[f32]) -> Result<()> {
    std::fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))?;
    let fit = fit(predictions);
    println!("{}: {} bytes, R2 {:.4}, RMSE {:.4}", path.display(), bytes.len(), fit.r2, fit.rmse);
    Ok(())
}
