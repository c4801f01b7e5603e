//! Medians over the rounds, and the target: the host against the pass-through of the same round, then the median of the ratios.

use std::collections::BTreeMap;

use serde::Serialize;

use super::mode::Mode;
use super::window::Window;
use crate::report::Figure;

/// What the host's p99 may be of the pass-through's.
const P99_RATIO_MAX: f64 = 1.2;

/// Windows of a mode, round by round.
#[derive(Default)]
struct Rounds {
    p50: Vec<f64>,
    p99: Vec<f64>,
    p999: Vec<f64>,
    passthrough_p50: Vec<f64>,
    passthrough_p99: Vec<f64>,
    ratio: Vec<f64>,
}

/// Milliseconds: the medians, and each figure's spread beside them.
#[derive(Serialize)]
pub(super) struct Row {
    p50_ms: f64,
    p99_ms: f64,
    p999_ms: f64,
    passthrough_p99_ms: f64,
    p50: Figure,
    p99: Figure,
    p999: Figure,
    passthrough_p50: Figure,
    passthrough_p99: Figure,
    p99_ratio: Figure,
}

/// All modes.
#[derive(Default)]
pub(super) struct Summary(BTreeMap<Mode, Rounds>);

impl Summary {
    pub(super) fn add(&mut self, mode: Mode, host: &Window, copy: &Window) {
        let rounds = self.0.entry(mode).or_default();
        rounds.p50.push(host.ms(0.5));
        rounds.p99.push(host.ms(0.99));
        rounds.p999.push(host.ms(0.999));
        rounds.passthrough_p50.push(copy.ms(0.5));
        rounds.passthrough_p99.push(copy.ms(0.99));
        rounds.ratio.push(host.ms(0.99) / copy.ms(0.99));
    }

    pub(super) fn report(&self) -> BTreeMap<&'static str, Row> {
        self.0.iter().map(|(mode, rounds)| (mode.as_str(), Row::of(rounds))).collect()
    }

    pub(super) fn print(&self) {
        println!(
            "{:14} {:>8} {:>8} {:>9} {:>17} {:>17} {:>7}",
            "ms", "p50", "p99", "p99.9", "pass-through p50", "pass-through p99", "ratio"
        );
        for (mode, row) in self.report() {
            let ratio = row.p99_ratio.median;
            println!(
                "{mode:14} {:>8.2} {:>8.2} {:>9.2} {:>17.2} {:>17.2} {ratio:>7.2}  ({:.2}-{:.2}; at most {P99_RATIO_MAX}: {})",
                row.p50_ms,
                row.p99_ms,
                row.p999_ms,
                row.passthrough_p50.median,
                row.passthrough_p99_ms,
                row.p99_ratio.min,
                row.p99_ratio.max,
                if ratio <= P99_RATIO_MAX { "met" } else { "MISSED" }
            );
        }
    }
}

impl Row {
    fn of(rounds: &Rounds) -> Self {
        let (p50, p99, p999) = (Figure::of(&rounds.p50), Figure::of(&rounds.p99), Figure::of(&rounds.p999));
        let (passthrough_p50, passthrough_p99) = (Figure::of(&rounds.passthrough_p50), Figure::of(&rounds.passthrough_p99));
        Self {
            p50_ms: p50.median,
            p99_ms: p99.median,
            p999_ms: p999.median,
            passthrough_p99_ms: passthrough_p99.median,
            p50,
            p99,
            p999,
            passthrough_p50,
            passthrough_p99,
            p99_ratio: Figure::of(&rounds.ratio),
        }
    }
}
