//! Medians over the rounds, and the targets: ratios are taken within a round, then the median of them.

use std::collections::BTreeMap;

use serde::Serialize;

use super::case::Case;
use super::drain::Drained;
use crate::kit::world::Format;
use crate::report::Figure;

/// What a host keeps of the pass-through's rate at least, with the linear model on Protobuf.
const RATE_MIN: f64 = 0.85;
/// CPU that the linear model adds to a record at most, by the format of the input: microseconds.
const ADDED_MAX: [(Format, f64); 2] = [(Format::Protobuf, 0.4), (Format::Json, 0.8)];
/// CPU of exactly-once over at-least-once at most.
const EXACTLY_ONCE_MAX: f64 = 1.5;

/// Every drain, by format and case, in the order of the rounds.
#[derive(Default)]
pub(super) struct Rounds(BTreeMap<(Format, Case), Vec<Drained>>);

impl Rounds {
    pub(super) fn add(&mut self, format: Format, case: Case, drained: Drained) {
        self.0.entry((format, case)).or_default().push(drained);
    }

    /// What two cases of each round make together.
    fn pairs(&self, format: Format, one: Case, other: Case, make: impl Fn(&Drained, &Drained) -> f64) -> Figure {
        let of = |case| self.0.get(&(format, case)).map_or(&[][..], Vec::as_slice);
        Figure::of(&of(one).iter().zip(of(other)).map(|(one, other)| make(one, other)).collect::<Vec<_>>())
    }
}

/// One case: the medians, and each figure's spread beside them.
#[derive(Serialize)]
struct Row {
    records_per_s: f64,
    host_cpu_us_per_record: f64,
    rate: Figure,
    cpu: Figure,
}

/// A target and what came of it.
struct Judged {
    what: String,
    figure: Figure,
    /// Bound, and whether it is the least.
    bound: (f64, bool),
}

/// The report, by format and case; the targets are only printed.
#[derive(Serialize)]
#[serde(transparent)]
pub(super) struct Summary {
    rows: BTreeMap<&'static str, BTreeMap<&'static str, Row>>,
    #[serde(skip)]
    judged: Vec<Judged>,
}

impl Summary {
    pub(super) fn of(rounds: &Rounds) -> Self {
        let mut rows = BTreeMap::<_, BTreeMap<_, _>>::new();
        for ((format, case), drains) in &rounds.0 {
            let rate = Figure::of(&drains.iter().map(|drained| drained.records_per_s).collect::<Vec<_>>());
            let cpu = Figure::of(&drains.iter().map(|drained| drained.cpu_us_per_record).collect::<Vec<_>>());
            let row = Row { records_per_s: rate.median, host_cpu_us_per_record: cpu.median, rate, cpu };
            rows.entry(format.as_str()).or_default().insert(case.as_str(), row);
        }
        Self { rows, judged: judge(rounds) }
    }

    pub(super) fn print(&self) {
        println!("{:8} {:26} {:>10} {:>21} {:>9} {:>15}", "input", "program", "records/s", "min-max", "us/record", "min-max");
        for (format, cases) in &self.rows {
            for (case, Row { rate, cpu, .. }) in cases {
                println!(
                    "{format:8} {case:26} {:>10.0} {:>10.0}-{:<10.0} {:>9.3} {:>7.3}-{:<7.3}",
                    rate.median, rate.min, rate.max, cpu.median, cpu.min, cpu.max
                );
            }
        }
        for Judged { what, figure, bound: (bound, least) } in &self.judged {
            let met = if *least { figure.median >= *bound } else { figure.median <= *bound };
            println!(
                "{what}: {:.3} ({:.3}-{:.3}; {} {bound}: {})",
                figure.median,
                figure.min,
                figure.max,
                if *least { "at least" } else { "at most" },
                if met { "met" } else { "MISSED" }
            );
        }
    }
}

fn judge(rounds: &Rounds) -> Vec<Judged> {
    let rate = |one: &Drained, other: &Drained| one.records_per_s / other.records_per_s;
    let figure = rounds.pairs(Format::Protobuf, Case::Linear, Case::PassThrough, rate);
    let what = "linear over pass-through, records/s, protobuf".to_owned();
    let mut judged = vec![Judged { what, figure, bound: (RATE_MIN, true) }];
    for (format, most) in ADDED_MAX {
        let added = |one: &Drained, other: &Drained| one.cpu_us_per_record - other.cpu_us_per_record;
        let figure = rounds.pairs(format, Case::Linear, Case::PassThrough, added);
        let what = format!("CPU that linear adds to a record, us, {}", format.as_str());
        judged.push(Judged { what, figure, bound: (most, false) });
        let ratio = |one: &Drained, other: &Drained| one.cpu_us_per_record / other.cpu_us_per_record;
        let figure = rounds.pairs(format, Case::PassThrough, Case::PassThroughAtLeastOnce, ratio);
        let what = format!("CPU of exactly once over at least once, {}", format.as_str());
        judged.push(Judged { what, figure, bound: (EXACTLY_ONCE_MAX, false) });
    }
    judged
}
