//! A whole host on a real Kafka: records in, models published, swapped, refused and rolled back while they stream, results out.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[allow(unreachable_pub, missing_docs, reason = "shared by test programs, which have no readers outside")]
mod support;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use prost::Message;
use sandstream::app::Host;
use sandstream::backend::wasm::Compiler;
use sandstream::config::Config;
use sandstream::registry::{Registry, State};
use sandstream::stream::kafka::{LinkConfig, PublishRecord, create, publish};
use sandstream::types::ModelId;
use sandstream::types::control::Key;
use sandstream::types::proto::deployment::{Latest, Pinned, Strategy, strategy::Kind};
use sandstream::types::proto::model_descriptor::{ModelType, Payload};
use sandstream::types::proto::{Deployment, ModelDescriptor};
use serde_json::Value;
use support::kafka::{Seen, broker, config, fence, produce, read, unique};

const PARTITIONS: i32 = 3;
const PATIENCE: Duration = Duration::from_secs(60);

/// Topics, a running host, and what was sent.
struct World {
    brokers: String,
    name: String,
    registry: Arc<Registry>,
    stop: Arc<AtomicBool>,
    thread: JoinHandle<anyhow::Result<()>>,
    sent: u64,
}

impl World {
    fn start(brokers: &str) -> Self {
        let name = unique("run");
        let make = |topic: String, partitions| create(&config(brokers, &[]), &topic, partitions, &[]).unwrap();
        for ending in ["in", "in.scores", "in.dlq"] {
            make(format!("{name}.{ending}"), PARTITIONS);
        }
        for ending in ["models", "models.status", "models.activations"] {
            make(format!("{name}.{ending}"), 1);
        }
        let features = sandstream_wine::FEATURES;
        let text = format!(
            r#"
            [kafka]
            brokers = "{brokers}"
            [control]
            topic = "{name}.models"
            [types.wine]
            format = "json"
            fields = {features:?}
            [streams.scores]
            inputs = ["{name}.in"]
            type = {{ constant = "wine" }}
            group = "{name}"
            instance = "one"
            lanes = 2
            commit.interval = "20ms"
            "#
        );
        let mut config = Config::parse(Path::new("run.toml"), &text, std::iter::empty()).unwrap();
        config.wasm.compiler = Compiler::Child { program: env!("CARGO_BIN_EXE_sandstream").into() };
        config.wasm.cache = None;
        let stop = Arc::new(AtomicBool::new(false));
        let host = Host::start(&config, &stop).unwrap();
        let registry = Arc::clone(&host.streams()[0].registry);
        let told = Arc::clone(&stop);
        let thread = std::thread::spawn(move || host.run(&told));
        Self { brokers: brokers.to_owned(), name, registry, stop, thread, sent: 0 }
    }

    fn control(&self, key: Option<&Key>, value: Option<&[u8]>) -> u64 {
        let key = key.map(Key::to_string);
        let record = PublishRecord { partition: Some(0), key: key.as_deref().map(str::as_bytes), value, headers: &[] };
        publish(&config(&self.brokers, &[]), &format!("{}.models", self.name), record, PATIENCE).unwrap() as u64
    }

    fn model(&self, version: &str, data: Vec<u8>) -> ModelId {
        let id = ModelId { data_type: "wine".into(), name: "linear".into(), version: version.into() };
        let descriptor = ModelDescriptor {
            name: id.name.clone(),
            data_type: id.data_type.clone(),
            model_type: ModelType::Wasm as i32,
            payload: Some(Payload::Data(data)),
            version: Some(id.version.clone()),
            // A config makes another model of the same bytes.
            config: Some(version.as_bytes().to_vec()),
            ..ModelDescriptor::default()
        };
        self.control(Some(&Key::Model(id.clone())), Some(&descriptor.encode_to_vec()));
        id
    }

    fn deploy(&self, kind: Kind) {
        let deployment = Deployment { data_type: "wine".into(), strategy: Some(Strategy { kind: Some(kind) }) };
        self.control(Some(&Key::Deployment { data_type: "wine".into() }), Some(&deployment.encode_to_vec()));
    }

    fn await_state(&self, id: &ModelId, state: &State) {
        let until = Instant::now() + PATIENCE;
        loop {
            let models = self.registry.models();
            let found = models.iter().find(|model| model.id == *id);
            if found.is_some_and(|model| model.state == *state) {
                return;
            }
            assert!(Instant::now() < until, "{id} did not become {state}: {found:?}");
            std::thread::park_timeout(Duration::from_millis(5));
        }
    }

    /// Produces records whose key is their number; one in fifty is no JSON. Returns when all are answered.
    fn stream(&mut self, count: u64) {
        let records: Vec<_> = (self.sent..self.sent + count).map(|i| (i, record(i))).collect();
        produce(&self.brokers, &format!("{}.in", self.name), PARTITIONS, &records);
        self.sent += count;
        let until = Instant::now() + PATIENCE;
        while answers(&self.brokers, &self.name).len() < self.sent as usize {
            assert!(
                Instant::now() < until,
                "{} of {} records were answered",
                answers(&self.brokers, &self.name).len(),
                self.sent
            );
        }
    }

    fn end(self) -> BTreeMap<u64, Seen> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap().unwrap();
        let mut by_number = BTreeMap::new();
        for seen in answers(&self.brokers, &self.name) {
            let number = std::str::from_utf8(seen.key.as_deref().unwrap()).unwrap().parse().unwrap();
            assert!(by_number.insert(number, seen).is_none(), "record {number} was answered twice");
        }
        assert_eq!(by_number.len() as u64, self.sent);
        by_number
    }
}

/// Results and dead letters, as a reader of committed records sees them.
fn answers(brokers: &str, name: &str) -> Vec<Seen> {
    let topic = |ending: &str| read(brokers, &format!("{name}.in.{ending}"), PARTITIONS, "read_committed");
    topic("scores").into_iter().chain(topic("dlq")).collect()
}

fn record(i: u64) -> Vec<u8> {
    if i % 50 == 49 {
        return b"{\"alcohol\":".to_vec();
    }
    sandstream_wine::records()[i as usize % 1599].to_json(i, 0)
}

fn header<'a>(seen: &'a Seen, name: &str) -> &'a str {
    let found = seen.headers.iter().find(|(key, _)| key == name).unwrap_or_else(|| panic!("no header {name}: {seen:?}"));
    std::str::from_utf8(found.1.as_deref().unwrap()).unwrap()
}

#[test]
fn models_are_swapped_refused_and_rolled_back_while_records_stream() {
    let Some(brokers) = broker() else { return };
    let linear = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/../plugins/prebuilt/wine-linear.wasm")).unwrap();
    let mut world = World::start(brokers);

    let first = world.model("1", linear.clone());
    world.await_state(&first, &State::Live);
    world.stream(200);
    let broken = world.model("2", b"\0asm, but not really".to_vec());
    world.await_state(&broken, &State::Rejected);
    world.stream(200);
    let third = world.model("3", linear);
    world.await_state(&third, &State::Live);
    world.stream(200);
    world.deploy(Kind::Pinned(Pinned { name: "linear".into(), version: "1".into() }));
    world.await_state(&first, &State::Live);
    world.stream(200);
    world.deploy(Kind::Latest(Latest {}));
    world.await_state(&third, &State::Live);
    world.stream(200);

    let expected: Vec<f32> = sandstream_models::wine::linear().unwrap().score(&sandstream_wine::matrix());
    for (number, seen) in world.end() {
        if number % 50 == 49 {
            assert_eq!(header(&seen, "__connect.errors.stage"), "decode");
            assert_eq!(seen.value.as_deref(), Some(&b"{\"alcohol\":"[..]));
            continue;
        }
        let result: Value = serde_json::from_slice(seen.value.as_deref().unwrap()).unwrap();
        let version = ["1", "1", "3", "1", "3"][number as usize / 200];
        assert_eq!(result["version"], version, "record {number}");
        let quality = result["outputs"]["quality"].as_f64().unwrap() as f32;
        let wanted = expected[number as usize % 1599];
        assert!((quality - wanted).abs() <= 1e-5, "record {number}: {quality} instead of {wanted}");
    }
}

#[test]
fn a_namesake_of_one_stream_ends_the_host() {
    let Some(brokers) = broker() else { return };
    let name = unique("namesake");
    let make = |topic: &str| create(&config(brokers, &[]), &format!("{name}.{topic}"), 1, &[]).unwrap();
    ["a", "a.scores", "a.dlq", "b", "b.scores", "b.dlq", "models", "models.status", "models.activations"]
        .iter()
        .for_each(|topic| make(topic));
    // Records without the header are dead letters, so that there are transactions without any model.
    let stream = |stream: &str| format!("[streams.{stream}]\ninputs = [\"{name}.{stream}\"]\ntype = {{ header = \"type\" }}\n");
    let text = format!(
        "[kafka]\nbrokers = \"{brokers}\"\n[control]\ntopic = \"{name}.models\"\n[types.raw]\nformat = \"raw\"\n{}group = \
         \"{name}-a\"\ninstance = \"one\"\n{}group = \"{name}-b\"\ninstance = \"one\"\n",
        stream("a"),
        stream("b")
    );
    let mut config = Config::parse(Path::new("namesake.toml"), &text, std::iter::empty()).unwrap();
    config.wasm.compiler = Compiler::Child { program: env!("CARGO_BIN_EXE_sandstream").into() };
    let stop = Arc::new(AtomicBool::new(false));
    let host = Host::start(&config, &stop).unwrap();
    let told = Arc::clone(&stop);
    let thread = std::thread::spawn(move || host.run(&told));

    let until = Instant::now() + PATIENCE;
    for letters in 1..=2 {
        produce(brokers, &format!("{name}.a"), 1, &[(letters, b"wine".to_vec())]);
        while read(brokers, &format!("{name}.a.dlq"), 1, "read_committed").len() < letters as usize {
            assert!(Instant::now() < until, "{letters} dead letters did not come");
        }
        fence(brokers, &LinkConfig::transactional_id_of(&format!("{name}-a"), "one", 0));
    }
    produce(brokers, &format!("{name}.a"), 1, &[(3, b"wine".to_vec())]);
    while !thread.is_finished() {
        assert!(Instant::now() < until, "the host goes on beside its namesake");
        std::thread::park_timeout(Duration::from_millis(20));
    }
    let ended = thread.join().unwrap().unwrap_err().to_string();
    assert!(ended.contains("another host runs as instance `one`"), "{ended}");
}
