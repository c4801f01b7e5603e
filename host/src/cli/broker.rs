//! `sandstream broker`: a broker for development, in a process of its own.

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use sandstream_devbroker::{Broker, Options, Sync};
use serde_json::json;

use super::signals;

/// How soon a signal is noticed.
const NAP: Duration = Duration::from_millis(100);

#[derive(clap::Args)]
#[command(after_help = "Examples:
  sandstream broker                                          in memory, on 127.0.0.1:9092
  sandstream broker --topic wine:4 --topic models            with topics
  sandstream broker --data .broker --listen 127.0.0.1:19092  keeps everything in a folder
  sandstream broker --set auto.create.topics.enable=true

kcat, Java, Python and librdkafka clients work with it: transactions, consumer groups of both protocols, compaction, retention. It
is for development: loopback only, one node, no security. When it answers, one line goes to stdout: {\"event\":\"running\",..}.

With --data everything that was acknowledged survives the end of the process, kill -9 included: it is written before. With
--sync always it is also pushed to the disk before, and survives the end of the machine.")]
pub(super) struct Args {
    /// Where it listens; loopback only, port 0 for any that is free
    #[arg(long, default_value = "127.0.0.1:9092", value_name = "HOST:PORT")]
    listen: SocketAddr,
    /// Keep everything in this folder [default: in memory, until the end]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// When what was written to the folder is pushed to the disk
    #[arg(long, value_enum, default_value = "never", requires = "data")]
    sync: Pushed,
    /// Records kept in memory, all topics together; over that, nothing is taken in
    #[arg(long, default_value_t = 4096, value_name = "MIB", conflicts_with = "data")]
    memory_mib: u64,
    /// A topic to make if there is none of its name, with its partitions; may be given again
    #[arg(long = "topic", value_name = "NAME[:PARTITIONS]", value_parser = topic)]
    topics: Vec<(String, i32)>,
    /// A setting, as Apache Kafka names it; may be given again
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = setting)]
    settings: Vec<(String, String)>,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Pushed {
    /// When the system likes to
    Never,
    /// Before it is acknowledged
    Always,
}

pub(super) fn run(args: &Args) -> Result<ExitCode> {
    let stop = signals::stop_flag()?;
    let options = Options {
        listen: args.listen,
        data: args.data.clone(),
        sync: match args.sync {
            Pushed::Never => Sync::Never,
            Pushed::Always => Sync::Always,
        },
        settings: args.settings.iter().cloned().collect(),
        memory_max: args.memory_mib.saturating_mul(1 << 20),
    };
    let broker = Broker::start(options)?;
    for (name, partitions) in &args.topics {
        broker.ensure_topic(name, *partitions)?;
    }
    tracing::warn!(address = broker.address(), "this broker is for development: one node, no security, loopback only");
    announce(&broker).context("stdout")?;
    while !stop.load(Ordering::Relaxed) {
        thread::park_timeout(NAP);
    }
    Ok(ExitCode::SUCCESS)
}

/// What waits for the broker reads this line.
fn announce(broker: &Broker) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{{\"event\":\"running\",\"pid\":{},\"brokers\":{}}}", std::process::id(), json!(broker.address()))?;
    out.flush()
}

fn topic(text: &str) -> Result<(String, i32)> {
    match text.split_once(':') {
        None => Ok((text.to_owned(), 1)),
        Some((name, partitions)) => {
            let partitions = partitions.parse().with_context(|| format!("{partitions:?} is no number of partitions"))?;
            Ok((name.to_owned(), partitions))
        }
    }
}

fn setting(text: &str) -> Result<(String, String)> {
    let Some((name, value)) = text.split_once('=') else { bail!("expected NAME=VALUE, {text:?} came") };
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}
