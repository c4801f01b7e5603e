//! What a stream of the configuration needs, looked up and opened: its codecs, its topics' partitions, its registry.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context, Result, anyhow};

use crate::codec::{self, Codec, Selector};
use crate::config::{Config, Stream, TypeBy};
use crate::lifecycle::{StreamSpec, TypeSpec};
use crate::pipeline::{self, DataType, Input, TypeOf};
use crate::registry::Registry;
use crate::stream::kafka::{self, LinkConfig, Topic};
use crate::telemetry::LaneStats;

/// A stream, ready to be started.
pub(super) struct Plan {
    pub(super) name: String,
    pub(super) stream: Stream,
    pub(super) types: Vec<DataType>,
    pub(super) registry: Arc<Registry>,
    pub(super) stats: Vec<Arc<LaneStats>>,
    kafka: kafka::Config,
    activations: String,
    inputs: Vec<Input>,
    /// The largest record that all sinks take, bytes.
    record_bytes_max: usize,
    type_of: TypeOf,
}

/// Name of this host: the first stream's, as all have it from the same default.
pub(super) fn instance(config: &Config) -> String {
    config.streams.first().map(|stream| stream.instance.clone()).unwrap_or_default()
}

/// What a batch's framing may take from a topic's `max.message.bytes`.
const FRAMING: usize = 4096;

impl Plan {
    pub(super) fn all(config: &Config, kafka: &kafka::Config) -> Result<Vec<Self>> {
        let names = config.streams.iter().flat_map(|stream| [&stream.inputs, &stream.outputs, &stream.dead_letters]).flatten();
        let names = names.chain([&config.control.activations]).map(String::as_str);
        let topics = kafka::topics(kafka, names)?;
        let plan = |stream| Self::of(config, kafka, stream, &topics);
        config.streams.iter().map(|stream| plan(stream).with_context(|| format!("stream `{}`", stream.name))).collect()
    }

    fn of(config: &Config, kafka: &kafka::Config, stream: &Stream, topics: &BTreeMap<String, Topic>) -> Result<Self> {
        let find = |name: &String| {
            topics
                .get(name)
                .ok_or_else(|| anyhow!("topic `{name}` does not exist; make it, or run `sandstream check --kafka --create`"))
        };
        let inputs = stream.inputs.iter();
        let inputs =
            inputs.map(|name| Ok(Input { topic: name.clone(), partitions: find(name)?.partitions })).collect::<Result<_>>()?;
        let sinks = stream.outputs.iter().chain(&stream.dead_letters).map(find).collect::<Result<Vec<_>>>()?;
        find(&config.control.activations)?;
        let smallest = sinks.iter().map(|topic| topic.bytes_max()).min().unwrap_or(1 << 20);
        let specs: Vec<_> = stream.types.iter().filter_map(|name| config.data_type(name)).cloned().collect();
        let (types, type_of) = (open(&specs)?, type_of(stream, &specs)?);
        Ok(Self {
            name: stream.name.clone(),
            stream: stream.clone(),
            registry: Arc::new(Registry::new(types.len())),
            stats: (0..stream.lanes).map(|_| Arc::default()).collect(),
            types,
            kafka: kafka.clone(),
            activations: config.control.activations.clone(),
            inputs,
            record_bytes_max: smallest.saturating_sub(FRAMING).max(1),
            type_of,
        })
    }

    /// As the control plane serves it.
    pub(super) fn spec(&self) -> Result<StreamSpec> {
        spec(&self.stream, &self.types, &self.registry, self.stream.lanes)
    }

    /// What a lane's link has to know.
    pub(super) fn link(&self, lane: usize) -> LinkConfig {
        LinkConfig {
            kafka: self.kafka.clone(),
            group: self.stream.group.clone(),
            instance: self.stream.instance.clone(),
            lane: u32::try_from(lane).unwrap_or(u32::MAX),
            inputs: self.stream.inputs.clone(),
            outputs: self.stream.outputs.clone(),
            dead_letters: self.stream.dead_letters.clone(),
            activations: Some(self.activations.clone()),
            delivery: self.stream.delivery,
            profile: self.stream.profile,
            memory_bytes: self.memory_of_lane() / 2,
            producers: 1,
        }
    }

    /// What a lane has to know. Its share of the stream's memory is halved: one part for its own buffers, one for the clients'.
    pub(super) fn lane(&self, lane: usize) -> Result<pipeline::Config> {
        let stream = &self.stream;
        let mut config =
            pipeline::Config::new(&self.name, &stream.group, self.inputs.clone(), self.types.clone(), self.type_of.clone());
        config.lane = lane;
        config.memory_max = self.memory_of_lane() / 2;
        config.commit_every = stream.commit_interval;
        config.commit_records = stream.commit_records;
        config.transaction_max = self.kafka.transaction_timeout()?;
        config.step_max = stream.step_max;
        config.on_no_model = stream.on_no_model;
        config.dead_letter_share_max = stream.dead_letter_share_max;
        config.record_bytes_max = self.record_bytes_max;
        Ok(config)
    }

    fn memory_of_lane(&self) -> usize {
        self.stream.memory_max / self.stream.lanes
    }
}

/// The data types of a stream.
pub(super) fn open(specs: &[codec::Spec]) -> Result<Vec<DataType>> {
    let open = |spec: &codec::Spec| Ok(DataType { name: spec.data_type.clone(), codec: codec::open(spec)? });
    specs.iter().map(open).collect()
}

/// How a stream tells its data types apart.
pub(super) fn type_of(stream: &Stream, specs: &[codec::Spec]) -> Result<TypeOf> {
    Ok(match &stream.type_by {
        TypeBy::Constant(_) => TypeOf::Constant(0),
        TypeBy::Header(name) => TypeOf::Header(name.clone()),
        TypeBy::Field(field) => TypeOf::Field(Selector::new(specs, field)?),
    })
}

/// A stream as the control plane serves it.
pub(super) fn spec(stream: &Stream, types: &[DataType], registry: &Arc<Registry>, lanes: usize) -> Result<StreamSpec> {
    let type_spec = |codec: &Arc<dyn Codec>| {
        let mut include = codec::check_include(codec.schema(), &stream.include)?;
        include.sort_unstable();
        anyhow::Ok(TypeSpec { codec: Arc::clone(codec), include })
    };
    Ok(StreamSpec {
        name: stream.name.clone(),
        registry: Arc::clone(registry),
        types: types.iter().map(|data_type| type_spec(&data_type.codec)).collect::<Result<_>>()?,
        lanes,
        encoding: codec::encoding(stream.output_format),
        topics: stream.inputs.clone(),
        role: "live".to_owned(),
        step_max: stream.step_max,
    })
}
