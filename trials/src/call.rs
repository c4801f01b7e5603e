//! `bench call`: one call of a WASM model against the same code native.

use std::path::PathBuf;

use anyhow::{Result, bail};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Write the figures here, as JSON.
    #[arg(long)]
    report: Option<PathBuf>,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    bail!("bench call is not built yet; no report goes to {:?}", args.report)
}
