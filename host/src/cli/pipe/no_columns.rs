//! Parquet and Arrow files in a program that was built without the feature `arrow`: it says so.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Result, bail};

use super::files::Files;
use super::input::Input;
use super::outlet::Results;
use crate::app::pipe::Plan;
use crate::stream::pipe::Gauge;

const NOT_BUILT: &str = "this program was built without Parquet and Arrow files; `cargo build --release --features sandstream/arrow` builds it with them";

pub(super) fn open(path: &Path, _parquet: bool, _plan: &mut Plan, _gauge: &Arc<Gauge>) -> Result<Input> {
    bail!("{}: {NOT_BUILT}", path.display())
}

pub(super) fn results(path: &Path, _files: &mut Files, _plan: &Plan) -> Result<Box<dyn Results>> {
    bail!("{}: {NOT_BUILT}", path.display())
}
