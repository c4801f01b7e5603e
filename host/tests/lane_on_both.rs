//! One story on both brokers, from the same code: a lane, a record that waits, a second lane that joins, a swap, a lane that
//! leaves. Then everything a `read_committed` reader sees is compared with everything it should see.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod fakes;
#[allow(unreachable_pub, missing_docs, reason = "shared by test programs, which have no readers outside")]
mod support;

use std::sync::Arc;
use std::time::{Duration, Instant};

use fakes::{Plain, put, version};
use rdkafka::ClientConfig;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use sandstream::pipeline::{Activation, Config, DataType, Input, Lane, TypeOf};
use sandstream::registry::{Registry, Route};
use sandstream::stream::kafka::{KafkaLink, LinkConfig, create};
use sandstream::stream::memory::{Broker, Faults, Isolation, MemoryLink, Message, Options};
use sandstream::stream::{Delivery, Link};
use sandstream::telemetry::LaneState;
use support::kafka;

const PARTITIONS: i32 = 4;

/// Where a story plays.
trait Place {
    type Link: Link;
    fn open(&self, lane: usize) -> Self::Link;
    /// Appends a record whose header `type` names its data type.
    fn produce(&self, partition: i32, data_type: &str, value: &str);
    fn produced(&self) {}
    /// Key and value of what is committed, by partition.
    fn read(&self, topic: &str, partitions: i32) -> Vec<Vec<(String, Vec<u8>)>>;
}

struct Memory(Broker);

impl Place for Memory {
    type Link = MemoryLink;

    fn open(&self, lane: usize) -> MemoryLink {
        let one = |name: &str| vec![name.to_owned()];
        let options = Options {
            group: "g".to_owned(),
            identity: format!("g-host-{lane}"),
            inputs: one("in"),
            outputs: one("out"),
            dead_letters: one("dlq"),
            activations: "act".to_owned(),
            delivery: Delivery::ExactlyOnce,
            fetch_max: 50,
            faults: Faults::none(),
        };
        MemoryLink::open(&self.0, options)
    }

    fn produce(&self, partition: i32, data_type: &str, value: &str) {
        let headers = vec![(b"type".to_vec(), Some(data_type.into()))];
        let message = Message { key: Some(b"k".to_vec()), value: Some(value.into()), timestamp: 1, headers };
        self.0.produce("in", partition, message).unwrap();
    }

    fn read(&self, topic: &str, partitions: i32) -> Vec<Vec<(String, Vec<u8>)>> {
        let pair = |message: Message| (String::from_utf8(message.key.unwrap()).unwrap(), message.value.unwrap());
        let views = |partition| self.0.read(topic, partition, 0, Isolation::Committed).into_iter();
        (0..partitions).map(|partition| views(partition).map(|view| pair(view.message)).collect()).collect()
    }
}

struct Kafka {
    world: kafka::World,
    producer: BaseProducer,
}

impl Kafka {
    fn on(brokers: &str) -> Self {
        let world = kafka::World::new(brokers, "lane-story", PARTITIONS);
        create(&kafka::config(brokers, &[]), &format!("{}.act", world.name), 1, &[]).unwrap();
        let producer = ClientConfig::new().set("bootstrap.servers", brokers).set("enable.idempotence", "true").create().unwrap();
        Self { world, producer }
    }
}

impl Place for Kafka {
    type Link = KafkaLink;

    fn open(&self, lane: usize) -> KafkaLink {
        let activations = Some(format!("{}.act", self.world.name));
        KafkaLink::open(LinkConfig { activations, ..self.world.link(lane as u32) }).unwrap()
    }

    fn produce(&self, partition: i32, data_type: &str, value: &str) {
        let headers = OwnedHeaders::new().insert(Header { key: "type", value: Some(data_type) });
        let topic = self.world.input();
        let record = BaseRecord::to(&topic).partition(partition).key("k").payload(value).headers(headers);
        self.producer.send(record).map_err(|(error, _)| error).unwrap();
    }

    fn produced(&self) {
        self.producer.flush(Duration::from_secs(30)).unwrap();
    }

    fn read(&self, topic: &str, partitions: i32) -> Vec<Vec<(String, Vec<u8>)>> {
        let mut read = vec![Vec::new(); partitions as usize];
        let topic = format!("{}.{topic}", self.world.name);
        for seen in kafka::read(&self.world.brokers, &topic, partitions, "read_committed") {
            let pair = (String::from_utf8(seen.key.unwrap()).unwrap(), seen.value.unwrap());
            read[seen.partition as usize].push(pair);
        }
        read
    }
}

struct Story<P: Place> {
    place: P,
    registry: Arc<Registry>,
    lanes: Vec<Lane<P::Link>>,
    sent: i32,
}

impl<P: Place> Story<P> {
    fn join(&mut self) {
        let lane = self.lanes.len();
        let types = ["wine", "beer"].map(|name| DataType { name: name.to_owned(), codec: Plain::of(name).unwrap() });
        let inputs = vec![Input { topic: "in".to_owned(), partitions: PARTITIONS }];
        let config = Config::new("s", "g", inputs, types.into(), TypeOf::Header("type".to_owned()));
        let config = Config { lane, poll_max: Duration::from_millis(5), batch_max: 64, ..config };
        self.lanes.push(Lane::new(self.place.open(lane), config, Arc::clone(&self.registry), Arc::default()));
    }

    /// Record number i goes to partition i % 4, so its offset is i / 4; number 201 is a beer.
    fn send(&mut self, count: i32) {
        for i in self.sent..self.sent + count {
            let data_type = if i == 201 { "beer" } else { "wine" };
            self.place.produce(i % PARTITIONS, data_type, &(i / PARTITIONS).to_string());
        }
        self.place.produced();
        self.sent += count;
    }

    /// Results that are committed: what lanes count has aborted ones in it.
    fn results(&self) -> usize {
        self.place.read("out", PARTITIONS).iter().map(Vec::len).sum()
    }

    fn until(&mut self, what: &str, done: impl Fn(&Self) -> bool) {
        let end = Instant::now() + Duration::from_secs(60);
        while !done(self) {
            assert!(Instant::now() < end, "{what} was not reached: {} results", self.results());
            for _ in 0..20 {
                self.lanes.iter_mut().for_each(|lane| drop(lane.step(Instant::now()).unwrap()));
            }
        }
    }
}

fn play(place: impl Place) {
    let registry = Arc::new(Registry::new(2));
    let mut story = Story { place, registry: Arc::clone(&registry), lanes: Vec::new(), sent: 0 };
    let model = |data_type, revision: u64| version(data_type, "m", revision, &format!("fake:{}", revision * 1000), 2).unwrap();
    put(&registry, 1, &[Route::Live(model("wine", 1)), Route::Wait]);
    story.join();
    story.send(400);
    story.until("everything but what waits behind the beer", |story| story.results() >= 350);
    story.until("the hold", |story| matches!(story.lanes[0].stats().state(), LaneState::Holding(_)));
    story.join();
    story.until("the second lane's share", |story| story.lanes[1].stats().rebalances.get() > 0);
    put(&registry, 3, &[Route::Live(model("wine", 3)), Route::Live(model("beer", 2))]);
    story.send(400);
    story.until("both lanes' work", |story| story.results() >= 800);
    let mut leaving = story.lanes.pop().unwrap();
    leaving.drain().unwrap();
    assert!(leaving.stats().results.get() > 0, "the second lane had nothing to do");
    drop(leaving);
    story.send(100);
    story.until("the rest", |story| story.results() >= 900);
    story.lanes[0].drain().unwrap();
    check(&story.place);
}

fn check(place: &impl Place) {
    let activations = place.read("act", 1).remove(0);
    let activations: Vec<(String, Activation)> =
        activations.into_iter().map(|(key, value)| (key, serde_json::from_slice(&value).unwrap())).collect();
    let mut revisions = std::collections::BTreeSet::new();
    for (partition, results) in place.read("out", PARTITIONS).into_iter().enumerate() {
        assert_eq!(results.len(), 225, "results in partition {partition}");
        for (offset, (key, value)) in results.into_iter().enumerate() {
            let data_type = if partition == 1 && offset == 50 { "beer" } else { "wine" };
            let of = Activation::key("s", "in", partition as i32, data_type);
            let active = activations.iter().rfind(|(key, activation)| *key == of && activation.first_offset <= offset as i64);
            let revision = active.unwrap_or_else(|| panic!("no activation for {of} at {offset}")).1.revision;
            let expected = format!("m@{revision} {revision} {partition}/{offset} {}", revision * 1000 + offset as u64);
            assert_eq!((key.as_str(), String::from_utf8(value).unwrap()), ("k", expected));
            revisions.insert(revision);
        }
    }
    assert_eq!(revisions.into_iter().collect::<Vec<_>>(), [1, 2, 3]);
}

#[test]
fn on_memory() {
    let broker = Broker::new();
    for (topic, partitions) in [("in", PARTITIONS), ("out", PARTITIONS), ("dlq", PARTITIONS), ("act", 1)] {
        broker.create(topic, partitions);
    }
    play(Memory(broker));
}

#[test]
fn on_kafka() {
    let Some(brokers) = kafka::broker() else { return };
    play(Kafka::on(brokers));
}
