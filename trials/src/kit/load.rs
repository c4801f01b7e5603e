//! Wine records onto the input topic: as fast as they go, or at a rate.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Result, anyhow};
use rdkafka::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};

use super::world::{Format, World};

/// How long the last records may take to be acknowledged.
const FLUSH: Duration = Duration::from_secs(120);

/// A producer of wine records, in turn over the partitions.
pub(crate) struct Load {
    producer: BaseProducer,
    topic: String,
    partitions: i32,
    records: Vec<Vec<u8>>,
    /// Records sent so far.
    pub(crate) sent: u64,
}

impl Load {
    pub(crate) fn new(world: &World, format: Format) -> Result<Self> {
        let wines = sandstream_wine::records().iter();
        let records = match format {
            Format::Json => wines.zip(0..).map(|(wine, id)| wine.to_json(id, 0)).collect(),
            Format::Protobuf => wines.map(sandstream_wine::Wine::to_protobuf).collect(),
        };
        Self::of(world, records)
    }

    /// A load of records of any kind, again and again from the first.
    pub(crate) fn of(world: &World, records: Vec<Vec<u8>>) -> Result<Self> {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &world.brokers).set("enable.idempotence", "true").set("linger.ms", "5");
        config.set("queue.buffering.max.messages", "200000").set("message.timeout.ms", "300000");
        Ok(Self { producer: config.create()?, topic: world.input(), partitions: world.partitions, records, sent: 0 })
    }

    /// Queues one record; its key is when it was due, microseconds since the epoch, in decimal.
    pub(crate) fn send(&mut self, due: SystemTime) -> Result<()> {
        let since = due.duration_since(SystemTime::UNIX_EPOCH)?;
        let key = since.as_micros().to_string();
        let partition = i32::try_from(self.sent % self.partitions as u64)?;
        let value = &self.records[self.sent as usize % self.records.len()];
        let mut record = BaseRecord::to(&self.topic).partition(partition).key(&key).payload(value);
        record = record.timestamp(i64::try_from(since.as_millis())?);
        while let Err((error, back)) = self.producer.send(record) {
            if !matches!(error, KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull)) {
                return Err(anyhow!("the load cannot be sent: {error}"));
            }
            self.serve();
            std::thread::sleep(Duration::from_millis(1));
            record = back;
        }
        self.sent += 1;
        Ok(())
    }

    fn serve(&self) {
        self.producer.poll(Duration::ZERO);
    }

    /// Waits until the broker has everything.
    pub(crate) fn flush(&self) -> Result<()> {
        self.producer.flush(FLUSH).map_err(|error| anyhow!("the last records were not taken: {error}"))
    }

    /// So many records as fast as they go, acknowledged.
    pub(crate) fn fill(&mut self, count: u64) -> Result<()> {
        for i in 0..count {
            if i % 1024 == 0 {
                self.serve();
            }
            self.send(SystemTime::now())?;
        }
        self.flush()
    }

    /// `rate` records a second, until `stop` is set or `count` were sent. A record that is late keeps the time it was due at, so
    /// that a slow broker counts against whoever is measured and nothing is left out.
    pub(crate) fn pace(&mut self, rate: u32, count: u64, stop: &AtomicBool) -> Result<()> {
        let (began, wall) = (Instant::now(), SystemTime::now());
        for i in 0..count {
            let due = Duration::from_secs_f64(i as f64 / f64::from(rate));
            while began.elapsed() < due {
                if stop.load(Ordering::Relaxed) {
                    return self.flush();
                }
                self.serve();
                std::thread::sleep(
                    (due.saturating_sub(began.elapsed())).clamp(Duration::from_micros(50), Duration::from_millis(1)),
                );
            }
            self.send(wall + due)?;
        }
        self.flush()
    }
}
