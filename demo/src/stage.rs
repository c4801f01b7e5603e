//! What the demo is played on: a configuration, models, and topics, made as a user makes them.

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use sandstream_traffic::Topics;
use sandstream_wine::FEATURES;

use crate::Options;
use crate::broker::Broker;

const PARTITIONS: i32 = 4;
/// How long a broker may take to answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// The models, as files to publish.
pub(crate) const LINEAR: &str = "wine-linear.wasm";
pub(crate) const FOREST: &str = "wine-forest.wasm";
pub(crate) const HALF: &str = "half-a-module.wasm";
pub(crate) const FRAGILE: &str = "fragile.wasm";

const COMPONENTS: [(&str, &[u8]); 3] = [
    (LINEAR, include_bytes!("../../plugins/prebuilt/wine-linear.wasm")),
    (FOREST, include_bytes!("../../plugins/prebuilt/wine-forest.wasm")),
    // Panics where the alcohol is 666.
    (FRAGILE, include_bytes!("../../plugins/prebuilt/hostile-panic.wasm")),
];

pub(crate) struct Stage {
    pub(crate) program: PathBuf,
    pub(crate) folder: PathBuf,
    pub(crate) topics: Topics,
}

/// The topics of a demo, under a name that no other has.
pub(crate) fn topics(broker: &Broker) -> Topics {
    // In a container every process may have the same number.
    let time = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let name = format!("demo-{}-{time}", std::process::id());
    Topics {
        brokers: broker.address.clone(),
        scores: format!("{name}.scores"),
        dead_letters: format!("{name}.dlq"),
        input: name,
        partitions: PARTITIONS,
    }
}

impl Stage {
    pub(crate) fn new(options: &Options, folder: &Path, topics: Topics) -> Self {
        Self { program: options.program.clone(), folder: folder.to_path_buf(), topics }
    }

    /// Writes files and makes topics.
    pub(crate) fn set(&self) -> Result<()> {
        for (name, bytes) in COMPONENTS {
            fs::write(self.folder.join(name), bytes)?;
        }
        let forest = fs::read(self.folder.join(FOREST))?;
        fs::write(self.folder.join(HALF), &forest[..forest.len() / 2])?;
        fs::write(self.config(), self.configuration())?;
        let partitions = PARTITIONS.to_string();
        let out = self.sandstream(&["check", "--config", "wine.toml", "--kafka", "--create", "--partitions", &partitions])?;
        if !out.status.success() {
            let said = String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr);
            bail!("the topics of the demo cannot be made on {}: {}", self.topics.brokers, said.trim());
        }
        Ok(())
    }

    /// Runs a command of sandstream in the demo's folder, to its end.
    pub(crate) fn sandstream(&self, words: &[&str]) -> Result<Output> {
        let mut command = Command::new(&self.program);
        // A group of its own: Ctrl-C is the demo's to see.
        command.args(words).current_dir(&self.folder).process_group(0).output().context("cannot start sandstream")
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.folder.join("wine.toml")
    }

    pub(crate) fn host_log(&self) -> PathBuf {
        self.folder.join("host.log")
    }

    /// The last lines that the host has written.
    pub(crate) fn last_of_host_log(&self) -> String {
        let log = fs::read_to_string(self.host_log()).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }

    fn configuration(&self) -> String {
        let fields: Vec<String> = FEATURES.iter().map(|name| format!("{name:?} = \"number\"")).collect();
        format!(
            "[kafka]\nbrokers = \"{brokers}\"\n\n[control]\ntopic = \"{input}.models\"\n\n\
             [types.wine]\nformat = \"json\"\n[types.wine.fields]\nid = \"integer\"\n{fields}\n\n\
             [streams.wine]\ninputs = [\"{input}\"]\ngroup = \"{input}\"\ntype = {{ constant = \"wine\" }}\ninclude = [\"id\"]\n\n\
             [admin]\nbind = \"127.0.0.1:0\"\n",
            brokers = self.topics.brokers,
            input = self.topics.input,
            fields = fields.join("\n"),
        )
    }

    /// The next offset of every partition of the input.
    pub(crate) fn ends(&self) -> Result<Vec<i64>> {
        let client: BaseConsumer = ClientConfig::new().set("bootstrap.servers", &self.topics.brokers).create()?;
        let end = |partition| Ok(client.fetch_watermarks(&self.topics.input, partition, PATIENCE)?.1);
        (0..PARTITIONS).map(end).collect()
    }
}
