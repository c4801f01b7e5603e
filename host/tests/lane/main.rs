//! The lane on a broker in memory: what becomes of records, in which order, and what a failure leaves behind.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod bounds;
#[path = "../fakes/mod.rs"]
mod fakes;
mod poison;
mod world;

use std::sync::Arc;
use std::time::Duration;

use fakes::{put, version, version_with};
use sandstream::pipeline::{Config, DataType, Lane, OnNoModel, Step, TypeOf};
use sandstream::registry::Route;
use sandstream::stream::Delivery;
use sandstream::stream::memory::{Fault, Faults, Isolation, MemoryLink, Message};
use sandstream::telemetry::LaneState;
use sandstream::types::Limits;
use world::*;

#[test]
fn results_keep_order_partition_key_timestamp_and_headers() {
    let mut world = World::new();
    world.live(3, Some(&wine(3, "fake:10")), None);
    for (partition, value) in [(0, "1"), (1, "2"), (0, "3"), (1, "4"), (0, "5")] {
        world.send(partition, "wine", value);
    }
    world.settle();
    assert_eq!(world.results(0), ["m@3 3 0/0 11", "m@3 3 0/1 13", "m@3 3 0/2 15"]);
    assert_eq!(world.results(1), ["m@3 3 1/0 12", "m@3 3 1/1 14"]);
    let first = &world.broker.read("out", 0, 0, Isolation::Committed)[0].message;
    assert_eq!((first.key.as_deref(), first.timestamp, first.header("type")), (Some(&b"k"[..]), 7, Some("wine")));
    assert_eq!((world.committed(0), world.committed(1)), (Some(3), Some(2)));
    assert_eq!(world.state(), LaneState::Running);
}

#[test]
fn what_a_record_caused_is_a_dead_letter_with_the_reason() {
    let mut world = World::new();
    world.live(3, Some(&wine(3, "fake:0 reject-on:4 refuse-on:5")), None);
    for (data_type, value) in [("wine", "1"), ("wine", "red"), ("milk", "2"), ("wine", "4"), ("wine", "5"), ("wine", "6")] {
        world.send(0, data_type, value);
    }
    let none = Message { key: None, value: None, timestamp: 7, headers: vec![(b"type".to_vec(), Some(b"wine".to_vec()))] };
    world.broker.produce("in", 0, none).unwrap();
    world.broker.produce("in", 0, Message::of("8")).unwrap();
    world.settle();
    assert_eq!(world.results(0), ["m@3 3 0/0 1", "m@3 3 0/5 6"]);
    let expected = [
        ("1", "decode", "expected a number, got `red` at byte 0"),
        ("2", "route", "data type `milk` is not declared; the stream has wine, beer"),
        ("3", "score", "4 is rejected"),
        ("4", "score", "refused: row 0 holds the refused value 5"),
        ("6", "decode", "the record has no value"),
        ("7", "route", "the record has no header `type`, which names its data type"),
    ];
    let expected = expected.map(|(offset, stage, reason)| (offset.to_owned(), stage.to_owned(), reason.to_owned()));
    assert_eq!(world.letters(0), expected);
}

#[test]
fn a_dead_letter_says_where_it_came_from() {
    let mut world = World::new();
    let model = wine(3, "fake:0 reject-on:4");
    world.live(3, Some(&model), None);
    world.send(1, "wine", "4");
    world.settle();
    let letter = world.broker.read("dlq", 1, 0, Isolation::Committed).remove(0).message;
    let text = |value: &Option<Vec<u8>>| String::from_utf8(value.clone().unwrap()).unwrap();
    let found: Vec<_> =
        letter.headers.iter().map(|(name, value)| (String::from_utf8(name.clone()).unwrap(), text(value))).collect();
    let digest = model.digest.to_string();
    let expected = [
        ("type", "wine"),
        ("__connect.errors.topic", "in"),
        ("__connect.errors.partition", "1"),
        ("__connect.errors.offset", "0"),
        ("__connect.errors.connector.name", "g"),
        ("__connect.errors.task.id", "0"),
        ("__connect.errors.stage", "score"),
        ("__connect.errors.exception.class.name", "sandstream.Rejected"),
        ("__connect.errors.exception.message", "4 is rejected"),
        ("sandstream.data_type", "wine"),
        ("sandstream.model", "wine/m@3"),
        ("sandstream.digest", digest.as_str()),
    ];
    assert_eq!(found, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    assert_eq!((letter.key.as_deref(), letter.value.as_deref(), letter.timestamp), (Some(&b"k"[..]), Some(&b"4"[..]), 7));
}

#[test]
fn a_partition_is_cut_at_its_first_held_row() {
    let mut world = World::new();
    let model = wine(3, "fake:0");
    world.live(3, Some(&model), None);
    for (partition, data_type) in [(0, "wine"), (0, "beer"), (0, "wine"), (1, "wine"), (1, "wine")] {
        world.send(partition, data_type, "1");
    }
    world.settle();
    assert_eq!(world.results(0), ["m@3 3 0/0 1"], "the wine behind the beer waits");
    assert_eq!(world.results(1).len(), 2, "the other partition flows");
    assert_eq!((world.committed(0), world.committed(1)), (Some(1), Some(2)));
    assert_eq!(world.state(), LaneState::Holding("waiting for a model of beer".to_owned()));
    world.live(4, Some(&model), Some(&version("beer", "b", 4, "fake:100", 1).unwrap()));
    world.settle();
    assert_eq!(world.results(0), ["m@3 3 0/0 1", "b@4 4 0/1 101", "m@3 3 0/2 1"]);
    assert_eq!(world.state(), LaneState::Running);
}

#[test]
fn waiting_ends_where_it_is_configured() {
    let config = Config { on_no_model: OnNoModel::DeadLetterAfter(Duration::from_secs(5)), ..config() };
    let mut world = World::with(config, Delivery::ExactlyOnce);
    world.send(0, "wine", "1");
    for _ in 0..20 {
        world.later(1000);
        world.step();
    }
    assert!(world.letters(0).is_empty(), "before the control log has been read the model may be in it");
    world.registry.set_caught_up();
    for _ in 0..3 {
        world.later(1000);
        world.step();
    }
    assert!(world.letters(0).is_empty(), "it has not waited for 5 s");
    for _ in 0..8 {
        world.later(1000);
        world.step();
    }
    assert_eq!(world.letters(0), [("0".to_owned(), "route".to_owned(), "no model of data type `wine` is live".to_owned())]);
}

#[test]
fn the_route_says_dead_letter_at_once() {
    let mut world = World::new();
    put(&world.registry, 1, &[Route::DeadLetter, Route::Wait]);
    world.send(0, "wine", "1");
    world.settle();
    assert_eq!(world.letters(0)[0].1, "route");
}

#[test]
fn partitions_that_are_wanted_back_between_two_slices_leave_no_half() {
    let limits = Limits { call_base: Duration::ZERO, call_per_row: Duration::from_millis(300), ..Limits::default() };
    let mut world = World::new();
    let model = version_with("wine", "m", 3, "fake:0", 2, limits).unwrap();
    world.live(3, Some(&model), None);
    for i in 0..10 {
        world.send(i % 2, "wine", "1");
    }
    world.step();
    assert_eq!(world.step(), Step::Worked(3));
    let link = MemoryLink::open(&world.broker, options(Delivery::ExactlyOnce, "g-host-1", &Faults::none()));
    let other = Config { lane: 1, ..world.config.clone() };
    let mut other = Lane::new(link, other, Arc::clone(&world.registry), Arc::default());
    for _ in 0..100 {
        world.later(50);
        world.step();
        other.step(world.now).unwrap();
    }
    for partition in [0, 1] {
        let expected: Vec<_> = (0..5).map(|offset| format!("m@3 3 {partition}/{offset} 1")).collect();
        assert_eq!(world.results(partition), expected);
    }
    assert_eq!(world.lane().stats().aborts.get(), 0);
}

#[test]
fn failures_leave_every_result_once() {
    let faults = [
        Fault::Send,
        Fault::CommitRefused,
        Fault::CommitApplied,
        Fault::CommitUnapplied,
        Fault::Fill,
        Fault::Expelled,
        Fault::Abort,
    ];
    for fault in faults {
        let mut world = World::new();
        world.live(3, Some(&wine(3, "fake:0")), None);
        for _ in 0..5 {
            world.send(0, "wine", "1");
            world.send(1, "wine", "1");
        }
        world.step();
        if fault == Fault::Abort {
            world.faults.inject(Fault::CommitRefused);
        }
        world.faults.inject(fault);
        world.settle();
        world.send(0, "wine", "2");
        world.settle();
        assert_eq!(world.faults.happened(), if fault == Fault::Abort { 2 } else { 1 }, "{fault:?}");
        let expected: Vec<_> = (0..6).map(|offset| format!("m@3 3 0/{offset} {}", 1 + offset / 5)).collect();
        assert_eq!(world.results(0), expected, "{fault:?}");
        assert_eq!(world.results(1).len(), 5, "{fault:?}");
        let keys: Vec<_> =
            world.activations().into_iter().filter(|(key, ..)| key == "s/in/0/wine").map(|(_, at, _)| at).collect();
        assert_eq!(keys.first(), Some(&0), "{fault:?}: the first batch has its activation though it was aborted once");
    }
}

#[test]
fn an_aborted_transaction_is_seen_by_who_reads_uncommitted() {
    let mut world = World::new();
    world.live(3, Some(&wine(3, "fake:0")), None);
    world.send(0, "wine", "1");
    world.faults.inject(Fault::CommitRefused);
    world.settle();
    assert_eq!(world.results(0).len(), 1);
    assert_eq!(world.values("out", 0, Isolation::Uncommitted).len(), 2);
    assert_eq!(world.lane().stats().aborts.get(), 1);
}

#[test]
fn a_lane_without_records_keeps_no_version_from_being_freed() {
    let mut world = World::new();
    let old = wine(1, "fake:1");
    world.live(1, Some(&old), None);
    world.send(0, "wine", "1");
    world.settle();
    world.live(2, None, None);
    assert_eq!(Arc::strong_count(&old), 1);
}

#[test]
fn activations_are_the_exact_boundaries() {
    let mut world = World::new();
    let (first, second) = (wine(3, "fake:0"), wine(5, "fake:1"));
    let sent = |world: &World| [0, 1].map(|partition| world.send(partition, "wine", "1"));
    world.live(3, Some(&first), None);
    sent(&world);
    world.settle();
    sent(&world);
    world.settle();
    world.live(5, Some(&second), None);
    world.send(0, "wine", "1");
    world.settle();
    world.live(6, Some(&first), None);
    sent(&world);
    world.settle();
    let expected = [("s/in/0/wine", 0, 3), ("s/in/1/wine", 0, 3), ("s/in/0/wine", 2, 5), ("s/in/0/wine", 3, 3)];
    let mut found = world.activations();
    found[..2].sort();
    assert_eq!(found, expected.map(|(key, at, revision)| (key.to_owned(), at, revision)));
}

#[test]
fn a_lane_without_records_is_ready_for_them() {
    let mut world = World::new();
    assert_eq!(world.state(), LaneState::Starting);
    world.settle();
    assert_eq!(world.state(), LaneState::Running);
}

#[test]
fn draining_commits_what_was_delivered_and_leaves_the_rest() {
    let mut world = World::new();
    world.live(3, Some(&wine(3, "fake:0")), None);
    world.send(0, "wine", "1");
    world.step();
    assert_eq!(world.step(), Step::Worked(1));
    assert_eq!(world.committed(0), None);
    world.lane().drain().unwrap();
    assert_eq!((world.results(0).len(), world.committed(0), world.state()), (1, Some(1), LaneState::Drained));
    assert_eq!(world.lane().stats().aborts.get(), 0);
}

#[test]
fn a_killed_lane_is_taken_over_without_loss_or_repetition() {
    let mut world = World::new();
    world.live(3, Some(&version("wine", "m", 3, "fake:0", 2).unwrap()), None);
    for _ in 0..5 {
        world.send(0, "wine", "1");
    }
    world.step();
    assert_eq!(world.step(), Step::Worked(5), "sent, not committed");
    let link = world.lane.take().unwrap().into_link();
    let member = link.member();
    link.vanish();
    assert_eq!(world.results(0).len(), 0);
    world.broker.expel("g", member);
    let link = MemoryLink::open(&world.broker, options(Delivery::ExactlyOnce, "g-host-0", &world.faults));
    world.lane = Some(Lane::new(link, world.config.clone(), Arc::clone(&world.registry), Arc::default()));
    world.settle();
    assert_eq!(world.results(0).len(), 5);
    assert_eq!(world.values("out", 0, Isolation::Uncommitted).len(), 10);
}

#[test]
fn a_fenced_lane_stops_and_says_so() {
    let mut world = World::new();
    world.live(3, Some(&wine(3, "fake:0")), None);
    world.send(0, "wine", "1");
    world.step();
    let _namesake = MemoryLink::open(&world.broker, options(Delivery::ExactlyOnce, "g-host-0", &Faults::none()));
    let now = world.now;
    let stop = (0..10).find_map(|_| world.lane().step(now).err()).unwrap();
    assert!(stop.to_string().contains("fenced"), "{stop}");
    assert!(matches!(world.state(), LaneState::Stopped(_)));
}

#[test]
fn at_least_once_repeats_what_was_not_committed() {
    let mut world = World::with(config(), Delivery::AtLeastOnce);
    world.live(3, Some(&wine(3, "fake:0")), None);
    world.send(0, "wine", "1");
    world.faults.inject(Fault::CommitRefused);
    world.settle();
    assert_eq!((world.results(0).len(), world.committed(0)), (2, Some(1)));
}

#[test]
fn the_data_type_can_be_a_field_of_the_record() {
    use sandstream::codec::{Declared, Format, Selector, Spec, open};
    use sandstream::types::Kind;
    let fields = vec![Declared { name: "x".to_owned(), kind: Some(Kind::Number) }];
    let spec =
        |name: &str| Spec { data_type: name.to_owned(), format: Format::Json, fields: fields.clone(), features: Vec::new() };
    let specs = [spec("wine"), spec("beer")];
    let types = specs.iter().map(|spec| DataType { name: spec.data_type.clone(), codec: open(spec).unwrap() }).collect();
    let type_of = TypeOf::Field(Selector::new(&specs, "kind").unwrap());
    let mut world = World::with(Config { types, type_of, ..config() }, Delivery::ExactlyOnce);
    put(&world.registry, 1, &[Route::DeadLetter, Route::DeadLetter]);
    for value in [r#"{"kind":"beer","x":1}"#, r#"{"kind":"milk"}"#, r#"{"x":1}"#, "{"] {
        world.send(0, "ignored", value);
    }
    world.settle();
    let reasons: Vec<_> = world.letters(0).into_iter().map(|(_, stage, reason)| (stage, reason)).collect();
    assert_eq!(reasons[0].1, "no model of data type `beer` is live");
    assert_eq!(reasons[1].1, "data type `milk` is not declared; the stream has wine, beer");
    assert_eq!(reasons[2].1, "the field that names the record's data type is missing");
    assert_eq!(reasons[3].0, "decode");
}
