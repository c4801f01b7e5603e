//! What is too large, too slow or too much.

use crate::fakes::version_with;
use prost::Message as _;
use sandstream::pipeline::{Config, Step, headers};
use sandstream::stream::Delivery;
use sandstream::stream::memory::{Isolation, Message};
use sandstream::telemetry::LetterStage;
use sandstream::types::Limits;
use sandstream::types::proto::Envelope;
use std::time::Duration;

use crate::world::*;

#[test]
fn a_slow_model_gets_its_rows_in_slices_that_fit_a_step() {
    let limits = Limits { call_base: Duration::ZERO, call_per_row: Duration::from_millis(300), ..Limits::default() };
    let mut world = World::new();
    world.live(3, Some(&version_with("wine", "m", 3, "fake:0", 1, limits).unwrap()), None);
    for _ in 0..7 {
        world.send(0, "wine", "1");
    }
    assert_eq!(world.step(), Step::Rebalanced);
    let steps: Vec<_> = (0..4).map(|_| world.step()).collect();
    assert_eq!(steps, [Step::Worked(3), Step::Worked(3), Step::Worked(1), Step::Idle]);
}

#[test]
fn too_large_a_share_of_dead_letters_stops_the_flow_until_the_models_change() {
    let mut world = World::with(Config { dead_letter_share_max: Some(0.5), ..config() }, Delivery::ExactlyOnce);
    world.live(3, Some(&wine(3, "fake:0 reject-on:1")), None);
    for _ in 0..1000 {
        world.send(0, "wine", "1");
    }
    world.settle();
    assert_eq!((world.letters(0).len(), world.committed(0)), (0, None));
    assert!(world.state().reason().unwrap().contains("dead letters"), "{:?}", world.state());
    world.live(4, Some(&wine(4, "fake:0")), None);
    world.settle();
    assert_eq!(world.results(0).len(), 1000);
}

#[test]
fn what_is_too_large_is_told_but_not_sent() {
    let mut world = World::with(Config { record_bytes_max: 1500, ..config() }, Delivery::ExactlyOnce);
    world.live(3, Some(&wine(3, "fake:0")), None);
    let large = "x".repeat(2000);
    world.send(0, "wine", &large);
    world.settle();
    let letter = world.broker.read("dlq", 0, 0, Isolation::Committed).remove(0).message;
    assert_eq!((letter.header(headers::ENVELOPE), letter.header(headers::STAGE)), (Some("1"), Some("decode")));
    let envelope = Envelope::decode(letter.value.as_deref().unwrap()).unwrap();
    assert_eq!((envelope.topic.as_str(), envelope.partition, envelope.offset, envelope.size), ("in", 0, 0, 2000));

    let mut world = World::with(Config { record_bytes_max: 5, ..config() }, Delivery::ExactlyOnce);
    world.live(3, Some(&wine(3, "fake:0")), None);
    world.send(0, "wine", "1");
    world.settle();
    assert_eq!(world.lane().stats().dead_letters(LetterStage::Encode), 1);
}

/// A topic counts the key and the headers, which go along with the result.
#[test]
fn a_result_that_is_too_large_with_its_key_is_told_but_not_sent() {
    let mut world = World::with(Config { record_bytes_max: 1500, ..config() }, Delivery::ExactlyOnce);
    world.live(3, Some(&wine(3, "fake:0")), None);
    let message = Message {
        key: Some(vec![b'k'; 2000]),
        value: Some(b"1".to_vec()),
        timestamp: 7,
        headers: vec![(b"type".to_vec(), Some(b"wine".to_vec()))],
    };
    world.broker.produce("in", 0, message).unwrap();
    world.settle();
    assert_eq!(world.results(0).len(), 0);
    let letter = world.broker.read("dlq", 0, 0, Isolation::Committed).remove(0).message;
    assert_eq!((letter.header(headers::ENVELOPE), letter.header(headers::STAGE)), (Some("1"), Some("encode")));
    assert_eq!(letter.key, None, "it fits no topic");
}

#[test]
fn an_open_transaction_is_committed_before_calls_that_may_outlive_it() {
    let limits = Limits { call_base: Duration::ZERO, call_per_row: Duration::from_secs(3), ..Limits::default() };
    let config = Config { transaction_max: Duration::from_secs(4), step_max: Duration::from_millis(900), ..config() };
    let mut world = World::with(Config { commit_every: Duration::from_secs(60), ..config }, Delivery::ExactlyOnce);
    world.live(3, Some(&version_with("wine", "m", 3, "fake:0", 1, limits).unwrap()), None);
    for _ in 0..3 {
        world.send(0, "wine", "1");
    }
    assert_eq!(world.step(), Step::Rebalanced);
    assert_eq!(world.step(), Step::Worked(1));
    assert_eq!(world.results(0).len(), 0, "not due yet");
    world.later(10);
    assert_eq!(world.step(), Step::Worked(1));
    assert_eq!(world.results(0).len(), 1, "what was delivered before the call");
}

#[test]
fn results_that_take_too_much_memory_come_in_smaller_slices() {
    let mut world = World::with(Config { memory_max: 4 * 60, ..config() }, Delivery::ExactlyOnce);
    world.live(3, Some(&wine(3, "fake:0")), None);
    for value in 0..50 {
        world.send(0, "wine", &value.to_string());
    }
    world.settle();
    let expected: Vec<_> = (0..50).map(|value| format!("m@3 3 0/{value} {value}")).collect();
    assert_eq!(world.results(0), expected);
    assert!(world.lane().stats().batches.get() > 12, "60 bytes are 4 results at most");
}
