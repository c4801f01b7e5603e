//! `--grant KEY=VALUE`: what a model may use beyond the defaults, with the keys and units of the configuration's [limits].

use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};

use crate::config::{duration, size};
use crate::types::nearest;
use crate::types::proto::Grants;

const KEYS: [&str; 11] = [
    "memory",
    "table_elements",
    "instances",
    "load",
    "call",
    "call_per_row",
    "compile",
    "compile_memory",
    "inference_rows",
    "log_lines_per_s",
    "stateful",
];

/// Reads all grants; `None` where there is none, as an empty message would make another model of the same bytes.
pub(in crate::cli) fn read(texts: &[String]) -> Result<Option<Grants>> {
    if texts.is_empty() {
        return Ok(None);
    }
    let mut grants = Grants::default();
    for text in texts {
        let (key, value) = text.split_once('=').ok_or_else(|| anyhow!("--grant {text}: expected KEY=VALUE"))?;
        set(&mut grants, key, value).with_context(|| format!("--grant {text}"))?;
    }
    Ok(Some(grants))
}

fn set(grants: &mut Grants, key: &str, value: &str) -> Result<()> {
    let bytes = || size(value).context("expected a size such as 128MiB");
    let time = || duration(value).context("expected a time such as 50ms");
    let whole = || value.parse::<u64>().context("expected a whole number");
    let millis = |time: Duration| time.as_millis() as u64;
    let micros = |time: Duration| time.as_micros() as u64;
    match key {
        "memory" => grants.memory_bytes = Some(bytes()?),
        "table_elements" => grants.table_elements = Some(whole()?),
        "instances" => grants.instances = Some(u32::try_from(whole()?)?),
        "load" => grants.load_ms = Some(millis(time()?)),
        "call" => grants.call_base_us = Some(micros(time()?)),
        "call_per_row" => grants.call_per_row_us = Some(micros(time()?)),
        "compile" => grants.compile_ms = Some(millis(time()?)),
        "compile_memory" => grants.compile_bytes = Some(bytes()?),
        "inference_rows" => grants.inference_rows = Some(u32::try_from(whole()?)?),
        "log_lines_per_s" => grants.log_lines_per_s = Some(u32::try_from(whole()?)?),
        "stateful" => grants.stateful = Some(value.parse().context("expected true or false")?),
        _ => {
            let near = nearest(key, KEYS.into_iter()).unwrap_or_default();
            bail!("expected one of {}; the nearest is `{near}`", KEYS.join(", "))
        }
    }
    Ok(())
}
