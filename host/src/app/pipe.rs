//! A stream without Kafka: one lane between a source and an outlet, the control plane on a folder of models. It is the same lane,
//! control plane and codecs as on Kafka; only the ends are others.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};

use super::{Control, plan};
use crate::codec::{Declared, Format, ResultFormat, Spec};
use crate::config::{Config, Stream, TypeBy};
use crate::pipeline::{self, DataType, Input, Lane, OnNoModel, Step, TypeOf};
use crate::registry::{Registry, State};
use crate::stream::pipe::{Complaints, Folder, FolderFeed, Gauge, NoChunks, Outlet, PipeLink, Source};
use crate::telemetry::{LaneState, LaneStats};
use crate::types::nearest;

/// A record's result or dead letter may have this many bytes; there is no topic that would take less.
const RECORD_BYTES_MAX: usize = 64 << 20;
/// How long records that were taken are worked on after a signal.
const CLOSING_MAX: Duration = Duration::from_secs(10);
/// How long a failure waits for the last word on the models.
const LAST_WORD_MAX: Duration = Duration::from_millis(100);
/// After a failure of the lane.
const PAUSE: Duration = Duration::from_millis(10);

/// What a pipe runs: a stream of the configuration, with its data types.
pub struct Plan {
    stream: Stream,
    specs: Vec<Spec>,
    types: Vec<DataType>,
    registry: Arc<Registry>,
}

/// A pipe that runs.
pub struct Pipe {
    /// `None` when it has ended.
    lane: Option<Lane<PipeLink>>,
    stats: Arc<LaneStats>,
    gauge: Arc<Gauge>,
    registry: Arc<Registry>,
    control: Option<Control>,
    /// No model comes after those that are there at the start, and records that have none wait for ever.
    final_models: bool,
}

/// How a pipe ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// All records of the source are answered.
    Done,
    /// It was told to stop before the end of the source; all records that had been taken are answered.
    Stopped,
}

impl Plan {
    /// Looks the stream up. `data_type` is what all records are, where the stream would look into their headers.
    ///
    /// # Errors
    /// There is no such stream or data type, or which is meant has to be said.
    pub fn of(config: &Config, stream: Option<&str>, data_type: Option<&str>) -> Result<Self> {
        let mut stream = find(config, stream)?.clone();
        if let Some(name) = data_type {
            if !stream.types.iter().any(|known| known == name) {
                let near = nearest(name, stream.types.iter().map(String::as_str)).unwrap_or_default();
                bail!("--data-type {name}: stream `{}` has no such data type; the nearest is `{near}`", stream.name);
            }
            stream.type_by = TypeBy::Constant(name.to_owned());
        }
        match (&stream.type_by, stream.types.as_slice()) {
            (TypeBy::Constant(name), _) => stream.types = vec![name.clone()],
            (TypeBy::Header(_), [only]) => stream.type_by = TypeBy::Constant(only.clone()),
            (TypeBy::Header(header), _) => bail!(
                "stream `{}` finds the data type of a record in its header `{header}`, and records of a file have no headers; say \
                 --data-type, one of {}",
                stream.name,
                stream.types.join(", ")
            ),
            (TypeBy::Field(_), _) => {}
        }
        let specs: Vec<_> = stream.types.iter().filter_map(|name| config.data_type(name)).cloned().collect();
        let types = plan::open(&specs)?;
        let registry = Arc::new(Registry::new(types.len()));
        Ok(Self { stream, specs, types, registry })
    }

    /// Its data types.
    #[must_use]
    pub fn types(&self) -> &[DataType] {
        &self.types
    }

    /// The versions that answer while it runs.
    #[must_use]
    pub fn registry(&self) -> Arc<Registry> {
        Arc::clone(&self.registry)
    }

    /// The stream.
    #[must_use]
    pub fn stream(&self) -> &Stream {
        &self.stream
    }

    /// As the configuration has the data types.
    #[must_use]
    pub fn specs(&self) -> &[Spec] {
        &self.specs
    }

    /// Records come from rows of columns and not in the data type's own format: they are JSON objects of the same fields.
    ///
    /// # Errors
    /// A data type that has no fields.
    pub fn read_columns(&mut self) -> Result<()> {
        for (spec, data_type) in self.specs.iter_mut().zip(&self.types) {
            let fields = data_type.codec.schema().fields();
            if fields.is_empty() {
                bail!("data type `{}` has no fields, so no column of a file can be one of them", spec.data_type);
            }
            spec.fields = fields.iter().map(|field| Declared { name: field.name.clone(), kind: Some(field.kind) }).collect();
            spec.format = Format::Json;
        }
        self.types = plan::open(&self.specs)?;
        Ok(())
    }

    /// Results are written as columns, which are made of JSON.
    pub fn write_columns(&mut self) {
        self.stream.output_format = ResultFormat::Json;
    }
}

/// The stream of that name, or the only one.
fn find<'a>(config: &'a Config, name: Option<&str>) -> Result<&'a Stream> {
    let names = || config.streams.iter().map(|stream| stream.name.as_str());
    let file = config.file.display();
    let listed = || names().collect::<Vec<_>>().join(", ");
    match (name, config.streams.as_slice()) {
        (_, []) => bail!("{file}: expected at least one table [streams.<name>]: there is nothing to do"),
        (None, [only]) => Ok(only),
        (None, _) => bail!("{file} has several streams; say --stream, one of {}", listed()),
        (Some(name), all) => match all.iter().find(|stream| stream.name == name) {
            Some(stream) => Ok(stream),
            None => {
                let near = nearest(name, names()).unwrap_or_default();
                bail!("--stream {name}: {file} has no [streams.{name}], but {}; the nearest is `{near}`", listed())
            }
        },
    }
}

impl Pipe {
    /// Starts the control plane and the reader. The gauge is the one the source asks whether to go on.
    ///
    /// # Errors
    /// The folder cannot be listed, or the backends cannot be set up.
    pub fn start(
        config: &Config,
        plan: &Plan,
        models: &Path,
        watch: bool,
        source: impl Source,
        outlet: Box<dyn Outlet>,
        gauge: Arc<Gauge>,
    ) -> Result<Self> {
        let types = plan.types.iter().map(|data_type| data_type.name.clone()).collect();
        let bytes_max = config.limits.payload_bytes;
        let feed = FolderFeed::open(Folder { path: models.to_path_buf(), types, bytes_max, watch })
            .with_context(|| format!("the folder of models, {}", models.display()))?;
        let registry = plan.registry();
        let spec = plan::spec(&plan.stream, &plan.types, &registry, 1)?;
        let type_of = plan::type_of(&plan.stream, &plan.specs)?;
        let control = Control::start(config, vec![spec], Box::new(feed), Arc::new(NoChunks), Box::new(Complaints))?;
        let link = PipeLink::open(source, outlet, Arc::clone(&gauge)).context("the thread that reads records")?;
        let stats: Arc<LaneStats> = Arc::default();
        let lane = Lane::new(link, lane(plan, type_of), Arc::clone(&registry), Arc::clone(&stats));
        let final_models = !watch && matches!(plan.stream.on_no_model, OnNoModel::Hold);
        Ok(Self { lane: Some(lane), stats, gauge, registry, control: Some(control), final_models })
    }

    /// Figures of its lane.
    #[must_use]
    pub fn stats(&self) -> Arc<LaneStats> {
        Arc::clone(&self.stats)
    }

    /// Runs until all records are answered, or `stop` is set and those that were taken are. `tick` is called between steps.
    ///
    /// # Errors
    /// Records waited for a model longer than `wait`, results cannot be written, or the source cannot be read.
    pub fn run(mut self, stop: &AtomicBool, wait: Duration, tick: impl FnMut()) -> Result<Ended> {
        let Some(mut lane) = self.lane.take() else { bail!("the pipe has ended") };
        let ended = self.steps(&mut lane, stop, wait, tick);
        // What is answered can be read, however it ended.
        let finished = lane.into_link().finish().map_err(|reason| anyhow!(reason));
        let ended = ended.and_then(|ended| finished.map(|()| ended))?;
        self.control.take().map_or(Ok(()), Control::end)?;
        Ok(ended)
    }

    fn steps(&self, lane: &mut Lane<PipeLink>, stop: &AtomicBool, wait: Duration, mut tick: impl FnMut()) -> Result<Ended> {
        let (mut held, mut closing): (Option<Instant>, Option<Instant>) = (None, None);
        while !self.gauge.is_done() {
            let now = Instant::now();
            if closing.is_none() && stop.load(Ordering::Relaxed) {
                self.gauge.close();
                closing = Some(now);
            }
            match lane.step(now)? {
                Step::Worked(rows) if rows > 0 => held = None,
                Step::Recovered(_) => std::thread::park_timeout(PAUSE),
                _ => self.check(lane, now, wait, closing, &mut held)?,
            }
            tick();
        }
        lane.drain()?;
        match self.gauge.failure() {
            Some(reason) => bail!("{} records are answered, then the input failed: {reason}", self.gauge.answered()),
            None if self.gauge.is_whole() => Ok(Ended::Done),
            None => Ok(Ended::Stopped),
        }
    }

    /// Whether it is worth waiting.
    fn check(
        &self,
        lane: &Lane<PipeLink>,
        now: Instant,
        wait: Duration,
        closing: Option<Instant>,
        held: &mut Option<Instant>,
    ) -> Result<()> {
        if self.control.as_ref().is_some_and(|control| control.thread.is_finished()) {
            bail!("the control plane ended; the log says why");
        }
        let LaneState::Holding(reason) = self.stats.state() else {
            *held = None;
            return Ok(());
        };
        let since = *held.get_or_insert(now);
        let left = || format!("{} records are answered, the next {} wait", self.gauge.answered(), self.waiting());
        // In this order: that a model is on its way is said before the one before it is taken away.
        let hopeless = lane.waits_for_a_model() && self.registry.is_warm();
        if closing.is_some_and(|since| hopeless || now.saturating_duration_since(since) >= CLOSING_MAX) {
            bail!("stopped: {}: {reason}{}", left(), self.models());
        }
        if hopeless && self.final_models {
            bail!("{}: {reason}; with --once no other model can come{}", left(), self.models());
        }
        if now.saturating_duration_since(since) >= wait {
            bail!("{}: {reason}; --wait {wait:?} is over{}", left(), self.models());
        }
        Ok(())
    }

    fn waiting(&self) -> u64 {
        self.gauge.taken() - self.gauge.answered()
    }

    /// What became of the models, for a message.
    fn models(&self) -> String {
        // States are published a moment after they are acted on.
        let on_its_way = |state: &State| matches!(state, State::Announced | State::Verified | State::Compiled | State::Warm);
        self.registry.wait_for(LAST_WORD_MAX, |models| !models.iter().any(|model| on_its_way(&model.state)));
        let models = self.registry.models();
        if models.is_empty() {
            return "; no model was found in the folder".to_owned();
        }
        let reason = |text: &Option<String>| text.as_ref().map(|text| format!(": {text}")).unwrap_or_default();
        models.iter().map(|model| format!("\n  {} is {}{}", model.id, model.state, reason(&model.reason))).collect()
    }
}

/// A pipe that is given up leaves nothing behind that runs but the reader, which waits for its source.
impl Drop for Pipe {
    fn drop(&mut self) {
        if let Err(error) = self.control.take().map_or(Ok(()), Control::end) {
            tracing::error!(error = format!("{error:#}"), "while ending");
        }
    }
}

fn lane(plan: &Plan, type_of: TypeOf) -> pipeline::Config {
    let stream = &plan.stream;
    let topic = stream.inputs.first().cloned().unwrap_or_default();
    let inputs = vec![Input { topic, partitions: 1 }];
    let config = pipeline::Config::new(&stream.name, &stream.group, inputs, plan.types.clone(), type_of);
    pipeline::Config {
        memory_max: stream.memory_max / 2,
        // A commit is a write; what is not written is not answered.
        commit_records: 1,
        commit_every: stream.commit_interval,
        step_max: stream.step_max,
        on_no_model: stream.on_no_model,
        dead_letter_share_max: stream.dead_letter_share_max,
        record_bytes_max: RECORD_BYTES_MAX,
        ..config
    }
}
