//! `sandstream build`: a guest's sources become a component.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result};
use serde_json::json;

use super::guest::Guest;
use crate::backend::wasm;
use crate::cli::table::{Table, bytes, print};
use crate::types::Digest;

#[derive(clap::Args)]
#[command(after_help = "Examples:
  sandstream build                   in a guest's folder
  sandstream build --dir quality

The language's compiler is looked for, and fetched into SANDSTREAM_CACHE (default: `sandstream` in your cache folder) where it is
not there; what is fetched and how large it is, is said first. The component is build/NAME.wasm.")]
pub(in crate::cli) struct Args {
    /// The guest's folder
    #[arg(long, value_name = "DIR", default_value = ".")]
    dir: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(in crate::cli) fn run(args: &Args) -> Result<ExitCode> {
    let guest = Guest::open(&args.dir)?;
    let began = Instant::now();
    let component = guest.language.build(&guest.project)?;
    let took = began.elapsed();
    let path = guest.project.component();
    fs::create_dir_all(guest.project.build()).with_context(|| format!("cannot make {}", guest.project.build().display()))?;
    fs::write(&path, &component).with_context(|| format!("cannot write {}", path.display()))?;
    let (imports, digest) = (wasm::imports(&component), Digest::of(&component).to_string());
    let mut table = Table::new(&["", ""]);
    table.row(["component".to_owned(), path.display().to_string()]);
    table.row(["size".to_owned(), format!("{} ({} bytes)", bytes(component.len()), component.len())]);
    table.row(["digest".to_owned(), digest.clone()]);
    for (i, import) in imports.iter().enumerate() {
        let offered = if wasm::is_offered(import) { "" } else { "  (no host answers this: `sandstream check` says more)" };
        table.row([if i == 0 { "imports" } else { "" }.to_owned(), format!("{import}{offered}")]);
    }
    table.row(["took".to_owned(), format!("{:.1} s", took.as_secs_f64())]);
    table.row(["next".to_owned(), "sandstream check".to_owned()]);
    let value = json!({
        "component": path, "bytes": component.len(), "digest": digest, "imports": imports, "seconds": took.as_secs_f64(),
    });
    print(args.json, &value, &table)?;
    Ok(ExitCode::SUCCESS)
}
