//! A topic full of records that every measurement reads from its beginning, under a group of its own.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rdkafka::Message as _;

use super::case::{Case, FOREST, LINEAR};
use super::drain::{Drained, drain};
use crate::kit::copier;
use crate::kit::hosts::{Host, Settings};
use crate::kit::process::Running;
use crate::kit::progress::Progress;
use crate::kit::world::{Format, World, component, model, wines};
use sandstream_traffic::Load;
use sandstream_traffic::{Isolation, Reader};

/// As the comparison with other programs has it.
const PARTITIONS: i32 = 4;
/// How long a program may take to end after SIGTERM.
const END: Duration = Duration::from_secs(30);

/// Records of one format, and what is known about them.
pub(super) struct Backlog {
    pub(super) format: Format,
    world: World,
    records: u64,
    /// Length of a result of the linear model, which is what the pass-through writes.
    result_bytes: usize,
    /// Measurements so far: each has its own group and output topic.
    runs: u32,
    folder: PathBuf,
}

impl Backlog {
    /// Fills the topic, lets the host score all of it once, and counts the results back.
    pub(super) fn fill(brokers: &str, format: Format, records: u64, folder: &Path) -> Result<Self> {
        let world = World::create(brokers, &format!("throughput-{}", format.as_str()), PARTITIONS)?;
        eprintln!("{records} records as {}", format.as_str());
        Load::new(&world.traffic(), wines(format))?.fill(records)?;
        for name in [LINEAR, FOREST] {
            world.publish(&model(name, 1), component(name)?, |_| {})?;
        }
        let mut backlog = Self { format, world, records, result_bytes: 0, runs: 0, folder: folder.to_owned() };
        let (output, process, group) = backlog.start(Case::Linear)?;
        drain(&Progress::of(&backlog.world, &group)?, process.pid(), records)?;
        process.terminate(END)?;
        backlog.count(&output)?;
        backlog.world.remove(&[&output])?;
        Ok(backlog)
    }

    /// Counts the results and keeps the length of the longest: offsets make some a few bytes shorter.
    fn count(&mut self, output: &str) -> Result<()> {
        let reader = Reader::open(&self.world.brokers, output, PARTITIONS, Isolation::Committed)?;
        let mut results = 0;
        reader.to_end(|message| {
            results += 1;
            self.result_bytes = self.result_bytes.max(message.payload().map_or(0, <[u8]>::len));
            Ok(())
        })?;
        ensure!(results == self.records, "{} records, and {results} results of them", self.records);
        Ok(())
    }

    /// Measures one case.
    pub(super) fn measure(&mut self, case: Case) -> Result<Drained> {
        let (output, process, group) = self.start(case)?;
        let progress = Progress::of(&self.world, &group)?;
        let drained = drain(&progress, process.pid(), self.records).with_context(|| case.as_str().to_owned())?;
        process.terminate(END)?;
        self.world.remove(&[&output])?;
        Ok(drained)
    }

    /// Starts a program on the backlog's beginning; its output topic, its process and its group.
    fn start(&mut self, case: Case) -> Result<(String, Running, String)> {
        self.runs += 1;
        let group = format!("{}-{}", self.world.name, self.runs);
        let output = format!("{}.{}", self.world.scores(), self.runs);
        self.world.make_sink(&output)?;
        let process = match case.model() {
            None => copier::start(&self.world, &group, &output, case.how(self.result_bytes))?,
            Some(name) => {
                self.world.pin(&model(name, 1))?;
                let mut settings = Settings::new(self.format);
                settings.group = Some(group.clone());
                settings.stream = format!("output = \"{output}\"");
                Host::start(&self.world, &settings, &self.folder)?.process
            }
        };
        Ok((output, process, group))
    }
}
