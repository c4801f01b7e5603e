//! Records that a model falls over, and what they may not do to the others.

use crate::fakes::{new_spare, put_with};
use sandstream::pipeline::Config;
use sandstream::registry::{Raised, Route, Version};
use sandstream::stream::Delivery;
use sandstream::telemetry::LaneState;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::world::*;

#[test]
fn poison_alone_is_dead_lettered_and_the_rest_is_scored_in_order() {
    let mut world = World::new();
    let model = wine(3, "fake:0 trap-on:13");
    world.live(3, Some(&model), None);
    let values = ["1", "2", "13", "3", "13", "4"];
    for value in values {
        world.send(0, "wine", value);
    }
    for _ in 0..40 {
        world.settle();
        while let Some(raised) = world.registry.next_raised() {
            let Raised::SeatLost { version, .. } = raised else { panic!("not quarantined: {raised:?}") };
            new_spare(&version).unwrap();
        }
    }
    assert_eq!(world.results(0), ["m@3 3 0/0 1", "m@3 3 0/1 2", "m@3 3 0/3 3", "m@3 3 0/5 4"]);
    let reason = "trap: row 0 holds the trap value 13".to_owned();
    let letter = |offset: &str| (offset.to_owned(), "score".to_owned(), reason.clone());
    assert_eq!(world.letters(0), [letter("2"), letter("4")]);
    assert!(world.lane().stats().traps.get() >= 3, "one call of all rows, one for each poison record");
}

#[test]
fn without_a_fresh_session_records_wait() {
    let mut world = World::new();
    let model = wine(3, "fake:0 trap-on:13");
    model.take_spare();
    world.live(3, Some(&model), None);
    world.send(0, "wine", "13");
    world.settle();
    assert_eq!(world.letters(0).len(), 1, "a row that was alone when the model trapped needs no second call");
    world.send(0, "wine", "1");
    world.settle();
    assert_eq!(world.results(0).len(), 0);
    assert_eq!(world.state(), LaneState::Holding("waiting for a fresh session of a model that trapped".to_owned()));
    new_spare(&model).unwrap();
    world.settle();
    assert_eq!(world.results(0), ["m@3 3 0/1 1"]);
}

#[test]
fn a_late_call_is_held_against_a_record_the_second_time_only() {
    let mut world = World::new();
    let model = wine(3, "fake:0 late-on:9");
    model.take_spare();
    world.live(3, Some(&model), None);
    world.send(0, "wine", "9");
    for expected in [0, 1] {
        for _ in 0..20 {
            world.later(50);
            world.step();
        }
        assert_eq!(world.letters(0).len(), expected);
        new_spare(&model).unwrap();
    }
    assert_eq!(world.letters(0)[0].2, "not done within its time limit");
}

#[test]
fn a_version_that_fails_too_often_is_quarantined_and_its_rows_wait() {
    let mut world = World::with(Config { strikes_max: 2, ..config() }, Delivery::ExactlyOnce);
    let bad = wine(3, "fake:0 trap-on:1");
    world.live(3, Some(&bad), None);
    for _ in 0..10 {
        world.send(0, "wine", "1");
    }
    let mut quarantined = 0;
    for _ in 0..10 {
        world.settle();
        while let Some(raised) = world.registry.next_raised() {
            quarantined += usize::from(matches!(raised, Raised::Quarantine { .. }));
        }
        new_spare(&bad).unwrap();
    }
    assert_eq!(quarantined, 1);
    assert!(bad.quarantined.load(Ordering::Acquire));
    let dead = world.letters(0).len();
    assert!(dead < 3, "{dead} dead letters although only two strikes are allowed");
    world.live(4, Some(&wine(4, "fake:0")), None);
    world.settle();
    assert_eq!(world.results(0).len() + dead, 10);
}

#[test]
fn a_trickle_of_poison_quarantines_nothing() {
    let mut world = World::with(Config { strikes_max: 4, ..config() }, Delivery::ExactlyOnce);
    let model = wine(3, "fake:0 trap-on:13");
    world.live(3, Some(&model), None);
    for round in 1..=6 {
        for value in ["1", "13", "2"] {
            world.send(0, "wine", value);
        }
        world.settle();
        while let Some(raised) = world.registry.next_raised() {
            let Raised::SeatLost { version, .. } = raised else { panic!("round {round}: {raised:?}") };
            new_spare(&version).unwrap();
            world.settle();
        }
    }
    assert_eq!((world.results(0).len(), world.letters(0).len()), (12, 6));
}

/// Sends values one by one, each answered before the next; the lane has `live` and what answered before. How often it was
/// quarantined.
fn one_by_one(world: &mut World, live: &Arc<Version>, before: &Arc<Version>, values: &[&str]) -> usize {
    let routes = [Route::Live(Arc::clone(live)), Route::Wait];
    put_with(&world.registry, 4, &routes, &[Some(Arc::clone(before)), None]);
    let mut quarantined = 0;
    for value in values {
        world.send(0, "wine", value);
        world.settle();
        while let Some(raised) = world.registry.next_raised() {
            match raised {
                Raised::SeatLost { version, .. } => new_spare(&version).unwrap(),
                Raised::Quarantine { version, reason } => {
                    assert!(Arc::ptr_eq(&version, live));
                    assert!(reason.contains("records that `m@3` scores, the last one: trap"), "{reason}");
                    quarantined += 1;
                }
            }
        }
    }
    quarantined
}

#[test]
fn a_version_that_falls_over_records_the_one_before_scores_is_quarantined() {
    let mut world = World::new();
    let (good, bad) = (wine(3, "fake:0"), wine(4, "fake:0 trap-on:13"));
    assert_eq!(one_by_one(&mut world, &bad, &good, &["1", "13", "2", "13"]), 0);
    assert_eq!(one_by_one(&mut world, &bad, &good, &["13"]), 1);
    // The third of them was not lost to it: it waits for the next version.
    assert_eq!(world.letters(0).len(), 2);
    world.live(3, Some(&good), None);
    world.settle();
    assert_eq!(world.results(0), ["m@4 4 0/0 1", "m@4 4 0/2 2", "m@3 3 0/4 13"]);
}

#[test]
fn records_that_both_versions_fall_over_or_that_are_few_quarantine_nothing() {
    let few: Vec<&str> = [["1"; 120].as_slice(), &["13"]].concat().repeat(4);
    let both = |before| (before, vec!["13"; 12]);
    for (before, values) in [both("fake:0 trap-on:13"), both("fake:0 reject-on:13"), ("fake:0", few)] {
        let mut world = World::new();
        let (before, live) = (wine(3, before), wine(4, "fake:0 trap-on:13"));
        assert_eq!(one_by_one(&mut world, &live, &before, &values), 0);
        assert_eq!(world.letters(0).len(), values.iter().filter(|value| **value == "13").count());
    }
}

#[test]
fn the_first_rows_of_a_batch_are_few_among_all_of_it() {
    let mut world = World::new();
    let (before, live) = (wine(3, "fake:0"), wine(4, "fake:0 trap-on:13"));
    for value in [["13"; 3].as_slice(), &["1"; 500]].concat() {
        world.send(0, "wine", value);
    }
    assert_eq!(one_by_one(&mut world, &live, &before, &["1"; 5]), 0);
    assert_eq!((world.results(0).len(), world.letters(0).len()), (505, 3));
}

#[test]
fn a_witness_that_lost_its_session_is_asked_again_with_a_fresh_one() {
    let mut world = World::new();
    let (before, live) = (wine(3, "fake:0 trap-on:99"), wine(4, "fake:0 trap-on:99 trap-on:13"));
    before.take_spare();
    assert_eq!(one_by_one(&mut world, &live, &before, &["99"]), 0);
    new_spare(&before).unwrap();
    assert_eq!(one_by_one(&mut world, &live, &before, &["13", "13", "13"]), 1);
}
