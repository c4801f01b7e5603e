//! Which version one would go back to, after every kind of history.

use std::collections::BTreeSet;
use std::time::Duration;

use sandstream::lifecycle::History;
use sandstream::stream::memory::MemoryFeed;
use sandstream::stream::{Announcement, Feed};

use crate::host::{LOG, Log};

/// Orders as [`Log::order`] takes them, revisions that hosts found unfit, the live revision, and the one before.
type Case<'a> = (&'a str, &'a [u64], Option<u64>, Option<u64>);

#[test]
fn the_version_before_is_the_one_that_was_live_before() {
    let cases: [Case<'_>; 13] = [
        ("", &[], None, None),
        ("a@1=x", &[], Some(0), None),
        ("a@1=x; a@2=y", &[], Some(1), Some(0)),
        ("a@1=x; a@2=y; a@3=z", &[], Some(2), Some(1)),
        // A version that was never fit was never live.
        ("a@1=x; a@2=y; a@3=z", &[1], Some(2), Some(0)),
        ("a@1=x; a@2=y", &[1], Some(0), None),
        // What is gone is not gone back to.
        ("a@1=x; a@2=y; a@3=z; retire a@2", &[], Some(2), Some(0)),
        ("a@1=x; a@2=y; retire a@2", &[], Some(0), None),
        // Back, and back again: never to what was rolled back from.
        ("a@1=x; a@2=y; a@3=z; pin a@2", &[], Some(1), Some(0)),
        ("a@1=x; a@2=y; a@3=z; pin a@2; pin a@1", &[], Some(0), None),
        // What came while another was pinned was not live.
        ("a@1=x; a@2=y; pin a@1; a@3=z", &[], Some(0), None),
        ("a@1=x; a@2=y; pin a@1; a@3=z; latest", &[], Some(3), Some(0)),
        // The same bytes again change nothing.
        ("a@1=x; a@2=y; a@2=y", &[], Some(1), Some(0)),
    ];
    for (orders, unfit, live, before) in cases {
        let log = Log::new();
        for order in orders.split("; ").filter(|order| !order.is_empty()) {
            log.order(order);
        }
        let mut history = History::new(unfit.iter().copied().collect::<BTreeSet<_>>());
        let mut feed = MemoryFeed::open(&log.0, LOG).unwrap();
        while let Some(Announcement::Entry(entry)) = feed.next(Duration::ZERO).unwrap() {
            drop(history.read(entry));
        }
        assert_eq!((history.live("wine"), history.before("wine")), (live, before), "{orders}");
    }
}
