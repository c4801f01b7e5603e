//! The broker for development: what survives its end, what clients make of its faults, and what it makes of nonsense. What it has in
//! common with Apache Kafka is in `cargo xtask conformance`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::Message;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use sandstream_devbroker::{Api, Broker, Error, Fault, Options};

const PATIENCE: Duration = Duration::from_secs(30);
const TOPIC: &str = "t";

fn options(settings: &[(&str, &str)]) -> Options {
    let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Options { settings, ..Options::default() }
}

fn producer(brokers: &str, properties: &[(&str, &str)]) -> BaseProducer {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers).set("linger.ms", "1").set("enable.idempotence", "true");
    // A connection that ends is made again soon.
    config.set("reconnect.backoff.ms", "10").set("reconnect.backoff.max.ms", "100");
    for (name, value) in properties {
        config.set(*name, *value);
    }
    config.create().unwrap()
}

fn transactional(brokers: &str, id: &str) -> BaseProducer {
    let producer = producer(brokers, &[("transactional.id", id), ("transaction.timeout.ms", "20000")]);
    producer.init_transactions(PATIENCE).unwrap();
    producer
}

fn send(producer: &BaseProducer, numbers: std::ops::Range<u32>) {
    for number in numbers {
        producer.send(BaseRecord::<(), _>::to(TOPIC).payload(&number.to_string())).map_err(|(error, _)| error).unwrap();
    }
}

/// The numbers in a topic, as a reader of committed records finds them, or of all.
fn numbers(brokers: &str, isolation: &str) -> Vec<u32> {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers).set("group.id", "reader").set("enable.auto.commit", "false");
    config.set("isolation.level", isolation).set("enable.partition.eof", "true").set("fetch.wait.max.ms", "20");
    let consumer: BaseConsumer = config.create().unwrap();
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(TOPIC, 0, Offset::Beginning).unwrap();
    consumer.assign(&list).unwrap();
    let mut found = Vec::new();
    loop {
        match consumer.poll(PATIENCE) {
            Some(Ok(message)) => found.push(String::from_utf8_lossy(message.payload().unwrap()).parse().unwrap()),
            Some(Err(KafkaError::PartitionEOF(_))) => return found,
            Some(Err(error)) => eprintln!("{error}"),
            None => panic!("nothing came for {PATIENCE:?}, after {found:?}"),
        }
    }
}

/// `sandstream broker` in a process of its own.
struct Process {
    child: Child,
    address: String,
}

impl Process {
    fn start(folder: &Path, listen: &str) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sandstream"));
        command.args(["broker", "--listen", listen, "--topic", TOPIC, "--data"]).arg(folder).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let said: serde_json::Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"));
        Self { child, address: said["brokers"].as_str().unwrap().to_owned() }
    }

    /// SIGKILL.
    fn kill(mut self) -> String {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        std::mem::take(&mut self.address)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn what_was_acknowledged_survives_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let broker = Process::start(folder.path(), "127.0.0.1:0");
    let address = broker.address.clone();
    let plain = producer(&address, &[]);
    let (committed, open) = (transactional(&address, "committed"), transactional(&address, "open"));
    send(&plain, 0..1000);
    plain.flush(PATIENCE).unwrap();
    committed.begin_transaction().unwrap();
    send(&committed, 1000..1010);
    committed.commit_transaction(PATIENCE).unwrap();
    open.begin_transaction().unwrap();
    send(&open, 1010..1020);
    open.flush(PATIENCE).unwrap();
    let mut offsets = TopicPartitionList::new();
    offsets.add_partition_offset(TOPIC, 0, Offset::Offset(77)).unwrap();
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", &address).set("group.id", "g");
    let consumer: BaseConsumer = config.create().unwrap();
    consumer.commit(&offsets, rdkafka::consumer::CommitMode::Sync).unwrap();

    let broker = Process::start(folder.path(), &broker.kill());
    assert_eq!(numbers(&broker.address, "read_committed"), (0..1010).collect::<Vec<_>>());
    assert_eq!(numbers(&broker.address, "read_uncommitted"), (0..1020).collect::<Vec<_>>());
    let kept = consumer.committed_offsets(offsets, PATIENCE).unwrap();
    assert_eq!(kept.elements()[0].offset(), Offset::Offset(77));
    // The transaction that was open goes on where it was, and so does the producer's count.
    send(&open, 1020..1030);
    open.commit_transaction(PATIENCE).unwrap();
    send(&plain, 1030..1040);
    plain.flush(PATIENCE).unwrap();
    assert_eq!(numbers(&broker.address, "read_committed"), (0..1040).collect::<Vec<_>>());
}

#[test]
fn a_torn_end_of_a_file_is_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    let broker = Process::start(folder.path(), "127.0.0.1:0");
    let plain = producer(&broker.address, &[]);
    send(&plain, 0..10);
    plain.flush(PATIENCE).unwrap();
    broker.kill();
    let log = folder.path().join("topics/t-0/00000000000000000000.log");
    let whole = std::fs::read(&log).unwrap();
    std::fs::OpenOptions::new().append(true).open(&log).unwrap().write_all(&whole[..whole.len() / 2]).unwrap();
    let broker = Process::start(folder.path(), "127.0.0.1:0");
    assert_eq!(numbers(&broker.address, "read_committed"), (0..10).collect::<Vec<_>>());
    assert_eq!(std::fs::read(&log).unwrap().len(), whole.len());
}

#[test]
fn faults_are_seen_through_by_clients() {
    let broker = Broker::start(options(&[])).unwrap();
    broker.ensure_topic(TOPIC, 1).unwrap();
    let address = broker.address();
    let cases = [
        (Api::Produce, Fault::ApplyThenDisconnect),
        (Api::Produce, Fault::Drop),
        (Api::EndTxn, Fault::ApplyThenDisconnect),
        (Api::EndTxn, Fault::Drop),
        (Api::AddPartitionsToTxn, Fault::ApplyThenDisconnect),
        (Api::Produce, Fault::Delay(Duration::from_millis(300))),
    ];
    let producer = transactional(&address, "faults");
    for ((api, fault), at) in cases.into_iter().zip(0u32..) {
        broker.faults().order(api, fault, 1);
        producer.begin_transaction().unwrap();
        send(&producer, at * 10..at * 10 + 10);
        producer.commit_transaction(PATIENCE).unwrap_or_else(|error| panic!("{api:?}, {fault:?}: {error}"));
        assert_eq!(broker.faults().left(), 0, "{api:?}, {fault:?} did not happen");
        assert_eq!(numbers(&address, "read_committed"), (0..at * 10 + 10).collect::<Vec<_>>(), "{api:?}, {fault:?}");
    }
}

/// Members that fall silent are taken for dead, whichever of them asked for its assignment last.
#[test]
fn silent_members_are_taken_for_dead() {
    let broker = Broker::start(options(&[])).unwrap();
    broker.ensure_topic(TOPIC, 2).unwrap();
    let member = || {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", broker.address()).set("group.id", "g").set("session.timeout.ms", "1500");
        config.set("heartbeat.interval.ms", "200").set("reconnect.backoff.max.ms", "100");
        let consumer: BaseConsumer = config.create().unwrap();
        consumer.subscribe(&[TOPIC]).unwrap();
        consumer
    };
    let members = [member(), member()];
    let observer: BaseConsumer =
        ClientConfig::new().set("bootstrap.servers", broker.address()).set("group.id", "o").create().unwrap();
    let await_members = |state: &str, count: usize| {
        let until = std::time::Instant::now() + PATIENCE;
        loop {
            members.iter().for_each(|member| drop(member.poll(Duration::from_millis(20))));
            let list = observer.fetch_group_list(Some("g"), PATIENCE).unwrap();
            let seen = list.groups().first().map(|group| (group.state().to_owned(), group.members().len()));
            if seen.as_ref().is_some_and(|(now, has)| now == state && *has == count) {
                return;
            }
            assert!(std::time::Instant::now() < until, "expected {count} members and {state}, it is {seen:?}");
        }
    };
    await_members("Stable", 2);
    // Nothing of them arrives any more, not even that they want to come back.
    broker.faults().order(Api::Heartbeat, Fault::Drop, 10_000);
    broker.faults().order(Api::JoinGroup, Fault::Drop, 10_000);
    await_members("Empty", 0);
}

#[test]
fn what_cannot_be_is_refused_in_words() {
    let elsewhere = Options { listen: SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)), ..Options::default() };
    let taken = Broker::start(Options::default()).unwrap();
    let listen = taken.address().parse().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let data = || Options { data: Some(folder.path().to_path_buf()), ..Options::default() };
    let _user = Broker::start(data()).unwrap();
    let cases: [(Options, &str); 5] = [
        (elsewhere, "is not loopback"),
        (Options { listen, ..Options::default() }, "choose another port"),
        (data(), "another broker is using this folder"),
        (options(&[("group.min.sesion.timeout.ms", "1")]), "the nearest is group.min.session.timeout.ms"),
        (options(&[("num.partitions", "many")]), "expected a whole number"),
    ];
    for (options, expected) in cases {
        let error: Error = Broker::start(options).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }
    assert!(taken.ensure_topic("no topic", 1).unwrap_err().to_string().contains("is no topic's name"));
    assert!(taken.ensure_topic("t", 0).unwrap_err().to_string().contains("partitions"));
}

#[test]
fn nonsense_ends_a_connection_and_nothing_else() {
    let broker = Broker::start(options(&[])).unwrap();
    broker.ensure_topic(TOPIC, 1).unwrap();
    let mut rng = fastrand::Rng::with_seed(7);
    for round in 0..600i16 {
        let mut stream = TcpStream::connect(broker.address()).unwrap();
        stream.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
        let mut request: Vec<u8> = Vec::new();
        let (api, version) = (round % 76, rng.i16(0..14));
        request.extend(api.to_be_bytes());
        request.extend(version.to_be_bytes());
        // Half of them say of arrays that they are small, and come further into the request; the others may say anything.
        let most = if rng.bool() { 3 } else { u8::MAX };
        request.extend((0..rng.usize(0..80)).map(|_| if rng.bool() { 0 } else { rng.u8(0..=most) }));
        let length = if round % 50 == 49 { u32::MAX } else { request.len() as u32 };
        let _ = stream.write_all(&length.to_be_bytes());
        let _ = stream.write_all(&request);
        let _ = stream.read(&mut [0; 64]);
    }
    let plain = producer(&broker.address(), &[]);
    send(&plain, 0..3);
    plain.flush(PATIENCE).unwrap();
    assert_eq!(numbers(&broker.address(), "read_committed"), [0, 1, 2]);
}

#[test]
fn memory_is_bounded_and_says_so() {
    let settings = [("log.segment.bytes", "1048576"), ("log.retention.bytes", "2097152")];
    let broker = Broker::start(options(&settings)).unwrap();
    broker.ensure_topic(TOPIC, 1).unwrap();
    let plain = producer(&broker.address(), &[("batch.num.messages", "50")]);
    let large = "x".repeat(500);
    for _ in 0..20_000 {
        plain.send(BaseRecord::<(), _>::to(TOPIC).payload(&large)).map_err(|(error, _)| error).unwrap();
    }
    plain.flush(PATIENCE).unwrap();
    let mut config = ClientConfig::new();
    let consumer: BaseConsumer = config.set("bootstrap.servers", broker.address()).create().unwrap();
    let until = std::time::Instant::now() + PATIENCE;
    loop {
        let (low, high) = consumer.fetch_watermarks(TOPIC, 0, PATIENCE).unwrap();
        assert_eq!(high, 20_000);
        if low > 10_000 {
            break;
        }
        assert!(std::time::Instant::now() < until, "the oldest records are still there: {low}");
        std::thread::park_timeout(Duration::from_millis(50));
    }
    let full = Broker::start(Options { memory_max: 1, ..options(&[]) }).unwrap();
    full.ensure_topic(TOPIC, 1).unwrap();
    let first = producer(&full.address(), &[]);
    send(&first, 0..1);
    first.flush(PATIENCE).unwrap();
    // It is noticed within a moment; from then on nothing is taken in.
    std::thread::park_timeout(Duration::from_millis(300));
    let impatient = producer(&full.address(), &[("message.timeout.ms", "1000")]);
    send(&impatient, 1..2);
    impatient.flush(PATIENCE).unwrap();
    assert_eq!(numbers(&full.address(), "read_committed"), [0]);
}

#[test]
fn settings_are_what_was_set() {
    let set: BTreeMap<String, String> = [("auto.create.topics.enable", "true"), ("num.partitions", "3")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
    let broker = Broker::start(Options { settings: set, ..Options::default() }).unwrap();
    let plain = producer(&broker.address(), &[]);
    send(&plain, 0..1);
    plain.flush(PATIENCE).unwrap();
    let metadata = plain.client().fetch_metadata(Some(TOPIC), PATIENCE).unwrap();
    assert_eq!(metadata.topics()[0].partitions().len(), 3);
}
