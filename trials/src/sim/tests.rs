#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use super::link::Sabotage;
use super::{Report, simulate};

#[test]
fn three_hundred_schedules_violate_nothing() {
    let mut report = Report::default();
    for seed in 0..300 {
        let outcome = simulate(seed, |_| {}).unwrap();
        assert!(outcome.violations.is_empty(), "cargo xtask sim --seed {seed}: {:?}", outcome.violations);
        report.add(&outcome);
    }
    // A simulation in which little happens proves little.
    assert!(report.faults > 1000 && report.kills > 300 && report.swaps > 3000 && report.rebalances > 3000, "{report:?}");
    assert!(report.aborted_seen > 1000 && report.traps > 100, "{report:?}");
}

/// Words of the violations of the first schedules with a mistake made on purpose.
fn seen_of(sabotage: Sabotage) -> String {
    let outcomes = (0..60).map(|seed| simulate(seed, |plan| plan.sabotage = Some(sabotage)).unwrap());
    outcomes.flat_map(|outcome| outcome.violations).map(|violation| violation.0 + "\n").collect()
}

#[test]
fn the_checker_sees_an_abort_that_does_not_rewind() {
    assert!(seen_of(Sabotage::SkipRewind).contains("is missing"));
}

#[test]
fn the_checker_sees_held_records_that_are_dropped() {
    assert!(seen_of(Sabotage::DropHeld).contains("is missing"));
}

#[test]
fn the_checker_sees_results_without_their_offsets() {
    let seen = seen_of(Sabotage::ForgetOffsets);
    assert!(seen.contains("is duplicated") && seen.contains("reordered"), "{seen}");
}

#[test]
fn a_seed_says_it_all() {
    let run = || simulate(7, |_| {}).unwrap();
    let (a, b) = (run(), run());
    assert_eq!((a.happened.faults, a.happened.rebalances, a.aborted), (b.happened.faults, b.happened.rebalances, b.aborted));
}
