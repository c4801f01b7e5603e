//! What a model may use: the host's defaults, replaced by what its descriptor asks for, up to the host's maxima.

use std::fmt::Display;
use std::time::Duration;

use crate::types::Limits;
use crate::types::proto::Grants;

/// The most that a grant may ask for, where the configuration says nothing else.
#[must_use]
pub fn default_maxima() -> Limits {
    Limits {
        memory_bytes: 4 << 30,
        table_elements: 1_000_000,
        instances: 64,
        load: Duration::from_secs(120),
        call_base: Duration::from_secs(10),
        call_per_row: Duration::from_secs(1),
        compile: Duration::from_secs(600),
        compile_bytes: 8 << 30,
        log_lines_per_s: 10_000,
        inference_rows: 4096,
        stateful: true,
        ..Limits::default()
    }
}

/// Applies `grants` to `limits`.
///
/// # Errors
/// Everything that exceeds `maxima`.
pub fn apply(grants: Option<&Grants>, limits: &Limits, maxima: &Limits) -> Result<Limits, String> {
    let mut limits = limits.clone();
    let Some(grants) = grants else { return Ok(limits) };
    let millis = |value: Option<u64>| value.map(Duration::from_millis);
    let micros = |value: Option<u64>| value.map(Duration::from_micros);
    let mut over = Vec::new();
    grant("memory_bytes", &mut limits.memory_bytes, grants.memory_bytes, maxima.memory_bytes, &mut over);
    grant("table_elements", &mut limits.table_elements, grants.table_elements, maxima.table_elements, &mut over);
    grant("instances", &mut limits.instances, grants.instances, maxima.instances, &mut over);
    grant("load_ms", &mut limits.load, millis(grants.load_ms), maxima.load, &mut over);
    grant("call_base_us", &mut limits.call_base, micros(grants.call_base_us), maxima.call_base, &mut over);
    grant("call_per_row_us", &mut limits.call_per_row, micros(grants.call_per_row_us), maxima.call_per_row, &mut over);
    grant("compile_ms", &mut limits.compile, millis(grants.compile_ms), maxima.compile, &mut over);
    grant("compile_bytes", &mut limits.compile_bytes, grants.compile_bytes, maxima.compile_bytes, &mut over);
    grant("log_lines_per_s", &mut limits.log_lines_per_s, grants.log_lines_per_s, maxima.log_lines_per_s, &mut over);
    grant("inference_rows", &mut limits.inference_rows, grants.inference_rows, maxima.inference_rows, &mut over);
    grant("stateful", &mut limits.stateful, grants.stateful, maxima.stateful, &mut over);
    if over.is_empty() { Ok(limits) } else { Err(format!("the grants exceed what this host allows: {}", over.join("; "))) }
}

/// A limit as messages write it.
trait Shown: Copy + PartialOrd {
    fn shown(self) -> impl Display;
}

macro_rules! shown_plainly {
    ($($number:ty),*) => { $(impl Shown for $number { fn shown(self) -> impl Display { self } })* };
}
shown_plainly!(u32, u64, bool);

impl Shown for Duration {
    fn shown(self) -> impl Display {
        format!("{self:?}")
    }
}

fn grant<T: Shown>(name: &str, limit: &mut T, asked: Option<T>, max: T, over: &mut Vec<String>) {
    let Some(asked) = asked else { return };
    if asked > max {
        over.push(format!("`{name}` asks for {}, at most {} is granted", asked.shown(), max.shown()));
    } else {
        *limit = asked;
    }
}
