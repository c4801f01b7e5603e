//! A lane on a broker in memory, and what is looked at.

use crate::fakes::{Plain, put, version};
use sandstream::pipeline::{Activation, Config, DataType, Input, Lane, Step, TypeOf, headers};
use sandstream::registry::{Registry, Route, Version};
use sandstream::stream::memory::{Broker, Faults, Isolation, MemoryLink, Message, Options};
use sandstream::stream::{Delivery, Partition};
use sandstream::telemetry::LaneState;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// One lane of a stream with the data types `wine` and `beer`, named by the header `type`, on topic `in` with two partitions.
pub(crate) struct World {
    pub(crate) broker: Broker,
    pub(crate) registry: Arc<Registry>,
    pub(crate) faults: Faults,
    pub(crate) config: Config,
    pub(crate) lane: Option<Lane<MemoryLink>>,
    pub(crate) now: Instant,
}

pub(crate) fn config() -> Config {
    let types = ["wine", "beer"].map(|name| DataType { name: name.to_owned(), codec: Plain::of(name).unwrap() });
    let inputs = vec![Input { topic: "in".to_owned(), partitions: 2 }];
    Config::new("s", "g", inputs, types.into(), TypeOf::Header("type".to_owned()))
}

pub(crate) fn options(delivery: Delivery, identity: &str, faults: &Faults) -> Options {
    Options {
        group: "g".to_owned(),
        identity: identity.to_owned(),
        inputs: vec!["in".to_owned()],
        outputs: vec!["out".to_owned()],
        dead_letters: vec!["dlq".to_owned()],
        activations: "act".to_owned(),
        delivery,
        fetch_max: 1000,
        faults: faults.clone(),
    }
}

pub(crate) fn topics() -> Broker {
    let broker = Broker::new();
    for (topic, partitions) in [("in", 2), ("out", 2), ("dlq", 2), ("act", 1)] {
        broker.create(topic, partitions);
    }
    broker
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(config(), Delivery::ExactlyOnce)
    }

    pub(crate) fn with(config: Config, delivery: Delivery) -> Self {
        let (broker, faults) = (topics(), Faults::none());
        let registry = Arc::new(Registry::new(2));
        let link = MemoryLink::open(&broker, options(delivery, "g-host-0", &faults));
        let lane = Lane::new(link, config.clone(), Arc::clone(&registry), Arc::default());
        Self { broker, registry, faults, config, lane: Some(lane), now: Instant::now() }
    }

    /// The models of `wine` and `beer`.
    pub(crate) fn live(&self, revision: u64, wine: Option<&Arc<Version>>, beer: Option<&Arc<Version>>) {
        let route = |version: Option<&Arc<Version>>| version.map_or(Route::Wait, |version| Route::Live(Arc::clone(version)));
        put(&self.registry, revision, &[route(wine), route(beer)]);
    }

    pub(crate) fn send(&self, partition: i32, data_type: &str, value: &str) -> i64 {
        let headers = vec![(b"type".to_vec(), Some(data_type.as_bytes().to_vec()))];
        let message = Message { key: Some(b"k".to_vec()), value: Some(value.into()), timestamp: 7, headers };
        self.broker.produce("in", partition, message).unwrap()
    }

    pub(crate) fn lane(&mut self) -> &mut Lane<MemoryLink> {
        self.lane.as_mut().unwrap()
    }

    pub(crate) fn step(&mut self) -> Step {
        let now = self.now;
        self.lane().step(now).unwrap()
    }

    pub(crate) fn later(&mut self, millis: u64) {
        self.now += Duration::from_millis(millis);
    }

    /// Steps until everything that can flow has flown and is committed.
    pub(crate) fn settle(&mut self) {
        for _ in 0..200 {
            self.later(50);
            self.step();
        }
    }

    pub(crate) fn values(&self, topic: &str, partition: i32, isolation: Isolation) -> Vec<String> {
        let views = self.broker.read(topic, partition, 0, isolation);
        views.into_iter().map(|view| String::from_utf8(view.message.value.unwrap()).unwrap()).collect()
    }

    pub(crate) fn results(&self, partition: i32) -> Vec<String> {
        self.values("out", partition, Isolation::Committed)
    }

    /// Offset, stage and reason of each dead letter.
    pub(crate) fn letters(&self, partition: i32) -> Vec<(String, String, String)> {
        let views = self.broker.read("dlq", partition, 0, Isolation::Committed);
        let header = |message: &Message, name| message.header(name).unwrap().to_owned();
        let letter = |m: &Message| (header(m, headers::OFFSET), header(m, headers::STAGE), header(m, headers::MESSAGE));
        views.iter().map(|view| letter(&view.message)).collect()
    }

    pub(crate) fn activations(&self) -> Vec<(String, i64, u64)> {
        let views = self.broker.read("act", 0, 0, Isolation::Committed);
        let read = |message: &Message| {
            let activation: Activation = serde_json::from_slice(message.value.as_deref().unwrap()).unwrap();
            (String::from_utf8(message.key.clone().unwrap()).unwrap(), activation.first_offset, activation.revision)
        };
        views.iter().map(|view| read(&view.message)).collect()
    }

    pub(crate) fn committed(&self, partition: i32) -> Option<i64> {
        self.broker.committed("g", Partition { topic: 0, number: partition })
    }

    pub(crate) fn state(&mut self) -> LaneState {
        self.lane().stats().state()
    }
}

pub(crate) fn wine(revision: u64, words: &str) -> Arc<Version> {
    version("wine", "m", revision, words, 1).unwrap()
}
