//! Trains the example models on the wine records and writes their weights to `plugins/weights`, from which the guests are built.
//! Deterministic: the same bytes on every run. With a path as its argument, writes the big forest there as well.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sandstream_models::wine::{BigForest, WineForest};
use sandstream_wine::{fit, matrix, train_big_forest, train_forest, train_linear};

fn main() -> Result<()> {
    let weights = weights_folder();
    let x = matrix();
    let linear = train_linear();
    save(&weights.join("wine-linear.f32"), &linear.to_bytes(), &linear.score(&x))?;
    let forest = train_forest().file;
    save(&weights.join("wine-forest.trees"), &forest, &WineForest::parse(forest.clone())?.score(&x))?;
    if let Some(path) = std::env::args_os().nth(1) {
        let big = train_big_forest().file;
        save(Path::new(&path), &big, &BigForest::parse(big.clone())?.score(&x))?;
    }
    Ok(())
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
