//! Records that a model falls over, and what they may not do to the others.

use crate::fakes::new_spare;
use sandstream::pipeline::Config;
use sandstream::registry::Raised;
use sandstream::stream::Delivery;
use sandstream::telemetry::LaneState;
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
