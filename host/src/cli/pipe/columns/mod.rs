//! Parquet and Arrow files. Rows become JSON objects of the data type's fields and go the way of every record: what a model says
//! to a row does not depend on the file it came in.

mod cells;
mod read;
mod results;
mod write;

use std::path::Path;

use anyhow::{Context, Result, bail};

use super::input::Input;
use super::outlet::{Letters, Written};
use crate::app::pipe::Plan;
use crate::stream::pipe::Outlet;

pub(super) fn open(path: &Path, parquet: bool, plan: &mut Plan) -> Result<Input> {
    let [data_type] = plan.types() else {
        bail!("stream `{}` has several data types, the rows of a file are of one: say --data-type", plan.stream().name);
    };
    let schema = data_type.codec.schema().clone();
    plan.read_columns()?;
    let what = || path.display().to_string();
    if parquet { read::parquet(path, &schema).with_context(what) } else { read::arrow(path, &schema).with_context(what) }
}

/// Whether results are to be columns.
pub(super) fn is_output(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "parquet" || ending == "arrow")
}

pub(super) fn outlet(path: &Path, letters: Letters, written: Written) -> Result<Box<dyn Outlet>> {
    Ok(Box::new(write::Columns::new(path, letters, written)?))
}
