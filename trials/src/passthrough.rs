//! What the host costs without a model: the same link, the same transactions and output bytes of the same length, but nothing is
//! decoded, scored or encoded. Started as a process of its own, so that its CPU time can be read from outside like the host's.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;
use clap::ValueEnum;
use sandstream::stream::kafka::{Config, KafkaLink, LinkConfig, Profile};
use sandstream::stream::{Delivery, Event, Headers, Link, LinkError, Offsets, Outgoing, Partition, Sink};
use sandstream::types::Batch;

/// Words of the link's settings.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Guarantee {
    /// Transactions.
    ExactlyOnce,
    /// An idempotent producer, and offsets committed after it.
    AtLeastOnce,
}

/// Words of the link's settings.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum ProfileName {
    /// Every 100 ms or 50,000 records.
    Throughput,
    /// Every 10 ms or 10,000 records.
    Latency,
}

impl From<Guarantee> for Delivery {
    fn from(guarantee: Guarantee) -> Self {
        match guarantee {
            Guarantee::ExactlyOnce => Self::ExactlyOnce,
            Guarantee::AtLeastOnce => Self::AtLeastOnce,
        }
    }
}

impl From<ProfileName> for Profile {
    fn from(name: ProfileName) -> Self {
        match name {
            ProfileName::Throughput => Self::Throughput,
            ProfileName::Latency => Self::Latency,
        }
    }
}

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Bootstrap address.
    #[arg(long)]
    brokers: String,
    /// Topic to read.
    #[arg(long)]
    input: String,
    /// Topic to write, with as many partitions.
    #[arg(long)]
    output: String,
    /// Consumer group.
    #[arg(long)]
    group: String,
    /// Length of every value written, bytes.
    #[arg(long)]
    bytes: usize,
    /// Guarantee.
    #[arg(long, value_enum)]
    delivery: Guarantee,
    /// Set of properties.
    #[arg(long, value_enum)]
    profile: ProfileName,
    /// Producers used in turn.
    #[arg(long, default_value_t = 1)]
    producers: u8,
    /// Property of the clients, as `name=value`; as many as needed.
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = property)]
    properties: Vec<(String, String)>,
}

fn property(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or_else(|| format!("expected NAME=VALUE, got `{text}`"))?;
    Ok((name.to_owned(), value.to_owned()))
}

/// As a host with one lane has it unless told otherwise: what is in one batch, and the memory of its clients.
const BATCH_RECORDS: usize = 1024;
const BATCH_BYTES: usize = 64 << 20;
const MEMORY_BYTES: usize = 256 << 20;

/// Runs until SIGTERM.
pub(crate) fn run(args: &Args) -> Result<()> {
    let stop = Arc::new(AtomicBool::new(false));
    signal_hook::flag::register(signal_hook::consts::SIGTERM, Arc::clone(&stop))?;
    let profile = Profile::from(args.profile);
    let link = KafkaLink::open(LinkConfig {
        kafka: Config::new(args.brokers.clone(), args.properties.iter().cloned().collect())?,
        group: args.group.clone(),
        instance: "passthrough".to_owned(),
        lane: 0,
        inputs: vec![args.input.clone()],
        outputs: vec![args.output.clone()],
        dead_letters: Vec::new(),
        activations: None,
        delivery: args.delivery.into(),
        profile,
        memory_bytes: MEMORY_BYTES,
        producers: args.producers,
    })?;
    println!("{{\"event\":\"running\"}}");
    let (commit_every, commit_records) = profile.commit();
    let value = vec![b'x'; args.bytes];
    let mut copier = Copier { link, value, next: Offsets::default(), since: None, sent: 0, commit_every, commit_records };
    let mut batch = Batch::new(BATCH_RECORDS, BATCH_BYTES);
    while !stop.load(Ordering::Relaxed) {
        copier.step(&mut batch)?;
    }
    copier.commit()?;
    Ok(())
}

struct Copier {
    link: KafkaLink,
    value: Vec<u8>,
    next: Offsets,
    since: Option<Instant>,
    sent: u64,
    commit_every: Duration,
    commit_records: u64,
}

impl Copier {
    fn step(&mut self, batch: &mut Batch) -> Result<(), LinkError> {
        batch.clear();
        let now = Instant::now();
        let until = self.since.map_or(now + Duration::from_millis(50), |since| since + self.commit_every);
        match self.link.fill(batch, until)? {
            Event::Filled => self.copy(batch)?,
            Event::Assigned(_) => {}
            Event::Revoking(_) | Event::Lost(_) => {
                self.commit()?;
                self.link.release()?;
            }
        }
        let due = self.since.is_some_and(|since| since.elapsed() >= self.commit_every);
        if due || self.sent >= self.commit_records {
            self.commit()?;
        }
        Ok(())
    }

    fn copy(&mut self, batch: &Batch) -> Result<(), LinkError> {
        for (at, record) in batch.records().iter().enumerate() {
            self.link.send(Outgoing {
                sink: Sink::Output(record.topic),
                partition: Some(record.partition),
                key: batch.key(record),
                value: Some(&self.value),
                timestamp: record.timestamp,
                headers: Headers { kept: Some((batch, at)), added: &[] },
            })?;
            self.next.set(Partition { topic: record.topic, number: record.partition }, record.offset + 1);
        }
        if !batch.is_empty() {
            self.since.get_or_insert_with(Instant::now);
            self.sent += batch.len() as u64;
        }
        Ok(())
    }

    fn commit(&mut self) -> Result<(), LinkError> {
        if self.since.take().is_some() {
            self.link.commit(&self.next)?;
            self.sent = 0;
            self.next.clear();
        }
        Ok(())
    }
}
