//! Two hosts that read the same log end up answering with the same versions, however long their preparations take and in
//! whatever portions they read it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use sandstream::lifecycle::{Config, Report, Task, Work, Workers};

use super::host::{Host, Log};

/// Workers that begin a task when they are told to.
#[derive(Clone, Default)]
struct Slow(Arc<Mutex<(VecDeque<Task>, VecDeque<Report>)>>);

impl Slow {
    fn work(&self) -> bool {
        let Some(task) = self.0.lock().unwrap().0.pop_front() else { return false };
        let mut reports = Vec::new();
        task.run(&mut |report| reports.push(report));
        self.0.lock().unwrap().1.extend(reports);
        true
    }

    fn preparing(&self) -> usize {
        self.0.lock().unwrap().0.iter().filter(|task| task.work() == Work::Prepare).count()
    }
}

impl Workers for Slow {
    fn start(&mut self, task: Task) {
        self.0.lock().unwrap().0.push_back(task);
    }

    fn report(&mut self) -> Option<Report> {
        self.0.lock().unwrap().1.pop_front()
    }
}

fn slow_host(log: &Log) -> (Host, Slow) {
    let workers = Slow::default();
    (Host::with(log, &Config::new("host"), Box::new(workers.clone())), workers)
}

fn random_order(random: &mut fastrand::Rng) -> String {
    let name = ["a", "b"][random.usize(..2)];
    let version = random.u8(..4);
    match random.u8(..8) {
        0 => "latest".into(),
        1 => format!("pin {name}@{version}"),
        2 => format!("retire {name}@{version}"),
        3 => format!("{name}@{version}=fake:{} expects:{}", random.u8(..3), random.u8(..30)),
        4 => format!("{name}=nonsense{}", random.u8(..2)),
        5 => format!("{name}=fake:{}", random.u8(..3)),
        _ => format!("{name}@{version}=fake:{}", random.u8(..3)),
    }
}

fn finish(host: &mut Host, workers: &Slow) {
    for _ in 0..20 {
        host.step();
        while workers.work() {
            host.step();
        }
    }
}

#[test]
fn all_hosts_ask_for_the_same() {
    for seed in 0..300 {
        let mut random = fastrand::Rng::with_seed(seed);
        let log = Log::new();
        let (mut early, early_workers) = slow_host(&log);
        let mut orders = Vec::new();
        for _ in 0..random.usize(1..30) {
            orders.push(random_order(&mut random));
            log.order(&orders[orders.len() - 1]);
            for _ in 0..random.usize(..4) {
                match random.bool() {
                    true => early.step(),
                    false => _ = early_workers.work(),
                }
            }
        }
        let (mut late, late_workers) = slow_host(&log);
        finish(&mut early, &early_workers);
        finish(&mut late, &late_workers);
        let (a, b) = (early.lifecycle.catalog(), late.lifecycle.catalog());
        assert_eq!((a.wanted("wine"), a.deployment("wine")), (b.wanted("wine"), b.deployment("wine")), "seed {seed}: {orders:?}");
        // A pin of what cannot be compiled leaves each host with what it had; everything else is the same everywhere.
        let pinned = matches!(a.wanted("wine"), sandstream::lifecycle::Wanted::Pinned { pinned, .. }
            if late.status(pinned).state.to_string() == "Rejected");
        if !pinned {
            assert_eq!(early.live(), late.live(), "seed {seed}: {orders:?}\n{}\n{}", early.states(), late.states());
        }
        assert!(early.lifecycle.is_idle() && late.lifecycle.is_idle(), "seed {seed}: nothing is left behind");
    }
}

#[test]
fn a_preparation_that_is_superseded_is_dropped() {
    let log = Log::new();
    let (mut host, workers) = slow_host(&log);
    host.order("a=fake:1");
    host.order("b=fake:2");
    assert_eq!(workers.preparing(), 1, "one at a time for a data type");
    finish(&mut host, &workers);
    assert_eq!(host.loaded(), ["fake:2"], "what nobody waits for is not compiled");
    assert_eq!(host.states(), "a@0 Announced, b@1 Live");
    assert!(host.status(0).reason.unwrap().contains("newer"));
}

/// A host that starts waits for what is on its way, and not for models that nothing refers to or that do not exist.
#[test]
fn a_stream_is_warm_when_nothing_it_waits_for_is_on_its_way() {
    let cases: [(&[&str], bool); 4] = [
        (&[], true),
        (&["a=fake:1", "b=fake:2"], false),
        (&["a@1=fake:1", "retire a@1"], true),
        (&["a=nonsense", "b=nonsense"], false),
    ];
    for (orders, at_once) in cases {
        let log = Log::new();
        for order in orders {
            log.order(order);
        }
        let workers = Slow::default();
        let streams: [(&str, &[(&str, &[&str])]); 1] = [("s", &[("wine", &["x"]), ("beer", &["x"])])];
        let mut host = Host::of(&log, &Config::new("host"), Box::new(workers.clone()), &streams);
        assert!(!host.registry().is_warm(), "{orders:?}: the log has not been read");
        host.step();
        assert_eq!(host.registry().is_warm(), at_once, "{orders:?}");
        finish(&mut host, &workers);
        assert!(host.registry().is_warm(), "{orders:?}: {}", host.states());
        host.order("later=fake:3");
        let answers = host.live() != "-";
        assert_eq!(host.registry().is_warm(), answers, "{orders:?}: what answers is enough");
    }
}

/// However far the preparation got, what it has to say comes too late.
#[test]
fn a_model_retired_while_it_is_prepared_stays_retired() {
    let cases = [("a@1=fake:1", false), ("a@1=fake:1", true), ("a@1=nonsense", true), ("a@1=fake:1 trap-session", true)];
    for (order, prepared_before) in cases {
        let log = Log::new();
        let (mut host, workers) = slow_host(&log);
        host.order(order);
        assert!(!prepared_before || workers.work(), "{order}");
        host.order("retire a@1");
        finish(&mut host, &workers);
        assert_eq!((host.live(), host.states()), ("-".into(), "a@1 Retired".into()), "{order}, {prepared_before}");
        assert!(host.lifecycle.is_idle(), "{order}: its version was freed");
    }
}

#[test]
fn a_slow_model_blocks_neither_orders_nor_other_data_types() {
    let log = Log::new();
    let workers = Slow::default();
    let streams: [(&str, &[(&str, &[&str])]); 2] = [("s", &[("wine", &["x"])]), ("t", &[("beer", &["x"])])];
    let mut host = Host::of(&log, &Config::new("host"), Box::new(workers.clone()), &streams);
    host.order("a=fake:1");
    finish(&mut host, &workers);
    host.order("slow=fake:2");
    let beer = sandstream::types::proto::ModelDescriptor { data_type: "beer".into(), ..super::host::descriptor("b", "fake:3") };
    host.log.put(None, Some(prost::Message::encode_to_vec(&beer)), None);
    host.step();
    assert_eq!(workers.preparing(), 2, "both at a time");
    host.order("pin a@0");
    assert_eq!(host.live(), "a@0", "an order is obeyed while both are compiled");
    finish(&mut host, &workers);
    assert!(super::host::live(&host.registries["t"]).is_some());
    assert_eq!(host.live(), "a@0");
}
