//! What lanes raise: lost sessions and versions that do harm.

use std::sync::Arc;
use std::time::Duration;

use sandstream::backend::Fault;
use sandstream::registry::Raised;

use super::host::{Host, Log};

/// Losses that are made good without a wait.
const AT_ONCE: u32 = 16;

fn quarantine(host: &mut Host) {
    let version = host.version().unwrap();
    host.registry().raise(Raised::Quarantine { version, reason: "it traps".into() });
    host.step();
}

#[test]
fn the_spare_is_built_again_and_not_faster_than_allowed() {
    let mut host = Host::new(&Log::new());
    host.order("a=fake:1");
    let version = host.version().unwrap();
    let lost = |host: &Host| {
        let fault = Fault::Trap("it trapped".into());
        host.registry().raise(Raised::SeatLost { version: host.version().unwrap(), fault });
    };
    assert!(version.take_spare().is_some());
    for loss in 0..AT_ONCE {
        lost(&host);
        host.step();
        assert!(version.take_spare().is_some(), "loss {loss} is made good at once");
    }
    lost(&host);
    host.step();
    assert!(version.take_spare().is_none(), "after so many the next has to wait");
    host.after(Duration::from_secs(1));
    assert!(version.take_spare().is_some());
    host.after(Duration::from_secs(600));
    assert!(version.take_spare().is_none(), "nobody asked for one");
    lost(&host);
    host.step();
    assert!(version.take_spare().is_some(), "what is long ago is forgiven");
    drop(version);
    host.order("b=fake:2");
    host.order("c=fake:3");
    assert!(
        host.states().starts_with("a@0 Verified"),
        "waiting for a spare keeps no version from being freed: {}",
        host.states()
    );
}

/// A lane that finds no spare waits for the one that was asked for: a swap away and back must not lose that request.
#[test]
fn a_rollback_finds_the_spare_that_was_asked_for() {
    let mut host = Host::new(&Log::new());
    host.order("a=fake:1");
    let version = host.version().unwrap();
    for _ in 0..=AT_ONCE {
        assert!(version.take_spare().is_some());
        let fault = Fault::Trap("it trapped".into());
        host.registry().raise(Raised::SeatLost { version: version.clone(), fault });
        host.step();
    }
    assert!(version.take_spare().is_none(), "the last has to wait");
    host.order("b=fake:2");
    host.order("pin a@0");
    assert!(Arc::ptr_eq(&version, &host.version().unwrap()), "it was kept, not prepared again");
    host.after(Duration::from_secs(1));
    assert!(version.take_spare().is_some());
}

#[test]
fn a_quarantined_version_gives_way() {
    let mut host = Host::new(&Log::new());
    host.order("a=fake:1");
    host.order("b=fake:2");
    quarantine(&mut host);
    assert_eq!((host.live(), host.states()), ("a@0".into(), "a@0 Live, b@1 Quarantined".into()));
    assert_eq!(host.status(1).reason.as_deref(), Some("it traps"));
    assert_eq!(host.loaded(), ["fake:1", "fake:2"], "the one before was kept warm");
    quarantine(&mut host);
    assert_eq!((host.live(), host.states()), ("-".into(), "a@0 Quarantined, b@1 Quarantined".into()));
    host.order("c=fake:3");
    assert_eq!(host.live(), "c@2");
}

#[test]
fn a_quarantined_pin_falls_back_to_what_answered_before() {
    let mut host = Host::new(&Log::new());
    for order in ["a=fake:1", "b=fake:2", "c=fake:3", "pin a@0"] {
        host.order(order);
    }
    quarantine(&mut host);
    assert_eq!(host.live(), "c@2");
    host.order("d=fake:4");
    assert_eq!(host.live(), "c@2", "the pin still keeps new versions out");
    assert_eq!(host.status(4).state.to_string(), "Warm");
}

/// A report about a version that has been replaced since is no reason to touch the one that answers now.
#[test]
fn late_reports_harm_nobody() {
    let mut host = Host::new(&Log::new());
    host.order("a=fake:1");
    let old = host.version().unwrap();
    host.order("b=fake:2");
    host.registry().raise(Raised::Quarantine { version: old.clone(), reason: "late".into() });
    host.registry().raise(Raised::SeatLost { version: Arc::clone(&old), fault: Fault::Late });
    host.step();
    assert_eq!((host.live(), host.status(0).state.to_string()), ("b@1".into(), "Quarantined".into()));
}

/// It is the witness when a version falls over records.
#[test]
fn lanes_know_what_answered_before() {
    let mut host = Host::new(&Log::new());
    let steps =
        [("a=fake:1", ""), ("b=fake:2", "a@0"), ("pin a@0", "b@1"), ("retire b@1", ""), ("c=fake:3", ""), ("latest", "a@0")];
    for (order, expected) in steps {
        host.order(order);
        let snapshot = host.registry().snapshot();
        let before = snapshot.previous.first().and_then(Option::as_ref);
        let name = before.map_or_else(String::new, |version| format!("{}@{}", version.id.name, version.id.version));
        assert_eq!(name, expected, "after `{order}`");
    }
    quarantine(&mut host);
    assert!(host.registry().snapshot().previous.iter().all(Option::is_none), "what did harm is no witness");
}

#[test]
fn what_lanes_did_is_told_as_totals_of_one_start() {
    let mut host = Host::new(&Log::new());
    host.order("a=fake:1");
    let version = host.version().unwrap();
    let key = "host/s/1/wine/a@0";
    let rows = |host: &Host| {
        let told = host.notice(key);
        (told["start"].as_str().unwrap().to_owned(), told["rows"].as_u64(), told["calls"].as_u64(), told["faults"].as_u64())
    };
    version.usage[1].count(64, 1_000);
    host.step();
    assert!(host.notices.get(key).is_none(), "it is not told at every step");
    host.after(Duration::from_secs(10));
    let (start, ..) = rows(&host);
    assert_eq!(rows(&host), (start.clone(), Some(64), Some(1), Some(0)));
    assert!(host.notices.get("host/s/0/wine/a@0").is_none(), "lane 0 did nothing");
    version.usage[1].count(6, 1_000);
    host.after(Duration::from_secs(10));
    assert_eq!(rows(&host), (start.clone(), Some(70), Some(2), Some(0)));
    // Retired and published again it is another version, whose counters begin anew.
    drop(version);
    host.order("retire a@0");
    host.order("a@0=fake:1");
    host.version().unwrap().usage[1].count(1, 1_000);
    host.after(Duration::from_secs(10));
    let (again, anew, ..) = rows(&host);
    assert_eq!(anew, Some(1));
    assert_ne!(again, start);
}
