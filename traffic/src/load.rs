//! Records onto the input topic: as fast as they go, or at a rate.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Result, anyhow, ensure};
use rdkafka::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};

use crate::Topics;

/// How long the last records may take to be acknowledged.
const FLUSH: Duration = Duration::from_secs(120);

/// A producer of records, in turn over the partitions.
pub struct Load {
    producer: BaseProducer,
    topic: String,
    partitions: i32,
    records: Vec<Vec<u8>>,
    /// Records sent so far.
    pub sent: u64,
}

impl Load {
    /// A load of these records, again and again from the first.
    ///
    /// # Errors
    /// There are none, or the client cannot be made.
    pub fn new(topics: &Topics, records: Vec<Vec<u8>>) -> Result<Self> {
        ensure!(!records.is_empty() && topics.partitions > 0, "there are no records, or no partitions to send them to");
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &topics.brokers).set("enable.idempotence", "true").set("linger.ms", "5");
        config.set("queue.buffering.max.messages", "200000").set("message.timeout.ms", "300000");
        Ok(Self { producer: config.create()?, topic: topics.input.clone(), partitions: topics.partitions, records, sent: 0 })
    }

    /// Queues one record; its key is when it was due, microseconds since the epoch, in decimal.
    ///
    /// # Errors
    /// The broker does not take them.
    pub fn send(&mut self, due: SystemTime) -> Result<()> {
        let since = due.duration_since(SystemTime::UNIX_EPOCH)?;
        let key = since.as_micros().to_string();
        let partition = i32::try_from(self.sent % self.partitions as u64)?;
        let value = &self.records[self.sent as usize % self.records.len()];
        let mut record = BaseRecord::to(&self.topic).partition(partition).key(&key).payload(value);
        record = record.timestamp(i64::try_from(since.as_millis())?);
        let until = Instant::now() + FLUSH;
        while let Err((error, back)) = self.producer.send(record) {
            ensure!(Instant::now() < until, "the broker has taken nothing for {FLUSH:?}");
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
    ///
    /// # Errors
    /// The broker does not take them.
    pub fn flush(&self) -> Result<()> {
        self.producer.flush(FLUSH).map_err(|error| anyhow!("the last records were not taken: {error}"))
    }

    /// So many records as fast as they go, acknowledged.
    ///
    /// # Errors
    /// The broker does not take them.
    pub fn fill(&mut self, count: u64) -> Result<()> {
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
    ///
    /// # Errors
    /// The broker does not take them.
    pub fn pace(&mut self, rate: u32, count: u64, stop: &AtomicBool) -> Result<()> {
        let (began, wall) = (Instant::now(), SystemTime::now());
        for i in 0..count {
            // A load that is behind looks, too, whether it is to end.
            if stop.load(Ordering::Relaxed) {
                return self.flush();
            }
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
