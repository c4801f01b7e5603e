//! A host whose lanes are not there: a control log, native models, and eyes on everything the control plane does.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use prost::Message as _;
use sandstream::backend::native::Native;
use sandstream::backend::{Backend, Backends, Model, Payload, Rejected};
use sandstream::codec::{self, Declared, Format, ResultFormat, Spec};
use sandstream::lifecycle::{Config, Inline, Lifecycle, Now, StreamSpec, TypeSpec, Workers};
use sandstream::registry::{ModelStatus, Registry, Route, Version};
use sandstream::stream::memory::{Broker, MemoryChunks, MemoryFeed, MemoryNotices, Message};
use sandstream::types::control::{EXPECTS_HEADER, Key};
use sandstream::types::proto::model_descriptor::{ModelType, Payload as Carried};
use sandstream::types::proto::{Deployment, ModelDescriptor, deployment};
use sandstream::types::{Kind, Limits, ModelId};

pub(crate) const LOG: &str = "models";
pub(crate) const CHUNKS: &str = "models.chunks";

/// The native backend, which says what it was asked to load, and whether its bytes are still there.
struct Counting(Native, Arc<Mutex<Vec<(String, Weak<[u8]>)>>>);

impl Backend for Counting {
    fn load(&self, what: &Payload, limits: &Limits) -> Result<Arc<dyn Model>, Rejected> {
        let data = String::from_utf8_lossy(&what.data).into_owned();
        self.1.lock().unwrap().push((data.clone(), Arc::downgrade(&what.data)));
        assert!(data != "panic", "the backend was told to panic");
        self.0.load(what, limits)
    }
}

/// A control log, to be written by hand.
#[derive(Clone)]
pub(crate) struct Log(pub(crate) Broker);

impl Log {
    pub(crate) fn new() -> Self {
        let broker = Broker::new();
        broker.create(LOG, 1);
        Self(broker)
    }

    pub(crate) fn put(&self, key: Option<&str>, value: Option<Vec<u8>>, expects: Option<&str>) -> u64 {
        let headers = expects.map(|text| (EXPECTS_HEADER.as_bytes().to_vec(), Some(text.as_bytes().to_vec())));
        let key = key.map(|key| key.as_bytes().to_vec());
        let message = Message { key, value, timestamp: 0, headers: headers.into_iter().collect() };
        self.0.produce(LOG, 0, message).unwrap() as u64
    }

    /// Writes an order: `a=fake:1` and `a@1=fake:1` announce (the second with key and version), `retire a@1`, `pin a@1`,
    /// `latest`, each with ` expects:3` at its end or not.
    pub(crate) fn order(&self, order: &str) -> u64 {
        let (order, expects) = order.split_once(" expects:").map_or((order, None), |(order, expects)| (order, Some(expects)));
        if let Some(id) = order.strip_prefix("retire ") {
            let (name, version) = id.split_once('@').unwrap();
            return self.put(Some(&Key::Model(id_of(name, version)).to_string()), None, expects);
        }
        if let Some(id) = order.strip_prefix("pin ") {
            let (name, version) = id.split_once('@').unwrap();
            let pinned = deployment::Pinned { name: name.into(), version: version.into() };
            return self.deploy(deployment::strategy::Kind::Pinned(pinned), expects);
        }
        if order == "latest" {
            return self.deploy(deployment::strategy::Kind::Latest(deployment::Latest {}), expects);
        }
        let (id, data) = order.split_once('=').unwrap();
        let (name, version) = id.split_once('@').map_or((id, None), |(name, version)| (name, Some(version)));
        let descriptor = ModelDescriptor { version: version.map(str::to_owned), ..descriptor(name, data) };
        let key = version.map(|version| Key::Model(id_of(name, version)).to_string());
        self.put(key.as_deref(), Some(descriptor.encode_to_vec()), expects)
    }

    fn deploy(&self, kind: deployment::strategy::Kind, expects: Option<&str>) -> u64 {
        let strategy = Some(deployment::Strategy { kind: Some(kind) });
        let value = Deployment { data_type: "wine".into(), strategy };
        self.put(Some("deployment/wine"), Some(value.encode_to_vec()), expects)
    }
}

pub(crate) fn id_of(name: &str, version: &str) -> ModelId {
    ModelId { data_type: "wine".into(), name: name.into(), version: version.into() }
}

/// A descriptor as the tutorial writes it.
pub(crate) fn descriptor(name: &str, data: &str) -> ModelDescriptor {
    ModelDescriptor {
        name: name.into(),
        data_type: "wine".into(),
        model_type: ModelType::Wasm.into(),
        payload: Some(Carried::Data(data.into())),
        ..ModelDescriptor::default()
    }
}

/// A host that follows a log.
pub(crate) struct Host {
    pub(crate) log: Log,
    pub(crate) lifecycle: Lifecycle,
    pub(crate) registries: BTreeMap<&'static str, Arc<Registry>>,
    pub(crate) loads: Arc<Mutex<Vec<(String, Weak<[u8]>)>>>,
    pub(crate) notices: MemoryNotices,
    pub(crate) now: Now,
}

impl Host {
    pub(crate) fn new(log: &Log) -> Self {
        Self::with(log, &Config::new("host"), Box::new(Inline::default()))
    }

    /// One stream `s` with the data type `wine` of the fields x and z, and two lanes.
    pub(crate) fn with(log: &Log, config: &Config, workers: Box<dyn Workers>) -> Self {
        Self::of(log, config, workers, &[("s", &[("wine", &["x", "z"])])])
    }

    /// Streams with their data types and those types' fields.
    pub(crate) fn of(
        log: &Log,
        config: &Config,
        workers: Box<dyn Workers>,
        streams: &[(&'static str, &[(&str, &[&str])])],
    ) -> Self {
        let registries: BTreeMap<_, _> =
            streams.iter().map(|(name, types)| (*name, Arc::new(Registry::new(types.len())))).collect();
        let specs = streams.iter().map(|(name, types)| StreamSpec {
            name: (*name).into(),
            registry: registries[name].clone(),
            types: types.iter().map(|(name, fields)| data_type(name, fields)).collect(),
            lanes: 2,
            encoding: codec::encoding(ResultFormat::Json),
            topics: vec!["records".into()],
            role: "live".into(),
            step_max: Duration::from_secs(1),
        });
        let loads = Arc::new(Mutex::new(Vec::new()));
        let backends = Backends::new().with(ModelType::Wasm, Arc::new(Counting(Native::new(), loads.clone())));
        let notices = MemoryNotices::default();
        let feed = Box::new(MemoryFeed::open(&log.0, LOG).unwrap());
        let chunks = Arc::new(MemoryChunks::new(&log.0, CHUNKS));
        let said = Box::new(notices.clone());
        let lifecycle = Lifecycle::new(config, backends, specs.collect(), feed, chunks, said, workers).unwrap();
        Self { log: log.clone(), lifecycle, registries, loads, notices, now: Now { instant: Instant::now(), unix_ms: 1000 } }
    }

    pub(crate) fn step(&mut self) {
        self.lifecycle.step(self.now, Duration::ZERO).unwrap();
    }

    /// Lets time pass, and steps.
    pub(crate) fn after(&mut self, passed: Duration) {
        self.now = Now { instant: self.now.instant + passed, unix_ms: self.now.unix_ms + passed.as_millis() as u64 };
        self.step();
    }

    /// Writes an order and takes it in.
    pub(crate) fn order(&mut self, order: &str) -> u64 {
        let revision = self.log.order(order);
        self.step();
        // What was let go is freed, and said to be so, in the steps after.
        self.step();
        revision
    }

    pub(crate) fn registry(&self) -> &Registry {
        &self.registries["s"]
    }

    /// The version that answers for the first data type of the stream `s`.
    pub(crate) fn version(&self) -> Option<Arc<Version>> {
        live(self.registry())
    }

    /// `name@version` of what answers.
    pub(crate) fn live(&self) -> String {
        self.version().map_or("-".into(), |version| format!("{}@{}", version.id.name, version.id.version))
    }

    /// All models of the stream `s`: `a@0 Draining, b@1 Live`.
    pub(crate) fn states(&self) -> String {
        let models = self.registry().models();
        models
            .iter()
            .map(|model| format!("{}@{} {}", model.id.name, model.id.version, model.state))
            .collect::<Vec<_>>()
            .join(", ")
    }

    pub(crate) fn status(&self, revision: u64) -> ModelStatus {
        self.registry().models().iter().find(|model| model.revision == revision).expect("a model of that revision").clone()
    }

    pub(crate) fn loaded(&self) -> Vec<String> {
        self.loads.lock().unwrap().iter().map(|(data, _)| data.clone()).collect()
    }

    /// How many of the payloads that were loaded are still in memory.
    pub(crate) fn in_memory(&self) -> usize {
        self.loads.lock().unwrap().iter().filter(|(_, data)| data.strong_count() > 0).count()
    }

    pub(crate) fn notice(&self, key: &str) -> serde_json::Value {
        let value = self.notices.get(key).unwrap_or_else(|| panic!("no notice `{key}` among {:?}", self.notices.all().keys()));
        serde_json::from_slice(&value).unwrap()
    }
}

pub(crate) fn live(registry: &Registry) -> Option<Arc<Version>> {
    match &registry.snapshot().routes[0] {
        Route::Live(version) => Some(version.clone()),
        Route::Wait | Route::DeadLetter => None,
    }
}

fn data_type(name: &str, fields: &[&str]) -> TypeSpec {
    let fields = fields.iter().map(|name| Declared { name: (*name).into(), kind: Some(Kind::Number) }).collect();
    let spec = Spec { data_type: name.into(), format: Format::Json, fields, features: Vec::new() };
    TypeSpec { codec: codec::open(&spec).unwrap(), include: Vec::new() }
}
