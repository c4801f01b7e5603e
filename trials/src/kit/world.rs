//! The topics of a trial, and what is published on its control log.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use prost::Message;
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::topic_partition_list::TopicPartitionListElem;
use rdkafka::{ClientConfig, TopicPartitionList};
use sandstream::stream::kafka::{self, Config, PublishRecord};
use sandstream::types::ModelId;
use sandstream::types::control::Key;
use sandstream::types::proto::deployment::{Pinned, Strategy, strategy::Kind};
use sandstream::types::proto::model_descriptor::{ModelType, Payload};
use sandstream::types::proto::{Deployment, ModelDescriptor};
use sandstream_traffic::Topics;

/// How long a broker may take to answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// Format of the records of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Format {
    Protobuf,
    Json,
}

impl Format {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Protobuf => "protobuf",
            Self::Json => "json",
        }
    }
}

/// Topics `<name>`, `<name>.scores`, `<name>.dlq`, and a control log `<name>.models` with its companions.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) brokers: String,
    pub(crate) name: String,
    pub(crate) partitions: i32,
}

impl World {
    /// Makes the topics under a name that no other world has.
    pub(crate) fn create(brokers: &str, stem: &str, partitions: i32) -> Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let world = Self { brokers: brokers.to_owned(), name: format!("{stem}-{}-{count}", std::process::id()), partitions };
        for topic in [world.input(), world.scores(), world.dead_letters()] {
            world.make_sink(&topic)?;
        }
        let kept = [("retention.ms", "-1"), ("retention.bytes", "-1"), ("max.message.bytes", "67108864")];
        world.make(&world.models(), 1, &kept)?;
        world.make(&format!("{}.status", world.models()), 1, &[("cleanup.policy", "compact")])?;
        world.make(&world.activations(), 1, &[])?;
        Ok(world)
    }

    /// A further topic like the output.
    pub(crate) fn make_sink(&self, topic: &str) -> Result<()> {
        // Deleted records leave the disk at once, not after a minute: a bench writes gigabytes.
        self.make(topic, self.partitions, &[("max.message.bytes", "4194304"), ("file.delete.delay.ms", "1000")])
    }

    /// Deletes these topics.
    pub(crate) fn remove(&self, topics: &[&str]) -> Result<()> {
        let client: AdminClient<_> = ClientConfig::new().set("bootstrap.servers", &self.brokers).create()?;
        let options = AdminOptions::new().request_timeout(Some(PATIENCE)).operation_timeout(Some(PATIENCE));
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        for result in runtime.block_on(client.delete_topics(topics, &options))? {
            result.map_err(|(topic, code)| anyhow!("topic `{topic}` cannot be deleted: {code}"))?;
        }
        Ok(())
    }

    /// Deletes all topics that the world was created with.
    pub(crate) fn end(&self) -> Result<()> {
        let status = format!("{}.status", self.models());
        let names = [self.input(), self.scores(), self.dead_letters(), self.models(), status, self.activations()];
        self.remove(&names.each_ref().map(String::as_str))
    }

    fn make(&self, topic: &str, partitions: i32, settings: &[(&str, &str)]) -> Result<()> {
        Ok(kafka::create(&self.client()?, topic, partitions, settings)?)
    }

    /// Client settings without any property.
    pub(crate) fn client(&self) -> Result<Config> {
        Ok(Config::new(self.brokers.clone(), BTreeMap::new())?)
    }

    /// The topics that records pass through.
    pub(crate) fn traffic(&self) -> Topics {
        Topics {
            brokers: self.brokers.clone(),
            input: self.input(),
            scores: self.scores(),
            dead_letters: self.dead_letters(),
            partitions: self.partitions,
        }
    }

    pub(crate) fn input(&self) -> String {
        self.name.clone()
    }

    pub(crate) fn scores(&self) -> String {
        format!("{}.scores", self.name)
    }

    pub(crate) fn dead_letters(&self) -> String {
        format!("{}.dlq", self.name)
    }

    pub(crate) fn models(&self) -> String {
        format!("{}.models", self.name)
    }

    pub(crate) fn activations(&self) -> String {
        format!("{}.activations", self.models())
    }

    /// Writes to the control log; the revision.
    pub(crate) fn control(&self, key: &Key, value: Option<&[u8]>) -> Result<u64> {
        let key = key.to_string();
        let record = PublishRecord { partition: Some(0), key: Some(key.as_bytes()), value, headers: &[] };
        let offset = kafka::publish(&self.client()?, &self.models(), record, PATIENCE)?;
        u64::try_from(offset).context("an offset is no negative number")
    }

    /// Announces a model; the revision.
    pub(crate) fn publish(&self, id: &ModelId, data: Vec<u8>, with: impl FnOnce(&mut ModelDescriptor)) -> Result<u64> {
        let mut descriptor = ModelDescriptor {
            name: id.name.clone(),
            data_type: id.data_type.clone(),
            model_type: ModelType::Wasm as i32,
            payload: Some(Payload::Data(data)),
            version: Some(id.version.clone()),
            ..ModelDescriptor::default()
        };
        with(&mut descriptor);
        self.control(&Key::Model(id.clone()), Some(&descriptor.encode_to_vec()))
    }

    /// Takes a model out of service.
    pub(crate) fn retire(&self, id: &ModelId) -> Result<u64> {
        self.control(&Key::Model(id.clone()), None)
    }

    /// Says which version of `wine` answers.
    pub(crate) fn deploy(&self, kind: Kind) -> Result<u64> {
        let deployment = Deployment { data_type: WINE.into(), strategy: Some(Strategy { kind: Some(kind) }) };
        self.control(&Key::Deployment { data_type: WINE.into() }, Some(&deployment.encode_to_vec()))
    }

    /// Pins a version of `wine`, as a rollback does.
    pub(crate) fn pin(&self, id: &ModelId) -> Result<u64> {
        self.deploy(Kind::Pinned(Pinned { name: id.name.clone(), version: id.version.clone() }))
    }
}

/// The wines as records.
pub(crate) fn wines(format: Format) -> Vec<Vec<u8>> {
    let wines = sandstream_wine::records().iter();
    match format {
        Format::Json => wines.zip(0..).map(|(wine, id)| wine.to_json(id, 0)).collect(),
        Format::Protobuf => wines.map(sandstream_wine::Wine::to_protobuf).collect(),
    }
}

/// The data type of every trial.
pub(crate) const WINE: &str = "wine";

/// A version of a model of wines.
pub(crate) fn model(name: &str, version: impl std::fmt::Display) -> ModelId {
    ModelId { data_type: WINE.into(), name: name.into(), version: version.to_string() }
}

/// A committed component.
pub(crate) fn component(name: &str) -> Result<Vec<u8>> {
    let file = plugins().join("prebuilt").join(format!("{name}.wasm"));
    std::fs::read(&file).with_context(|| format!("cannot read the component {}", file.display()))
}

/// The checkout's folder of guests.
pub(crate) fn plugins() -> PathBuf {
    checkout().join("plugins")
}

/// The checkout that xtask runs the trial for, or the one it was compiled in.
pub(crate) fn checkout() -> PathBuf {
    let given = std::env::var_os("SANDSTREAM_ROOT").map(PathBuf::from);
    given.unwrap_or_else(|| concat!(env!("CARGO_MANIFEST_DIR"), "/..").into())
}

/// The next offset of every partition of the world's input.
pub(crate) fn ends(world: &World) -> Result<Vec<i64>> {
    watermarks(world, &world.input())
}

/// The next offset of every partition of a topic that has as many as the input.
pub(crate) fn watermarks(world: &World, topic: &str) -> Result<Vec<i64>> {
    let mut config = rdkafka::ClientConfig::new();
    let client: BaseConsumer = config.set("bootstrap.servers", &world.brokers).create()?;
    let ends = (0..world.partitions).map(|partition| client.fetch_watermarks(topic, partition, PATIENCE).map(|(_, end)| end));
    Ok(ends.collect::<Result<_, _>>()?)
}

/// Waits until the stream has answered every record that is there now: offsets are committed with the answers they belong to.
pub(crate) fn await_answers(world: &World, patience: Duration) -> Result<()> {
    let (ends, until) = (ends(world)?, Instant::now() + patience);
    let mut config = rdkafka::ClientConfig::new();
    let client: BaseConsumer = config.set("bootstrap.servers", &world.brokers).set("group.id", &world.name).create()?;
    let mut list = TopicPartitionList::new();
    list.add_partition_range(&world.input(), 0, world.partitions - 1);
    loop {
        let committed = client.committed_offsets(list.clone(), PATIENCE)?;
        let next = |element: &TopicPartitionListElem<'_>| element.offset().to_raw().unwrap_or(0).max(0);
        let committed: BTreeMap<i32, i64> = committed.elements().iter().map(|e| (e.partition(), next(e))).collect();
        let open = ends.iter().zip(0..).map(|(end, partition)| end - committed.get(&partition).unwrap_or(&0));
        let open: i64 = open.filter(|open| *open > 0).sum();
        if open == 0 {
            return Ok(());
        }
        ensure!(Instant::now() < until, "{open} records were not answered within {patience:?}");
        std::thread::sleep(Duration::from_millis(100));
    }
}
