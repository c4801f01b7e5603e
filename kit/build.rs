//! Puts what a new project is made of into the program: the templates, the Rust SDK and the contract. Whole folders, so that a
//! file more in one of them needs no change here.

use std::env;
use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// Relative to the checkout.
const EMBEDDED: [&str; 5] = ["plugins/template", "plugins/sdk", "plugins/Cargo.toml", "plugins/Cargo.lock", "wit"];

/// What builds leave behind.
const LEFT_OUT: [&str; 4] = ["build", "target", "node_modules", "__pycache__"];

fn main() -> Result<(), Box<dyn Error>> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("..");
    let mut files = Vec::new();
    for what in EMBEDDED {
        println!("cargo::rerun-if-changed={}", root.join(what).display());
        collect(&root, Path::new(what), &mut files)?;
    }
    files.sort();
    let mut list = String::from("&[\n");
    for file in &files {
        let (name, path) = (file.display(), root.join(file).canonicalize()?);
        writeln!(list, "    (\"{name}\", include_bytes!({:?})),", path.display().to_string())?;
    }
    list.push_str("]\n");
    fs::write(Path::new(&env::var("OUT_DIR")?).join("embedded.rs"), list)?;
    Ok(())
}

fn collect(root: &Path, what: &Path, files: &mut Vec<PathBuf>) -> Result<(), Box<dyn Error>> {
    if root.join(what).is_file() {
        files.push(what.to_path_buf());
        return Ok(());
    }
    for entry in fs::read_dir(root.join(what))? {
        let name = entry?.file_name();
        if !LEFT_OUT.iter().any(|left_out| name.to_string_lossy() == *left_out) {
            collect(root, &what.join(name), files)?;
        }
    }
    Ok(())
}
