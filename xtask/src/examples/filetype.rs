//! The type of files: each is a record, whole.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use super::Example;
use crate::workspace;

pub(super) fn run(files: &[PathBuf]) -> Result<()> {
    let files = if files.is_empty() { own()? } else { files.to_vec() };
    // A cell of CSV may hold any bytes.
    let mut rows = b"content\n".to_vec();
    for file in &files {
        let content = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
        rows.push(b'"');
        for byte in content {
            rows.extend(std::iter::repeat_n(byte, if byte == b'"' { 2 } else { 1 }));
        }
        rows.extend(b"\"\n");
    }
    for (file, answer) in files.iter().zip(Example::Filetype.score(&rows, "csv")?) {
        let outputs = &answer["outputs"];
        let label = outputs["label"].as_str().unwrap_or_default();
        let shown = file.strip_prefix(workspace::root()).unwrap_or(file).display();
        println!("{label:<16} {:.4}  {shown}", outputs["score"].as_f64().unwrap_or(f64::NAN));
    }
    Ok(())
}

/// The example's own.
fn own() -> Result<Vec<PathBuf>> {
    let folder = Example::Filetype.folder().join("files");
    let entries = fs::read_dir(&folder).with_context(|| format!("cannot list {}", folder.display()))?;
    let mut files = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    files.sort();
    Ok(files)
}
