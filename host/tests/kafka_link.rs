//! A link on the real broker: what is copied is seen exactly once, whatever happens in between.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[allow(unreachable_pub, missing_docs, reason = "shared by test programs, which have no readers outside")]
mod support;

use std::time::{Duration, Instant};

use sandstream::stream::kafka::KafkaLink;
use sandstream::stream::{Event, Link, Offsets, Partition};
use sandstream::types::Batch;
use support::copier::Copier;
use support::kafka::{World, assert_exactly_once, broker, first_timestamp, read};

fn copier(world: &World, every: u64) -> Copier<KafkaLink> {
    Copier::new(KafkaLink::open(world.link(0)).unwrap(), every)
}

#[test]
fn copies_with_everything_a_record_has() {
    let Some(brokers) = broker() else { return };
    let world = World::new(brokers, "copy", 3);
    world.produce(0..3000);
    let mut lane = copier(&world, 700);
    lane.run_until(3000);
    assert_exactly_once(&world, 3000);
    let seen = read(brokers, &world.output(), 3, "read_committed");
    let first = seen.iter().find(|seen| seen.number() == 7).unwrap();
    assert_eq!((first.partition, first.timestamp, first.key.as_deref()), (1, first_timestamp() + 7, Some(&b"7"[..])));
    let expected = vec![("n".to_owned(), Some(b"7".to_vec())), ("copied".to_owned(), Some(b"yes".to_vec()))];
    assert_eq!(first.headers, expected);
}

#[test]
fn aborted_records_are_read_again_and_seen_once() {
    let Some(brokers) = broker() else { return };
    let world = World::new(brokers, "abort", 4);
    world.produce(0..20_000);
    let mut lane = copier(&world, 1500);
    let (mut steps, mut seen_open) = (0, false);
    while lane.copied < 20_000 {
        lane.step(Duration::from_millis(50));
        steps += 1;
        assert!(steps < 10_000, "{} of 20000 copied", lane.copied);
        if steps % 5 == 4 {
            if !seen_open && lane.open > 0 {
                seen_open = true;
                arrived(&world, lane.copied as usize);
            }
            lane.next.clear();
            lane.open = 0;
            // The brokers may refuse it while the transaction before is still being ended: then the link is opened again.
            let done = lane.link.abort().map(|()| 0);
            lane.settle(done);
            lane.aborts += 1;
        } else if steps % 5 == 2 || lane.batch.is_empty() {
            let done = lane.commit().map(|()| 0);
            lane.settle(done);
        }
    }
    assert!(lane.aborts > 5, "{} aborts", lane.aborts);
    assert_exactly_once(&world, 20_000);
    let all = read(brokers, &world.output(), 4, "read_uncommitted").len();
    assert!(all > 20_000, "nothing was aborted: {all} records");
}

/// Waits until more than `committed` records are in the output: some of an open transaction.
fn arrived(world: &World, committed: usize) {
    let until = Instant::now() + LONG;
    while read(&world.brokers, &world.output(), world.partitions, "read_uncommitted").len() <= committed {
        assert!(Instant::now() < until, "nothing of the open transaction reached the broker");
    }
}

/// Reads until `count` records came, or nothing comes any more; values by partition.
fn collect(link: &mut KafkaLink, count: usize, quiet: Duration) -> Vec<(i32, i64)> {
    let (mut seen, mut batch) = (Vec::new(), Batch::new(500, 1 << 20));
    let mut last = Instant::now();
    while seen.len() < count && last.elapsed() < quiet {
        batch.clear();
        match link.fill(&mut batch, Instant::now() + Duration::from_millis(50)).unwrap() {
            Event::Filled => seen.extend(batch.records().iter().map(|record| (record.partition, record.offset))),
            Event::Assigned(_) => last = Instant::now(),
            other => panic!("{other:?}"),
        }
        if !batch.is_empty() {
            last = Instant::now();
        }
    }
    seen
}

const LONG: Duration = Duration::from_secs(20);
const QUIET: Duration = Duration::from_millis(700);

#[test]
fn hold_stops_one_partition_and_resume_goes_on_where_it_was_cut() {
    let Some(brokers) = broker() else { return };
    let world = World::new(brokers, "hold", 2);
    world.produce(0..2000);
    let mut link = KafkaLink::open(world.link(0)).unwrap();
    let first = collect(&mut link, 1500, LONG);
    let last = |partition: i32| first.iter().filter(|seen| seen.0 == partition).map(|seen| seen.1).max().unwrap_or(-1);
    let mut from = Offsets::default();
    from.set(Partition { topic: 0, number: 0 }, 100);
    link.hold(&from).unwrap();
    world.produce(2000..2200);
    let rest = collect(&mut link, usize::MAX, QUIET);
    assert!(rest.iter().all(|seen| seen.0 == 1), "records of a held partition: {:?}", rest.iter().find(|seen| seen.0 == 0));
    assert!(rest.iter().map(|seen| seen.1).eq(last(1) + 1..1100), "the other partition flows");
    link.resume().unwrap();
    let held = collect(&mut link, 1000, LONG);
    assert!(held.iter().copied().eq((100..1100).map(|offset| (0, offset))), "starts {:?}, {} records", held.first(), held.len());
}

#[test]
fn abort_rewinds_held_records_too() {
    let Some(brokers) = broker() else { return };
    let world = World::new(brokers, "rewind", 1);
    world.produce(0..600);
    let mut link = KafkaLink::open(world.link(0)).unwrap();
    assert!(collect(&mut link, 400, LONG).len() >= 400);
    let (partition, mut next) = (Partition { topic: 0, number: 0 }, Offsets::default());
    next.set(partition, 150);
    link.commit(&next).unwrap();
    // Held at 300: 150 to 299 are neither committed nor given back.
    let mut from = Offsets::default();
    from.set(partition, 300);
    link.hold(&from).unwrap();
    assert_eq!(collect(&mut link, usize::MAX, QUIET), []);
    link.abort().unwrap();
    let again = collect(&mut link, 450, LONG);
    assert!(again.iter().map(|seen| seen.1).eq(150..600), "starts {:?}, {} records", again.first(), again.len());
}
