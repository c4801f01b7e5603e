//! Records written outside of any stream: to the control log by the command line, to the status topic by the host.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use rdkafka::client::ClientContext;
use rdkafka::config::{FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, Message as _, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, Producer as _, ProducerContext};
use rdkafka::util::IntoOpaque;

use super::super::Notices;
use super::config::Config;
use super::context::{Deliveries, Plain};
use super::error::{Error, advice};
use super::producer::{Hurry, nap};

/// A record to be published.
#[derive(Debug, Clone, Copy, Default)]
pub struct PublishRecord<'a> {
    /// Partition; `None` is the partitioner's choice.
    pub partition: Option<i32>,
    /// Key.
    pub key: Option<&'a [u8]>,
    /// Value; `None` is a tombstone.
    pub value: Option<&'a [u8]>,
    /// Headers.
    pub headers: &'a [(&'a str, &'a [u8])],
}

/// Keeps what became of the one record.
#[derive(Default)]
struct Outcome {
    plain: Plain,
    delivered: Mutex<Option<Result<i64, RDKafkaErrorCode>>>,
}

impl ClientContext for Outcome {
    fn log(&self, level: RDKafkaLogLevel, fac: &str, log_message: &str) {
        self.plain.log(level, fac, log_message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.plain.error(error, reason);
    }
}

impl ProducerContext for Outcome {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        let outcome = match result {
            Ok(message) => Ok(message.offset()),
            Err((error, _)) => Err(error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Unknown)),
        };
        if let Ok(mut delivered) = self.delivered.lock() {
            *delivered = Some(outcome);
        }
    }
}

/// Writes one record and returns its offset when every replica in sync has it, or fails after `wait`.
///
/// # Errors
/// No answer, no right to write, a record that is too large.
pub fn publish(config: &Config, topic: &str, record: PublishRecord<'_>, wait: Duration) -> Result<i64, Error> {
    let mut settings = config.client();
    settings.set("enable.idempotence", "true").set("acks", "all").set("linger.ms", "0");
    settings.set("partitioner", "murmur2_random").set("message.max.bytes", "1000000000");
    settings.set("message.timeout.ms", wait.as_millis().max(1000).to_string());
    let client = BaseProducer::from_config_and_context(&settings, Outcome::default());
    let client: BaseProducer<Outcome> = client.map_err(|error| Error::Property(error.to_string()))?;
    let what = || format!("publishing to `{topic}`");
    let refused = |code: RDKafkaErrorCode, why: String| match advice(code) {
        Some(advice) => Error::Refused { what: what(), why: format!("{why}. {advice}") },
        None => Error::Refused { what: what(), why },
    };
    client
        .send(native(topic, &record, ()))
        .map_err(|(error, _)| refused(error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Unknown), error.to_string()))?;
    let until = Instant::now() + wait + Duration::from_secs(2);
    let mut hurry = Hurry::default();
    loop {
        hurry.on(client.client(), topic);
        client.poll(Duration::ZERO);
        let outcome = client.context().delivered.lock().ok().and_then(|delivered| *delivered);
        match outcome {
            Some(Ok(offset)) => return Ok(offset),
            Some(Err(RDKafkaErrorCode::MessageTimedOut)) => break,
            Some(Err(code)) => return Err(refused(code, code.to_string())),
            None if Instant::now() >= until => break,
            None => nap(),
        }
    }
    let why = client.context().plain.voice.last_error().unwrap_or_else(|| format!("not acknowledged within {wait:?}"));
    Err(Error::Unreachable { brokers: config.brokers().to_owned(), what: what(), why })
}

/// A record as the library takes it; `about` comes back with the report of its delivery.
pub(super) fn native<'a, T: IntoOpaque>(topic: &'a str, record: &PublishRecord<'a>, about: T) -> BaseRecord<'a, [u8], [u8], T> {
    let mut native = BaseRecord::with_opaque_to(topic, about);
    if let Some(partition) = record.partition {
        native = native.partition(partition);
    }
    if let Some(key) = record.key {
        native = native.key(key);
    }
    if let Some(value) = record.value {
        native = native.payload(value);
    }
    let headers = record.headers.iter().fold(OwnedHeaders::new_with_capacity(record.headers.len()), |headers, (key, value)| {
        headers.insert(Header { key, value: Some(*value) })
    });
    native.headers(headers)
}

/// The status topic.
pub struct KafkaNotices {
    client: BaseProducer<Deliveries>,
    topic: String,
    dropped: u64,
}

impl KafkaNotices {
    /// A writer to the status topic; nothing is connected before the first notice.
    ///
    /// # Errors
    /// A property that librdkafka refuses.
    pub fn open(config: &Config, topic: &str) -> Result<Self, Error> {
        let mut settings = config.client();
        settings.set("enable.idempotence", "true").set("acks", "all").set("partitioner", "murmur2_random");
        settings.set("delivery.report.only.error", "true").set("linger.ms", "5");
        // Later notices replace earlier ones: more than this need not wait for a broker that is away.
        settings.set("queue.buffering.max.messages", "10000").set("queue.buffering.max.kbytes", "4096");
        settings.set("message.timeout.ms", "30000");
        let client = BaseProducer::from_config_and_context(&settings, Deliveries::default());
        let client = client.map_err(|error| Error::Property(error.to_string()))?;
        Ok(Self { client, topic: topic.to_owned(), dropped: 0 })
    }

    /// Notices that were not delivered.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped
    }
}

impl Notices for KafkaNotices {
    fn put(&mut self, key: &str, value: &[u8]) {
        for _ in 0..4 {
            self.client.poll(Duration::ZERO);
        }
        if let Some(failed) = self.client.context().take_failed() {
            self.dropped += 1;
            tracing::debug!(target: "kafka", topic = failed.topic, error = %failed.code, "a notice was not delivered");
        }
        if self.client.send(BaseRecord::to(&self.topic).key(key).payload(value)).is_err() {
            self.dropped += 1;
        }
    }
}

impl Drop for KafkaNotices {
    fn drop(&mut self) {
        // The last notices tell that this host is going; they are not worth a long wait.
        let until = Instant::now() + Duration::from_secs(2);
        while self.client.in_flight_count() > 0 && Instant::now() < until {
            self.client.poll(Duration::ZERO);
            nap();
        }
    }
}
