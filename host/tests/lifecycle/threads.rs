//! The same on real threads.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sandstream::lifecycle::{Config, Threads};
use sandstream::registry::State;

use super::host::{Host, Log};

const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn models_are_prepared_swapped_and_freed_off_the_control_thread() {
    let log = Log::new();
    let mut host = Host::with(&log, &Config::new("host"), Box::new(Threads::new().unwrap()));
    let registry = host.registries["s"].clone();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let control = scope.spawn(|| host.lifecycle.run(&stop));
        let is = |revision: u64, state: State| {
            registry.wait_for(PATIENCE, |models| models.iter().any(|model| model.revision == revision && model.state == state))
        };
        log.order("a=fake:1");
        assert!(is(0, State::Live));
        log.order("panics=panic");
        assert!(is(1, State::Rejected));
        log.order("b=fake:2 slow-load:50");
        assert!(is(2, State::Live));
        log.order("c=fake:3");
        assert!(is(3, State::Live));
        assert!(is(0, State::Verified), "freed by the reaper");
        stop.store(true, Ordering::Relaxed);
        control.join().unwrap().unwrap();
    });
    assert_eq!(host.live(), "c@3");
    assert!(!registry.wait_for(Duration::ZERO, <[_]>::is_empty), "patience ends");
}
