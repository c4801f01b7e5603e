//! Parquet and Arrow files. Rows become JSON objects of the data type's fields and go the way of every record: what a model says
//! to a row does not depend on the file it came in.

mod cells;
mod read;
mod results;
mod write;

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail};

use self::results::Known;
use super::files::Files;
use super::input::Input;
use super::outlet::Results;
use crate::app::pipe::Plan;
use crate::stream::pipe::Gauge;

pub(super) fn open(path: &Path, parquet: bool, plan: &mut Plan, gauge: &Arc<Gauge>) -> Result<Input> {
    let [data_type] = plan.types() else {
        bail!("stream `{}` has several data types, the rows of a file are of one: say --data-type", plan.stream().name);
    };
    let schema = data_type.codec.schema().clone();
    plan.read_columns()?;
    let what = || path.display().to_string();
    let open = if parquet { read::parquet } else { read::arrow };
    open(path, &schema, gauge).with_context(what)
}

pub(super) fn results(path: &Path, files: &mut Files, plan: &Plan) -> Result<Box<dyn Results>> {
    let file = files.open(path)?;
    Ok(Box::new(write::Columns::new(path, file, Known::of(plan)?)))
}
