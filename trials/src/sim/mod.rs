//! `cargo xtask sim`: thousands of schedules of faults, rebalances, kills, traps and swaps, each following from its seed, on lanes
//! over a broker in memory; then a checker over everything that was committed.

mod check;
#[path = "../../../host/tests/fakes/mod.rs"]
mod fakes;
mod link;
mod plan;
#[cfg(test)]
mod tests;
mod world;

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Result, bail};
use serde::Serialize;

use check::Violation;
use plan::Plan;
use world::{Happened, World};

use crate::report;

/// Simulates lanes under faults.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// How many schedules.
    #[arg(long, default_value_t = 2000)]
    seeds: u64,
    /// Runs this schedule alone and says what happened in it.
    #[arg(long)]
    seed: Option<u64>,
    /// First seed.
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// Where the figures go, as JSON.
    #[arg(long)]
    report: Option<PathBuf>,
}

#[derive(Debug, Default, Serialize)]
struct Report {
    schedules: u64,
    faults: u64,
    rebalances: u64,
    swaps: u64,
    violations: u64,
    kills: u64,
    traps: u64,
    records: u64,
    aborted_seen: u64,
    schedules_per_minute: f64,
}

impl Report {
    fn add(&mut self, outcome: &Outcome) {
        self.schedules += 1;
        self.faults += outcome.happened.faults;
        self.rebalances += outcome.happened.rebalances;
        self.swaps += outcome.happened.swaps;
        self.kills += outcome.happened.kills;
        self.traps += outcome.happened.traps;
        self.records += outcome.happened.records;
        self.aborted_seen += outcome.aborted;
        self.violations += outcome.violations.len() as u64;
    }
}

/// How one schedule ended.
struct Outcome {
    happened: Happened,
    aborted: u64,
    violations: Vec<Violation>,
}

/// Runs the schedule of a seed; `change` may alter its plan.
fn simulate(seed: u64, change: impl FnOnce(&mut Plan)) -> Result<Outcome> {
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut plan = Plan::of(&mut rng);
    change(&mut plan);
    let mut world = World::new(plan, rng)?;
    for _ in 0..world.plan.ticks {
        world.tick()?;
    }
    let done = world.settle()?;
    let (mut violations, aborted) = check::check(&world)?;
    if !done {
        violations.push(Violation("not everything was read to its end although no fault happened any more".to_owned()));
    }
    Ok(Outcome { happened: world.happened, aborted, violations })
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let seeds = args.seed.map_or(args.from..args.from + args.seeds, |seed| seed..seed + 1);
    let began = Instant::now();
    let mut report = Report::default();
    for seed in seeds {
        let outcome = simulate(seed, |_| {})?;
        for violation in outcome.violations.iter().take(if args.seed.is_some() { usize::MAX } else { 3 }) {
            eprintln!("seed {seed}: {}   (alone: cargo xtask sim --seed {seed})", violation.0);
        }
        report.add(&outcome);
    }
    report.schedules_per_minute = (report.schedules as f64 * 60.0 / began.elapsed().as_secs_f64()).round();
    println!(
        "schedules {}  faults {}  rebalances {}  swaps {}  kills {}  traps {}  records {}  aborted seen {}  per minute {}  violations {}",
        report.schedules,
        report.faults,
        report.rebalances,
        report.swaps,
        report.kills,
        report.traps,
        report.records,
        report.aborted_seen,
        report.schedules_per_minute,
        report.violations
    );
    report::write(args.report.as_deref(), &report)?;
    if report.violations > 0 {
        bail!("{} violations", report.violations);
    }
    Ok(())
}
