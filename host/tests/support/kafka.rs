//! The broker that tests run on: `SANDSTREAM_TEST_KAFKA` (bootstrap address), or the one that `cargo xtask kafka up` starts.
//! Without one, tests are skipped with a message; where `CI` is set they fail.

use std::collections::BTreeMap;
use std::env;
use std::net::TcpStream;
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{Header, Headers, Message, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use sandstream::stream::Delivery;
use sandstream::stream::kafka::{Config, LinkConfig, Profile, create};

/// Bootstrap address, or `None`: skip the test.
pub fn broker() -> Option<&'static str> {
    static BROKER: OnceLock<Option<String>> = OnceLock::new();
    BROKER.get_or_init(|| found(start("kafka", &[]), "SANDSTREAM_TEST_KAFKA")).as_deref()
}

/// Client settings of the secure listener, and the bootstrap address of the open one, through which topics are made.
pub fn secure_broker() -> Option<(BTreeMap<String, String>, String)> {
    let lines = found(start("kafka --secure", &["--secure"]), "")?;
    let (open, settings) = lines.split_once('\n')?;
    let settings = settings.lines().filter_map(|line| line.split_once('=')).map(|(k, v)| (k.to_owned(), v.to_owned()));
    Some((settings.collect(), open.to_owned()))
}

fn found(started: Result<String, String>, variable: &str) -> Option<String> {
    if let Ok(address) = env::var(variable) {
        return Some(address);
    }
    match started {
        Ok(address) => Some(address.trim().to_owned()),
        Err(why) if env::var_os("CI").is_some() => panic!("no Kafka, and CI is set: {why}"),
        Err(why) => {
            eprintln!("SKIPPED: no Kafka: {why}");
            None
        }
    }
}

fn start(name: &str, words: &[&str]) -> Result<String, String> {
    if words.is_empty() {
        if env::var_os("SANDSTREAM_TEST_KAFKA").is_some() {
            return Ok(String::new());
        }
        if TcpStream::connect("127.0.0.1:29092").is_ok() {
            return Ok("127.0.0.1:29092".into());
        }
    }
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let out = Command::new(cargo)
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .args(["xtask", "kafka", "up"])
        .args(words)
        .output()
        .map_err(|error| format!("cargo xtask {name}: {error}"))?;
    if out.status.success() {
        Ok(String::from_utf8_lossy(&out.stdout).into_owned())
    } else {
        Err(format!("cargo xtask {name} up: {}", String::from_utf8_lossy(&out.stderr)))
    }
}

/// A name that no other test and no earlier run has.
pub fn unique(stem: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let time = std::time::UNIX_EPOCH.elapsed().unwrap().as_millis();
    format!("{stem}-{}-{time}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

pub fn config(brokers: &str, properties: &[(&str, &str)]) -> Config {
    let properties = properties.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    Config::new(brokers, properties).unwrap()
}

/// Topics of a test: `<name>.in`, `<name>.out`, `<name>.dlq`.
pub struct World {
    pub brokers: String,
    pub name: String,
    pub partitions: i32,
}

impl World {
    pub fn new(brokers: &str, stem: &str, partitions: i32) -> Self {
        let world = Self { brokers: brokers.to_owned(), name: unique(stem), partitions };
        for topic in [world.input(), world.output(), world.dead_letters()] {
            create(&config(brokers, &[]), &topic, partitions, &[]).unwrap();
        }
        world
    }

    pub fn input(&self) -> String {
        format!("{}.in", self.name)
    }

    pub fn output(&self) -> String {
        format!("{}.out", self.name)
    }

    pub fn dead_letters(&self) -> String {
        format!("{}.dlq", self.name)
    }

    /// A lane that notices a dead neighbour soon.
    pub fn link(&self, lane: u32) -> LinkConfig {
        LinkConfig {
            kafka: config(&self.brokers, &[("session.timeout.ms", "6000"), ("heartbeat.interval.ms", "300")]),
            group: self.name.clone(),
            instance: "test".into(),
            lane,
            inputs: vec![self.input()],
            outputs: vec![self.output()],
            dead_letters: vec![self.dead_letters()],
            activations: None,
            delivery: Delivery::ExactlyOnce,
            profile: Profile::Throughput,
            memory_bytes: 64 << 20,
            producers: 1,
        }
    }

    /// Records 0..count, in turn over the partitions: value and key are the number, in decimal.
    pub fn produce(&self, range: std::ops::Range<u64>) {
        let records: Vec<_> = range.map(|i| (i, i.to_string().into_bytes())).collect();
        produce(&self.brokers, &self.input(), self.partitions, &records);
    }
}

/// The timestamp of record 0, a millisecond before that of record 1: not long ago, as a broker deletes what is older than its
/// topic's retention, and it looks every five minutes.
pub fn first_timestamp() -> i64 {
    static FIRST: OnceLock<i64> = OnceLock::new();
    *FIRST.get_or_init(|| std::time::UNIX_EPOCH.elapsed().unwrap().as_millis() as i64 - 3_600_000)
}

/// Numbered records, in turn over the partitions; the key is the number in decimal, a header too.
pub fn produce(brokers: &str, topic: &str, partitions: i32, records: &[(u64, Vec<u8>)]) {
    let producer: BaseProducer = client(brokers).set("enable.idempotence", "true").create().unwrap();
    for (i, value) in records {
        let text = i.to_string();
        let headers = OwnedHeaders::new().insert(Header { key: "n", value: Some(&text) });
        let record = BaseRecord::to(topic).partition((i % partitions as u64) as i32).key(&text).payload(value);
        let mut record = record.timestamp(first_timestamp() + *i as i64).headers(headers);
        while let Err((error, back)) = producer.send(record) {
            assert!(error.to_string().contains("QueueFull"), "{error}");
            producer.poll(Duration::from_millis(1));
            record = back;
        }
    }
    producer.flush(Duration::from_secs(60)).unwrap();
}

fn client(brokers: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers);
    config
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    pub partition: i32,
    pub offset: i64,
    pub timestamp: i64,
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    pub headers: Vec<(String, Option<Vec<u8>>)>,
}

impl Seen {
    pub fn number(&self) -> u64 {
        std::str::from_utf8(self.value.as_deref().unwrap()).unwrap().parse().unwrap()
    }
}

/// Everything in a topic, partition by partition in order.
pub fn read(brokers: &str, topic: &str, partitions: i32, isolation: &str) -> Vec<Seen> {
    let mut settings = client(brokers);
    settings.set("group.id", unique("reader")).set("isolation.level", isolation).set("enable.partition.eof", "true");
    let consumer: BaseConsumer = settings.set("fetch.wait.max.ms", "20").create().unwrap();
    let mut list = TopicPartitionList::new();
    for partition in 0..partitions {
        list.add_partition_offset(topic, partition, Offset::Beginning).unwrap();
    }
    consumer.assign(&list).unwrap();
    let (mut seen, mut ended) = (Vec::new(), std::collections::BTreeSet::new());
    let until = Instant::now() + Duration::from_secs(60);
    while ended.len() < partitions as usize {
        assert!(Instant::now() < until, "{topic}: the end was not reached");
        match consumer.poll(Duration::from_millis(100)) {
            Some(Ok(message)) => seen.push(Seen {
                partition: message.partition(),
                offset: message.offset(),
                timestamp: message.timestamp().to_millis().unwrap_or(-1),
                key: message.key().map(<[u8]>::to_vec),
                value: message.payload().map(<[u8]>::to_vec),
                headers: message.headers().map_or_else(Vec::new, |headers| {
                    headers.iter().map(|header| (header.key.to_owned(), header.value.map(<[u8]>::to_vec))).collect()
                }),
            }),
            Some(Err(KafkaError::PartitionEOF(partition))) => {
                ended.insert(partition);
            }
            Some(Err(error)) => eprintln!("{topic}: {error}"),
            None => {}
        }
    }
    seen.sort_by_key(|seen| (seen.partition, seen.offset));
    seen
}

/// Asserts that a read_committed reader sees 0..count, each once, in order within each partition.
pub fn assert_exactly_once(world: &World, count: u64) {
    let seen = read(&world.brokers, &world.output(), world.partitions, "read_committed");
    for pair in seen.windows(2) {
        if pair[0].partition == pair[1].partition {
            assert!(pair[0].number() < pair[1].number(), "out of order or twice: {:?} then {:?}", pair[0], pair[1]);
        }
    }
    let mut numbers: Vec<u64> = seen.iter().map(Seen::number).collect();
    numbers.sort_unstable();
    assert_eq!(numbers.len() as u64, count, "records in the output");
    assert!(numbers.into_iter().eq(0..count), "missing or foreign records");
}

/// What a second host of the same name does: takes over a transactional id.
pub fn fence(brokers: &str, id: &str) {
    let producer: BaseProducer = client(brokers).set("transactional.id", id).create().unwrap();
    producer.init_transactions(Duration::from_secs(30)).unwrap();
}
