//! Chunks and the record that refers to them, written in one transaction: readers of committed records see the record when, and
//! only when, all chunks are there.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use rdkafka::client::ClientContext;
use rdkafka::config::{FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::Message as _;
use rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, Producer as _, ProducerContext};

use super::super::ChunkAt;
use super::config::Config;
use super::context::Plain;
use super::error::{Error, Failure, advice};
use super::producer::{HURRY_EVERY, Hurry, TRY, nap};
use super::writer::{PublishRecord, native};

/// How long brokers may take to begin a transaction.
const BEGIN_MAX: Duration = Duration::from_secs(30);
/// How long it is tried to undo what was given up; the brokers do it themselves when its time is over.
const UNDO_MAX: Duration = Duration::from_secs(3);
/// What may be on its way, bytes.
const QUEUE_BYTES: usize = 32 << 20;

/// Where each record has got to.
#[derive(Default)]
struct Reports {
    plain: Plain,
    places: Mutex<Places>,
}

#[derive(Default)]
struct Places {
    /// Partition and offset by number of the record.
    at: Vec<Option<(i32, i64)>>,
    delivered: usize,
    failed: Option<RDKafkaErrorCode>,
}

impl ClientContext for Reports {
    fn log(&self, level: RDKafkaLogLevel, fac: &str, log_message: &str) {
        self.plain.log(level, fac, log_message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.plain.error(error, reason);
    }
}

impl ProducerContext for Reports {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, number: usize) {
        let Ok(mut places) = self.places.lock() else { return };
        match result {
            Ok(message) => {
                if let Some(place) = places.at.get_mut(number) {
                    *place = Some((message.partition(), message.offset()));
                    places.delivered += 1;
                }
            }
            Err((error, _)) => {
                let code = error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Unknown);
                places.failed.get_or_insert(code);
            }
        }
    }
}

/// An open transaction. Given up, it is undone: nothing of it is seen.
pub struct Upload {
    client: BaseProducer<Reports>,
    brokers: String,
    topic: String,
    keys: Vec<String>,
    until: Instant,
    open: bool,
}

impl Upload {
    /// Begins a transaction that may take as long as `timeout`. `id` is its name among the brokers' transactions, `topic` the
    /// chunks', `record_bytes` the size of the record that ends it, at most.
    ///
    /// # Errors
    /// No answer; no right to use transactions of that name.
    pub fn begin(config: &Config, id: &str, topic: &str, timeout: Duration, record_bytes: usize) -> Result<Self, Error> {
        let mut settings = config.client();
        let ms = timeout.as_millis().to_string();
        settings.set("transactional.id", id).set("transaction.timeout.ms", &ms).set("message.timeout.ms", &ms);
        settings.set("enable.idempotence", "true").set("acks", "all").set("partitioner", "murmur2_random");
        // A topic's limit is that of a batch: each chunk is one.
        settings.set("linger.ms", "0").set("batch.num.messages", "1").set("message.max.bytes", "1000000000");
        settings.set("queue.buffering.max.kbytes", ((QUEUE_BYTES + record_bytes) / 1024).to_string());
        let client = BaseProducer::from_config_and_context(&settings, Reports::default());
        let client: BaseProducer<Reports> = client.map_err(|error| Error::Property(error.to_string()))?;
        let until = Instant::now() + timeout;
        let brokers = config.brokers().to_owned();
        let mut upload = Self { client, brokers, topic: topic.to_owned(), keys: Vec::new(), until, open: false };
        let mut hurry = Hurry::default();
        let begun = upload.repeat(BEGIN_MAX, |client| {
            let hurried = hurry.on(client.client(), topic);
            client.init_transactions(if hurried { HURRY_EVERY } else { TRY })
        });
        begun
            .and_then(|()| upload.client.begin_transaction().map_err(Failure::from))
            .map_err(|failure| upload.failed(&format!("beginning a transaction as `{id}`"), &failure))?;
        upload.open = true;
        Ok(upload)
    }

    /// Queues a chunk; its bytes are copied. Waits where much is on its way.
    ///
    /// # Errors
    /// A chunk before it was not taken, no right to write, too large.
    pub fn send(&mut self, key: &str, value: &[u8]) -> Result<(), Error> {
        let topic = self.topic.clone();
        self.put(&topic, PublishRecord { key: Some(key.as_bytes()), value: Some(value), ..PublishRecord::default() })?;
        self.keys.push(key.to_owned());
        Ok(())
    }

    /// Looks whether every chunk that was sent is there, for a moment.
    ///
    /// # Errors
    /// One was not taken.
    pub fn settled(&mut self) -> Result<bool, Error> {
        let until = Instant::now() + Duration::from_millis(50);
        loop {
            self.check()?;
            if self.client.in_flight_count() == 0 {
                return Ok(true);
            }
            if Instant::now() >= until {
                return Ok(false);
            }
            nap();
        }
    }

    /// How many are there.
    #[must_use]
    pub fn delivered(&self) -> usize {
        self.client.context().places.lock().map(|places| places.delivered).unwrap_or_default()
    }

    /// Where the chunks are, in the order in which they were sent; without those that are not there yet.
    #[must_use]
    pub fn places(&self) -> Vec<ChunkAt> {
        let Ok(places) = self.client.context().places.lock() else { return Vec::new() };
        let place = |(key, at): (&String, &Option<(i32, i64)>)| {
            at.map(|(partition, offset)| ChunkAt { key: key.clone(), partition, offset })
        };
        self.keys.iter().zip(&places.at).filter_map(place).collect()
    }

    /// Writes the record that refers to the chunks and ends the transaction; the record's offset.
    ///
    /// # Errors
    /// The record was not taken; then nothing has been written. No answer to the end of the transaction: then it is not known.
    pub fn commit(mut self, topic: &str, record: PublishRecord<'_>) -> Result<i64, Error> {
        self.put(topic, record)?;
        while !self.settled()? {}
        let last = self.client.context().places.lock().ok().and_then(|places| places.at.last().copied().flatten());
        let left = self.until.saturating_duration_since(Instant::now());
        let what = format!("the end of the transaction that publishes to `{topic}`; whether it was committed, its readers know");
        self.repeat(left, |client| client.commit_transaction(TRY)).map_err(|failure| self.failed(&what, &failure))?;
        self.open = false;
        last.map(|(_, offset)| offset).ok_or_else(|| Error::Refused { what, why: "the record's offset is not known".into() })
    }

    fn put(&mut self, topic: &str, record: PublishRecord<'_>) -> Result<(), Error> {
        let number = {
            let Ok(mut places) = self.client.context().places.lock() else {
                return Err(Error::Refused { what: format!("publishing to `{topic}`"), why: "a thread has panicked".into() });
            };
            places.at.push(None);
            places.at.len() - 1
        };
        let mut native: BaseRecord<'_, [u8], [u8], usize> = native(topic, &record, number);
        loop {
            self.check()?;
            let Err((error, back)) = self.client.send(native) else { return Ok(()) };
            let code = error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Unknown);
            if code != RDKafkaErrorCode::QueueFull {
                return Err(self.refused(topic, code));
            }
            native = back;
            nap();
        }
    }

    /// Serves the client, and says what has failed.
    fn check(&self) -> Result<(), Error> {
        for _ in 0..16 {
            self.client.poll(Duration::ZERO);
        }
        let failed = self.client.context().places.lock().ok().and_then(|places| places.failed);
        if let Some(code) = failed {
            return Err(self.refused(&self.topic, code));
        }
        if Instant::now() >= self.until {
            return Err(self.refused(&self.topic, RDKafkaErrorCode::MessageTimedOut));
        }
        Ok(())
    }

    fn refused(&self, topic: &str, code: RDKafkaErrorCode) -> Error {
        let failure = Failure { code, text: code.to_string(), retriable: false, abort: false, fatal: false };
        self.failed(&format!("publishing to `{topic}`"), &failure)
    }

    fn failed(&self, what: &str, failure: &Failure) -> Error {
        let what = what.to_owned();
        let own = match failure.code {
            RDKafkaErrorCode::TransactionalIdAuthorizationFailed => {
                Some("Grant the user Write and Describe on transactional ids that begin with <control log>-publish-")
            }
            RDKafkaErrorCode::InvalidTransactionTimeout => {
                Some("Raise the brokers' transaction.max.timeout.ms: a large model takes its time")
            }
            _ => None,
        };
        if let Some(advice) = own.or_else(|| advice(failure.code)) {
            return Error::Refused { what, why: format!("{}. {advice}", failure.text) };
        }
        let said = self.client.context().plain.voice.last_error().map(|line| format!("; {line}")).unwrap_or_default();
        Error::Unreachable { brokers: self.brokers.clone(), what, why: format!("{}{said}", failure.text) }
    }

    /// Repeats a call as long as it asks for it, at most for `max`.
    fn repeat(&self, max: Duration, mut call: impl FnMut(&BaseProducer<Reports>) -> KafkaResult<()>) -> Result<(), Failure> {
        let until = Instant::now() + max;
        loop {
            let result = call(&self.client).map_err(Failure::from);
            for _ in 0..16 {
                self.client.poll(Duration::ZERO);
            }
            match result {
                Err(failure) if failure.retriable && Instant::now() < until => {}
                result => return result,
            }
        }
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if !self.open || self.client.client().fatal_error().is_some() {
            return;
        }
        let undone = self.repeat(UNDO_MAX, |client| {
            // While records are in flight the call waits for their reports, which only a poll serves: so not for long.
            client.abort_transaction(if client.in_flight_count() > 0 { Duration::from_millis(20) } else { TRY })
        });
        if let Err(failure) = undone {
            tracing::debug!(target: "kafka", error = failure.text, "a transaction was left open");
        }
    }
}
