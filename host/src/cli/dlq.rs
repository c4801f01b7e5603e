//! `sandstream dlq`: records that could not be scored, why, and where they came from.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::table::{Table, print};
use crate::config::Config;
use crate::pipeline::headers;
use crate::stream::kafka::{self, ReadRecord, Reader};
use crate::types::hex;

/// How long brokers may take to answer.
const WAIT: Duration = Duration::from_secs(30);
/// Offsets read back from the end for each letter that is asked for: the end of a transaction takes one, and the commits of one
/// lane write to a partition far less often than records do.
const OFFSETS_PER_LETTER: usize = 2;
/// How much of a key and a value is shown, bytes.
const PREVIEW: usize = 80;

#[derive(clap::Args)]
#[command(after_help = "Example:
  sandstream dlq list --config wine.toml --limit 50")]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Show the newest dead letters.
    List(ListArgs),
}

#[derive(clap::Args)]
#[command(after_help = "Example:
  sandstream dlq list --config wine.toml --limit 50 --json

Newest is by the record's own timestamp; the letters are shown in that order, the newest last.")]
struct ListArgs {
    /// The configuration
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Only this stream's
    #[arg(long, value_name = "NAME")]
    stream: Option<String>,
    /// How many
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    limit: u32,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> Result<ExitCode> {
    match &args.command {
        Command::List(args) => list(args),
    }
}

fn list(args: &ListArgs) -> Result<ExitCode> {
    let config = Config::load(&args.config)?;
    let Some(kafka) = &config.kafka else {
        bail!("{}: expected a table [kafka] with `brokers`: dead letters are there", args.config.display())
    };
    let mut newest = Newest { letters: BTreeMap::new(), limit: args.limit as usize };
    for topic in topics(&config, args.stream.as_deref())? {
        newest.read(kafka, &topic)?;
    }
    let letters: Vec<Value> = newest.letters.into_values().collect();
    let mut table = Table::new(&["dead letter", "origin", "stage", "class", "data type", "model", "key", "value", "message"]);
    for letter in &letters {
        let text = |name: &str| letter[name].as_str().unwrap_or_default().to_owned();
        let place = |of: &Value| {
            let number = |name: &str| of[name].as_i64().map_or_else(|| "?".to_owned(), |n| n.to_string());
            format!("{}/{}@{}", of["topic"].as_str().unwrap_or("?"), number("partition"), number("offset"))
        };
        table.row([
            place(letter),
            place(&letter["origin"]),
            text("stage"),
            text("class"),
            text("dataType"),
            text("model"),
            text("key"),
            text("value"),
            text("message"),
        ]);
    }
    print(args.json, &Value::Array(letters), &table)?;
    Ok(ExitCode::SUCCESS)
}

fn topics(config: &Config, stream: Option<&str>) -> Result<BTreeSet<String>> {
    if let Some(name) = stream
        && !config.streams.iter().any(|known| known.name == name)
    {
        let names: Vec<_> = config.streams.iter().map(|stream| stream.name.as_str()).collect();
        bail!("--stream {name}: {} has no [streams.{name}], but {}", config.file.display(), names.join(", "));
    }
    let meant = config.streams.iter().filter(|known| stream.is_none_or(|name| known.name == name));
    Ok(meant.flat_map(|stream| stream.dead_letters.iter().cloned()).collect())
}

/// The newest letters so far, by timestamp and place. Never more than `limit`, however many there are.
struct Newest {
    letters: BTreeMap<(i64, String, i32, i64), Value>,
    limit: usize,
}

impl Newest {
    fn read(&mut self, kafka: &kafka::Config, topic: &str) -> Result<()> {
        let what = || format!("dead letters of `{topic}`");
        let mut reader = Reader::tail(kafka, topic, self.limit.saturating_mul(OFFSETS_PER_LETTER)).with_context(what)?;
        let read = reader.to_end(WAIT, |record| {
            let key = (record.timestamp, topic.to_owned(), record.partition, record.offset);
            self.letters.insert(key, letter(topic, &record));
            if self.letters.len() > self.limit {
                self.letters.pop_first();
            }
            true
        });
        read.map(drop).with_context(what)
    }
}

fn letter(topic: &str, record: &ReadRecord<'_>) -> Value {
    // The host's own headers come after those of the record, which may have passed through another dead-letter topic before.
    let found = |name: &str| record.headers.iter().rev().find(|(key, _)| *key == name).and_then(|(_, value)| *value);
    let text = |name: &str| found(name).map(|value| String::from_utf8_lossy(value).into_owned());
    let number = |name: &str| text(name).and_then(|text| text.parse::<i64>().ok());
    json!({
        "topic": topic,
        "partition": record.partition,
        "offset": record.offset,
        "timestamp": record.timestamp,
        "origin": {
            "topic": text(headers::TOPIC), "partition": number(headers::PARTITION), "offset": number(headers::OFFSET),
        },
        "group": text(headers::GROUP),
        "lane": number(headers::LANE),
        "stage": text(headers::STAGE),
        "class": text(headers::CLASS),
        "message": text(headers::MESSAGE),
        "dataType": text(headers::DATA_TYPE),
        "model": text(headers::MODEL),
        "digest": text(headers::DIGEST),
        "envelope": found(headers::ENVELOPE).is_some(),
        "size": record.value.map(<[u8]>::len),
        "key": record.key.map(preview),
        "value": record.value.map(preview),
    })
}

/// The beginning of some bytes: as text where they are, in hexadecimal digits otherwise.
fn preview(bytes: &[u8]) -> String {
    let start = &bytes[..bytes.len().min(PREVIEW)];
    let more = if bytes.len() > PREVIEW { ".." } else { "" };
    let text = match std::str::from_utf8(start) {
        Ok(text) => Some(text),
        // Cut within a character.
        Err(error) if error.error_len().is_none() && !more.is_empty() => std::str::from_utf8(&start[..error.valid_up_to()]).ok(),
        Err(_) => None,
    };
    match text.filter(|text| !text.chars().any(|c| c.is_control() && !c.is_whitespace())) {
        Some(text) => format!("{}{more}", text.split_whitespace().collect::<Vec<_>>().join(" ")),
        None => format!("0x{}{more}", hex(start)),
    }
}
