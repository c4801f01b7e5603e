//! What the orders of a log come to.

use super::host::{Host, Log};

/// An order, what answers after it, and the states of all models.
type Step = (&'static str, &'static str, &'static str);

fn check(what: &str, steps: &[Step]) -> Host {
    let mut host = Host::new(&Log::new());
    host.step();
    for (at, (order, live, states)) in steps.iter().enumerate() {
        host.order(order);
        assert_eq!((host.live().as_str(), host.states().as_str()), (*live, *states), "{what}, step {at}: {order}");
    }
    host
}

#[test]
fn the_newest_answers_and_the_one_before_is_kept() {
    check(
        "three models",
        &[
            ("a=fake:1", "a@0", "a@0 Live"),
            ("b=fake:2", "b@1", "a@0 Warm, b@1 Live"),
            ("c=fake:3", "c@2", "a@0 Verified, b@1 Warm, c@2 Live"),
        ],
    );
}

#[test]
fn republishing() {
    let host = check(
        "the newest again changes nothing, an older one is a new version and compiles nothing",
        &[
            ("a=fake:1", "a@0", "a@0 Live"),
            ("a=fake:1", "a@0", "a@0 Live"),
            ("b=fake:2", "b@2", "a@0 Warm, b@2 Live"),
            ("a=fake:1", "a@3", "a@0 Verified, b@2 Warm, a@3 Live"),
            ("a=fake:1", "a@3", "a@0 Verified, b@2 Warm, a@3 Live"),
        ],
    );
    assert_eq!(host.loaded(), ["fake:1", "fake:2"]);
    let versions = check(
        "a version means the same bytes for ever",
        &[
            ("a@1=fake:1", "a@1", "a@1 Live"),
            ("a@1=fake:1", "a@1", "a@1 Live"),
            ("a@1=fake:2", "a@1", "a@1 Live, a@1 Rejected"),
            ("retire a@1", "-", "a@1 Retired, a@1 Rejected"),
            ("a@1=fake:2", "-", "a@1 Retired, a@1 Rejected, a@1 Rejected"),
            ("a@1=fake:1", "a@1", "a@1 Retired, a@1 Live, a@1 Rejected, a@1 Rejected"),
        ],
    );
    let reason = versions.status(2).reason.unwrap();
    assert!(reason.contains("revision 0") && reason.contains("another version"), "{reason}");
    assert_eq!(versions.loaded(), ["fake:1"]);
    let refused = versions.notice("host/s/wine/$refused@2");
    assert_eq!((&refused["state"], &refused["model"]), (&"Rejected".into(), &"wine/a@1".into()));
}

#[test]
fn a_pin_holds_whoever_publishes() {
    let mut host = check(
        "rollback, publish, unpin",
        &[
            ("a=fake:1", "a@0", "a@0 Live"),
            ("b=fake:2", "b@1", "a@0 Warm, b@1 Live"),
            ("pin a@0", "a@0", "a@0 Live, b@1 Warm"),
            ("c=fake:3", "a@0", "a@0 Live, b@1 Warm, c@3 Warm"),
            ("d=fake:4", "a@0", "a@0 Live, b@1 Warm, c@3 Verified, d@4 Warm"),
        ],
    );
    let reason = host.status(4).reason.unwrap();
    assert!(reason.contains("not live") && reason.contains("pinned"), "{reason}");
    host.order("latest");
    assert_eq!((host.live(), host.states()), ("d@4".into(), "a@0 Warm, b@1 Verified, c@3 Verified, d@4 Live".into()));
    assert_eq!(host.loaded(), ["fake:1", "fake:2", "fake:3", "fake:4"], "nothing was compiled to go back and forth");
    assert_eq!(host.notice("host/s/wine/$deployment@2")["state"], "InForce");
}

#[test]
fn a_deployment_waits_for_its_model() {
    let mut host = check(
        "the previous deployment stays",
        &[
            ("a@1=fake:1", "a@1", "a@1 Live"),
            ("pin b@1", "a@1", "a@1 Live"),
            ("c@1=fake:3", "c@1", "a@1 Warm, c@1 Live"),
            ("b@1=fake:2", "b@1", "a@1 Verified, c@1 Warm, b@1 Live"),
            ("d@1=fake:4", "b@1", "a@1 Verified, c@1 Warm, b@1 Live, d@1 Warm"),
        ],
    );
    assert_eq!(host.notice("host/s/wine/$deployment@1")["state"], "InForce", "Pending before, in force now");
    host.order("pin e@9");
    let pending = host.notice("host/s/wine/$deployment@5");
    assert_eq!(pending["state"], "Pending");
    assert!(pending["reason"].as_str().unwrap().contains("the pin to `b@1` stays"), "{pending}");
    assert_eq!(host.live(), "b@1");
}

#[test]
fn retiring() {
    check(
        "the live one: the next newest answers",
        &[
            ("a@1=fake:1", "a@1", "a@1 Live"),
            ("b@1=fake:2", "b@1", "a@1 Warm, b@1 Live"),
            ("retire b@1", "a@1", "a@1 Live, b@1 Retired"),
            ("retire a@1", "-", "a@1 Retired, b@1 Retired"),
        ],
    );
    check(
        "the pinned one: its pin waits for it, the newest answers",
        &[
            ("a@1=fake:1", "a@1", "a@1 Live"),
            ("b@1=fake:2", "b@1", "a@1 Warm, b@1 Live"),
            ("pin a@1", "a@1", "a@1 Live, b@1 Warm"),
            ("retire a@1", "b@1", "a@1 Retired, b@1 Live"),
            ("a@1=fake:1", "a@1", "a@1 Retired, b@1 Warm, a@1 Live"),
        ],
    );
    check("what is not there", &[("a@1=fake:1", "a@1", "a@1 Live"), ("retire b@1", "a@1", "a@1 Live, b@1 Rejected")]);
}

/// Years of models come and go: neither their bytes nor more than the last of their names stay.
#[test]
fn what_is_retired_takes_no_memory() {
    let mut host = Host::new(&Log::new());
    host.order("a@1=nonsense");
    assert_eq!((host.states().as_str(), host.in_memory()), ("a@1 Rejected", 1), "it can be tried again");
    host.order("retire a@1");
    assert_eq!((host.states().as_str(), host.in_memory()), ("a@1 Retired", 0));
    for version in 2..102 {
        host.order(&format!("a@{version}=nonsense"));
        host.order(&format!("retire a@{version}"));
    }
    assert_eq!((host.states().matches("Retired").count(), host.in_memory()), (64, 0));
    assert!(host.states().ends_with("a@101 Retired") && !host.states().contains("a@37 "));
    assert_eq!(host.notice("host/s/wine/a@1")["state"], "Retired", "those who follow the status have been told");
}

#[test]
fn stale_writes_are_refused() {
    let mut host = check(
        "expects",
        &[
            ("a@1=fake:1", "a@1", "a@1 Live"),
            ("b@1=fake:2 expects:0", "b@1", "a@1 Warm, b@1 Live"),
            ("c@1=fake:3 expects:0", "b@1", "a@1 Warm, b@1 Live, c@1 Rejected"),
            ("pin a@1 expects:0", "b@1", "a@1 Warm, b@1 Live, c@1 Rejected"),
            ("pin a@1 expects:1", "a@1", "a@1 Live, b@1 Warm, c@1 Rejected"),
            ("latest expects:nonsense", "a@1", "a@1 Live, b@1 Warm, c@1 Rejected"),
        ],
    );
    let reason = host.status(2).reason.unwrap();
    assert!(reason.contains("seen revision 0") && reason.contains("changed at revision 1"), "{reason}");
    assert_eq!(host.notice("host/s/wine/$refused@3")["state"], "Rejected");
    assert!(host.notice("host/s/wine/$refused@5")["reason"].as_str().unwrap().contains("nonsense"));
    host.order("latest expects:4");
    assert_eq!(host.live(), "b@1");
}

#[test]
fn at_the_start_only_what_is_referenced_is_compiled() {
    /// The log, what is loaded, what answers, and the states.
    type Case = (&'static [&'static str], &'static [&'static str], &'static str, &'static str);
    let cases: [Case; 5] = [
        (&["a=fake:1", "b=fake:2", "c=fake:3"], &["fake:3"], "c@2", "a@0 Announced, b@1 Announced, c@2 Live"),
        (&["a=fake:1", "b=fake:2", "c=bad"], &["bad", "fake:2"], "b@1", "a@0 Announced, b@1 Live, c@2 Rejected"),
        (&["a=fake:1", "b=fake:2", "pin a@0"], &["fake:1"], "a@0", "a@0 Live, b@1 Announced"),
        (&["a=fake:1", "pin a@0", "c=fake:3"], &["fake:1", "fake:3"], "a@0", "a@0 Live, c@2 Warm"),
        (&["a@1=fake:1", "retire a@1"], &[], "-", "a@1 Retired"),
    ];
    for (orders, loads, live, states) in cases {
        let log = Log::new();
        for order in orders {
            log.order(order);
        }
        let mut host = Host::new(&log);
        host.step();
        assert_eq!(host.loaded(), loads, "{orders:?}");
        assert_eq!((host.live().as_str(), host.states().as_str()), (live, states), "{orders:?}");
        assert!(host.registry().caught_up());
    }
}

#[test]
fn a_swap_is_one_store_and_says_what_it_follows() {
    let mut host = Host::new(&Log::new());
    host.order("a=fake:1");
    let held = host.registry().snapshot().clone();
    host.order("b=fake:2");
    host.order("c=fake:3");
    assert_eq!((held.revision, host.registry().snapshot().revision), (0, 2));
    assert_eq!(host.states(), "a@0 Draining, b@1 Warm, c@2 Live", "some lane still uses a");
    drop(held);
    host.step();
    host.step();
    assert_eq!(host.states(), "a@0 Verified, b@1 Warm, c@2 Live");
    assert!(host.lifecycle.is_idle());
    let version = host.version().unwrap();
    assert_eq!((version.seats.len(), version.usage.len()), (2, 2));
    assert!((0..2).all(|lane| version.seat(lane).session.is_some()));
    assert!(version.take_spare().is_some());
}

#[test]
fn status_notices_follow_the_contract() {
    let mut host = Host::new(&Log::new());
    host.step();
    host.order("a b/c=fake:1");
    let notice = host.notice("host/s/wine/a%20b%2Fc@0");
    let fields = ["state", "stage", "reason", "revision", "time", "since"].map(|name| notice[name].to_string());
    assert_eq!(fields, ["\"Live\"", "null", "null", "0", "1000", "1000"]);
    host.order("broken=bad");
    let notice = host.notice("host/s/wine/broken@1");
    assert_eq!((&notice["state"], &notice["stage"]), (&"Rejected".into(), &"verify".into()));
}

#[test]
fn what_was_retired_while_no_host_ran_is_said_to_be() {
    let log = Log::new();
    for order in ["a@1=fake:1", "a@2=fake:2", "retire a@1"] {
        log.order(order);
    }
    let mut host = Host::new(&log);
    host.step();
    assert_eq!(host.notice("host/s/wine/a@1")["state"], "Retired");
    assert_eq!(host.notice("host/s/wine/a@2")["state"], "Live");
}
