//! Lanes that come, go, and are taken for dead, on the real broker.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[allow(unreachable_pub, missing_docs, reason = "shared by test programs, which have no readers outside")]
mod support;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use sandstream::stream::kafka::{KafkaLink, LinkConfig};
use sandstream::stream::{Link, LinkError};
use support::copier::Copier;
use support::kafka::{World, assert_exactly_once, broker, fence};

const STEP: Duration = Duration::from_millis(20);
const LONG: Duration = Duration::from_secs(60);

/// Runs a lane until `stop`, then leaves as a host does that was told to end.
fn run(config: LinkConfig, total: &AtomicU64, stop: &AtomicBool) -> Copier<KafkaLink> {
    let mut lane = Copier::new(KafkaLink::open(config).unwrap(), 400);
    while !stop.load(Ordering::Relaxed) {
        let before = lane.copied;
        if lane.step(STEP) == 0 && lane.open > 0 {
            let done = lane.commit().map(|()| 0);
            lane.settle(done);
        }
        total.fetch_add(lane.copied - before, Ordering::Relaxed);
    }
    let before = lane.copied;
    let done = lane.commit().map(|()| 0);
    lane.settle(done);
    total.fetch_add(lane.copied - before, Ordering::Relaxed);
    lane
}

/// Ends the other threads of a test where one of them fails: a scope waits for all.
struct StopOnPanic<'a>(&'a [&'a AtomicBool]);

impl Drop for StopOnPanic<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.iter().for_each(|stop| stop.store(true, Ordering::Relaxed));
        }
    }
}

fn wait_for(what: &str, mut done: impl FnMut() -> bool) {
    let until = Instant::now() + LONG;
    while !done() {
        assert!(Instant::now() < until, "{what}: not within {LONG:?}");
        thread::park_timeout(Duration::from_millis(5));
    }
}

fn joins_and_leaves(stem: &str, strategy: &str) {
    let Some(brokers) = broker() else { return };
    let world = World::new(brokers, stem, 6);
    let config = |lane| {
        let mut config = world.link(lane);
        config.kafka = support::kafka::config(
            brokers,
            &[("partition.assignment.strategy", strategy), ("session.timeout.ms", "6000"), ("heartbeat.interval.ms", "300")],
        );
        config
    };
    let total = AtomicU64::new(0);
    let (stop_first, stop_second) = (AtomicBool::new(false), AtomicBool::new(false));
    let produced = AtomicU64::new(0);
    let (first, second) = thread::scope(|scope| {
        let _guard = StopOnPanic(&[&stop_first, &stop_second]);
        let first = scope.spawn(|| run(config(0), &total, &stop_first));
        scope.spawn(|| {
            let _guard = StopOnPanic(&[&stop_first, &stop_second]);
            // A stream that never dries up, so that partitions change hands under load.
            while !stop_second.load(Ordering::Relaxed) || produced.load(Ordering::Relaxed) < 20_000 {
                let from = produced.load(Ordering::Relaxed);
                world.produce(from..from + 1000);
                produced.store(from + 1000, Ordering::Relaxed);
                wait_for("the lanes keep up", || total.load(Ordering::Relaxed) + 5000 > from);
            }
        });
        wait_for("the first lane copies", || total.load(Ordering::Relaxed) > 2000);
        let share = AtomicU64::new(0);
        let second = thread::scope(|inner| {
            let second = inner.spawn(|| run(config(1), &share, &stop_second));
            wait_for("the second lane has its share", || share.load(Ordering::Relaxed) > 2000);
            total.fetch_add(share.swap(0, Ordering::Relaxed), Ordering::Relaxed);
            stop_second.store(true, Ordering::Relaxed);
            // Dropped here, the link leaves the group.
            second.join().unwrap().copied
        });
        total.fetch_add(share.load(Ordering::Relaxed), Ordering::Relaxed);
        wait_for("the producer ends", || produced.load(Ordering::Relaxed) >= 20_000);
        wait_for("all is copied", || total.load(Ordering::Relaxed) >= produced.load(Ordering::Relaxed));
        stop_first.store(true, Ordering::Relaxed);
        (first.join().unwrap(), second)
    });
    assert!(first.revoked > 0 && second > 0, "{} revocations, {second} records of the second lane", first.revoked);
    assert_exactly_once(&world, produced.load(Ordering::Relaxed));
}

#[test]
fn lanes_join_and_leave_cooperatively() {
    joins_and_leaves("cooperative", "cooperative-sticky");
}

#[test]
fn lanes_join_and_leave_eagerly() {
    joins_and_leaves("eager", "range");
}

#[test]
fn a_fenced_lane_opens_again_and_goes_on() {
    let Some(brokers) = broker() else { return };
    let world = World::new(brokers, "fenced", 2);
    world.produce(0..4000);
    let config = world.link(0);
    let id = config.transactional_id();
    let mut lane = Copier::new(KafkaLink::open(config).unwrap(), 300);
    lane.run_until(1000);
    while lane.open == 0 {
        lane.step(STEP);
    }
    fence(brokers, &id);
    lane.run_until(4000);
    assert!(lane.reopens > 0, "the fence was not noticed");
    assert_exactly_once(&world, 4000);
}

#[test]
fn a_namesake_stops_the_lane() {
    let Some(brokers) = broker() else { return };
    let world = World::new(brokers, "namesake", 1);
    world.produce(0..2000);
    let config = world.link(0);
    let id = config.transactional_id();
    let mut lane = Copier::new(KafkaLink::open(config).unwrap(), u64::MAX);
    let mut errors = Vec::new();
    for _ in 0..2 {
        let until = Instant::now() + LONG;
        while lane.open == 0 {
            assert!(Instant::now() < until);
            lane.step(STEP);
        }
        fence(brokers, &id);
        let error = lane.commit().unwrap_err();
        errors.push(error.clone());
        if let LinkError::Reopen(_) = error {
            lane.settle(Err(error));
        }
    }
    assert!(matches!(&errors[..], [LinkError::Reopen(_), LinkError::Namesake(_)]), "{errors:?}");
    assert!(errors[1].to_string().contains("instance `test`"), "{}", errors[1]);
}

#[test]
fn what_a_lane_leaves_open_is_its_successors() {
    let Some(brokers) = broker() else { return };
    let world = World::new(brokers, "successor", 2);
    world.produce(0..3000);
    let mut lane = Copier::new(KafkaLink::open(world.link(0)).unwrap(), 700);
    lane.run_until(700);
    while lane.open == 0 {
        lane.step(STEP);
    }
    let copied = lane.copied;
    drop(lane);
    let mut lane = Copier::new(KafkaLink::open(world.link(0)).unwrap(), 700);
    lane.run_until(3000 - copied);
    assert_exactly_once(&world, 3000);
}

#[test]
fn at_least_once_copies_all() {
    let Some(brokers) = broker() else { return };
    let world = World::new(brokers, "atleast", 2);
    world.produce(0..3000);
    let mut config = world.link(0);
    config.delivery = sandstream::stream::Delivery::AtLeastOnce;
    let mut lane = Copier::new(KafkaLink::open(config.clone()).unwrap(), 500);
    lane.run_until(1000);
    lane.link.abort().unwrap();
    (lane.open, lane.next) = (0, sandstream::stream::Offsets::default());
    let copied = lane.copied;
    drop(lane);
    let mut lane = Copier::new(KafkaLink::open(config).unwrap(), 500);
    lane.run_until(3000 - copied);
    let mut numbers: Vec<u64> =
        support::kafka::read(brokers, &world.output(), 2, "read_committed").iter().map(support::kafka::Seen::number).collect();
    numbers.sort_unstable();
    numbers.dedup();
    assert!(numbers.into_iter().eq(0..3000), "something is missing");
}
