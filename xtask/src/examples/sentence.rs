//! Texts, each with the one that is closest to it.

use std::fs;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::Example;

pub(super) fn run(texts: &[String]) -> Result<()> {
    let texts = if texts.is_empty() { own()? } else { texts.to_vec() };
    let rows: String = texts.iter().map(|text| json!({ "text": text }).to_string() + "\n").collect();
    let answers = Example::Sentence.score(rows.as_bytes(), "jsonl")?;
    let vectors: Vec<Vec<f64>> = answers.iter().map(|answer| vector(&answer["outputs"]["embedding"])).collect();
    for (at, text) in texts.iter().enumerate() {
        println!("{text}");
        let others = (0..texts.len()).filter(|other| *other != at).map(|other| (other, cosine(&vectors[at], &vectors[other])));
        if let Some((other, closeness)) = others.max_by(|a, b| a.1.total_cmp(&b.1)) {
            println!("  {closeness:.3}  {}", texts[other]);
        }
    }
    Ok(())
}

fn vector(values: &Value) -> Vec<f64> {
    values.as_array().into_iter().flatten().filter_map(Value::as_f64).collect()
}

/// The vectors are of unit length.
fn cosine(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// The example's own.
fn own() -> Result<Vec<String>> {
    let file = Example::Sentence.folder().join("texts.jsonl");
    let lines = fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
    let text = |line: &str| {
        let row: Value = serde_json::from_str(line)?;
        Ok(row["text"].as_str().context("a line without `text`")?.to_owned())
    };
    lines.lines().map(text).collect()
}
