//! Durations and sizes as people write them.

use std::time::Duration;

const DURATIONS: &[(&str, u64)] =
    &[("us", 1_000), ("ms", 1_000_000), ("s", 1_000_000_000), ("min", 60_000_000_000), ("h", 3_600_000_000_000)];

const SIZES: &[(&str, u64)] = &[("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40)];

/// What a duration looks like, for messages.
pub(super) const DURATION: &str = "a duration such as \"100ms\", \"10s\" or \"5min\"";

/// What a size looks like, for messages.
pub(super) const SIZE: &str = "a size such as \"64KiB\", \"512MiB\" or \"4GiB\"";

/// A number and one of us, ms, s, min, h.
#[must_use]
pub fn duration(text: &str) -> Option<Duration> {
    scaled(text, DURATIONS).map(Duration::from_nanos)
}

/// A number and one of B, KiB, MiB, GiB, TiB: bytes.
#[must_use]
pub fn size(text: &str) -> Option<u64> {
    scaled(text, SIZES)
}

/// `0` needs no unit. A fraction is exact to the unit's own resolution.
fn scaled(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let text = text.trim();
    if text == "0" {
        return Some(0);
    }
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let (_, factor) = units.iter().find(|(name, _)| *name == unit.trim())?;
    if let Ok(whole) = number.parse::<u64>() {
        return whole.checked_mul(*factor);
    }
    let value = number.parse::<f64>().ok()? * *factor as f64;
    (value.is_finite() && value < u64::MAX as f64).then_some(value.round() as u64)
}
