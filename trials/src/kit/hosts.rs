//! `sandstream run` as processes of their own, as an operator starts them.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::process::Running;
use super::world::{Format, World, checkout, plugins};

/// How long a host may take to join its groups.
const START_MAX: Duration = Duration::from_secs(120);

/// The host's program, which lies beside the trial's own.
pub(crate) fn program() -> Result<PathBuf> {
    let program = std::env::current_exe()?.with_file_name("sandstream");
    ensure!(program.exists(), "{} is not there; `cargo build --release -p sandstream` makes it", program.display());
    Ok(program)
}

/// What differs between the configurations of trials.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) instance: String,
    pub(crate) format: Format,
    pub(crate) lanes: usize,
    /// Folders that models may be read from.
    pub(crate) locations: Vec<PathBuf>,
    /// Consumer group, where it is not the world's.
    pub(crate) group: Option<String>,
    /// Lines of `[kafka]`.
    pub(crate) kafka: String,
    /// Lines of the stream `scores`.
    pub(crate) stream: String,
    /// Everything else: `[limits]`, further streams.
    pub(crate) rest: String,
}

impl Settings {
    pub(crate) fn new(format: Format) -> Self {
        let none = String::new;
        Self {
            instance: "one".to_owned(),
            format,
            lanes: 1,
            locations: vec![plugins().join("weights")],
            group: None,
            kafka: none(),
            stream: none(),
            rest: none(),
        }
    }

    /// The configuration of a host with the stream `scores` on the world's topics.
    pub(crate) fn text(&self, world: &World) -> String {
        let locations: Vec<String> = self.locations.iter().map(|folder| format!("{:?}", folder.display().to_string())).collect();
        format!(
            "[kafka]\nbrokers = \"{brokers}\"\n{kafka}\n\
             [control]\ntopic = \"{models}\"\nlocations = [{locations}]\n\
             [types.wine]\n{types}\n\
             [streams.scores]\ninputs = [\"{input}\"]\ntype = {{ constant = \"wine\" }}\ngroup = \"{group}\"\n\
             instance = \"{instance}\"\nlanes = {lanes}\n{stream}\n\
             [admin]\nbind = \"127.0.0.1:0\"\n{rest}\n",
            brokers = world.brokers,
            kafka = self.kafka,
            models = world.models(),
            locations = locations.join(", "),
            types = data_type(self.format),
            input = world.input(),
            group = self.group.as_ref().unwrap_or(&world.name),
            instance = self.instance,
            lanes = self.lanes,
            stream = self.stream,
            rest = self.rest,
        )
    }
}

/// The lines of a data type of wines.
pub(crate) fn data_type(format: Format) -> String {
    match format {
        Format::Json => {
            let names: Vec<String> = sandstream_wine::FEATURES.iter().map(|name| format!("{name:?}")).collect();
            let typed: Vec<String> = names.iter().map(|name| format!("{name} = \"number\"")).collect();
            format!("format = \"json\"\nfeatures = [{}]\nfields = {{ {} }}", names.join(", "), typed.join(", "))
        }
        Format::Protobuf => {
            let schema = checkout().join("examples/wine/wine.proto").display().to_string();
            format!("format = \"protobuf\"\nschema = {schema:?}\nmessage = \"WineRecord\"")
        }
    }
}

/// A host.
pub(crate) struct Host {
    pub(crate) process: Running,
    /// Where its admin server listens.
    pub(crate) admin: String,
}

impl Host {
    /// Starts a host and waits until its lanes have joined. `folder` takes its configuration and its log, `<instance>.log`.
    pub(crate) fn start(world: &World, settings: &Settings, folder: &Path) -> Result<Self> {
        let (mut process, lines) = Self::spawn(world, settings, folder)?;
        let log = folder.join(format!("{}.log", settings.instance));
        let said = await_running(lines, &mut process).with_context(|| format!("its log is {}", log.display()))?;
        let admin = said["admin"].as_str().unwrap_or_default().to_owned();
        Ok(Self { process, admin })
    }

    /// Starts a host and does not wait; what comes with it is its standard output.
    pub(crate) fn spawn(world: &World, settings: &Settings, folder: &Path) -> Result<(Running, ChildStdout)> {
        let config = folder.join(format!("{}.toml", settings.instance));
        let log = folder.join(format!("{}.log", settings.instance));
        std::fs::write(&config, settings.text(world))?;
        let stderr = File::options().create(true).append(true).open(&log)?;
        let mut command = Command::new(program()?);
        command.arg("run").arg("--config").arg(&config).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(stderr);
        let mut child = command.spawn().context("cannot start the host")?;
        let lines = child.stdout.take().context("stdout is piped")?;
        Ok((Running::new(child), lines))
    }
}

/// Waits for the line that says that a host or a broker runs.
pub(super) fn await_running(lines: impl std::io::Read + Send + 'static, process: &mut Running) -> Result<Value> {
    let (told, line) = mpsc::sync_channel(1);
    // Reads on to the end, so that the host never waits for a reader of its output.
    std::thread::spawn(move || {
        for line in BufReader::new(lines).lines().map_while(Result::ok) {
            let _ = told.try_send(line);
        }
    });
    let until = Instant::now() + START_MAX;
    loop {
        match line.recv_timeout(Duration::from_millis(50)) {
            Ok(line) => {
                return serde_json::from_str(&line).with_context(|| format!("it said: {line}"));
            }
            Err(_) => {
                if let Some(status) = process.ended()? {
                    bail!("it ended with {status} before it ran");
                }
                ensure!(Instant::now() < until, "it did not run within {START_MAX:?}");
            }
        }
    }
}
