//! A lane's producer.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use rdkafka::client::{Client, ClientContext};
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::error::{KafkaResult, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, Producer as _};
use rdkafka::{ClientConfig, TopicPartitionList};

use super::super::{LinkError, Outgoing};
use super::context::{Deliveries, Undelivered};
use super::error::{Error, Failure, advice};
use super::ffi::{Identity, Topic};

/// Between two looks at what is in flight. rust-rdkafka's `poll(1 ms)` and `flush` would spin or sleep for 100 ms.
const NAP: Duration = Duration::from_micros(200);

/// A short rest while the client's own threads work.
#[expect(clippy::disallowed_methods, reason = "measured: a fifth of the CPU time of the library's own ways to wait")]
pub(super) fn nap() {
    thread::sleep(NAP);
}

/// One try of a call that may be repeated; between two of them the client's events are served.
pub(super) const TRY: Duration = Duration::from_secs(1);
const INIT_MAX: Duration = Duration::from_secs(10);
/// For so long a new client is hurried on, so often: when it has just connected it asks for its producer id again only after half a
/// second, or with the next answer about metadata (`rd_kafka_parse_Metadata`: "Try to acquire a Producer ID").
const HURRY: Duration = Duration::from_millis(600);
pub(super) const HURRY_EVERY: Duration = Duration::from_millis(20);
/// What an orderly end may take; a transaction that is left open holds up readers until it times out.
const CLOSE_MAX: Duration = Duration::from_secs(3);

/// Hurries a new idempotent producer on to its id.
pub(super) struct Hurry {
    since: Instant,
    last: Option<Instant>,
}

impl Default for Hurry {
    fn default() -> Self {
        Self { since: Instant::now(), last: None }
    }
}

impl Hurry {
    /// Asks for metadata of a topic, if it is time to. Whether the client is still new.
    pub(super) fn on<C: ClientContext>(&mut self, client: &Client<C>, topic: &str) -> bool {
        if self.since.elapsed() >= HURRY {
            return false;
        }
        if self.last.is_none_or(|last| last.elapsed() >= HURRY_EVERY) {
            // Whether there is an answer will be seen from what it is for.
            let _ = client.fetch_metadata(Some(topic), HURRY_EVERY);
            self.last = Some(Instant::now());
        }
        true
    }
}

pub(super) struct Producer {
    // Declared before the client, whose they are.
    topics: Vec<Topic>,
    client: Arc<BaseProducer<Deliveries>>,
    /// Longest time a transaction may be open.
    timeout: Duration,
    transactional: bool,
    /// When the open transaction began.
    open: Option<Instant>,
}

impl Producer {
    /// A new producer; with a transactional id, every predecessor of that id is fenced off and its transaction ended.
    pub(super) fn open(config: &ClientConfig, topics: &[String], timeout: Duration) -> Result<Self, Error> {
        let client = BaseProducer::from_config_and_context(config, Deliveries::default());
        let client: Arc<BaseProducer<Deliveries>> = Arc::new(client.map_err(|error| Error::Property(error.to_string()))?);
        let handle =
            |name: &String| Topic::new(&client, name).ok_or_else(|| Error::Property(format!("`{name}` is no name of a topic")));
        let first = topics.first().cloned().unwrap_or_default();
        let topics = topics.iter().map(handle).collect::<Result<_, _>>()?;
        let transactional = config.get("transactional.id").is_some();
        let producer = Self { topics, client, timeout, transactional, open: None };
        if transactional {
            producer.init(config, &first)?;
        }
        Ok(producer)
    }

    fn init(&self, config: &ClientConfig, topic: &str) -> Result<(), Error> {
        let mut hurry = Hurry::default();
        let result = self.repeat(INIT_MAX, |client| {
            let hurried = hurry.on(client.client(), topic);
            client.init_transactions(if hurried { HURRY_EVERY } else { TRY })
        });
        result.map_err(|failure| {
            let brokers = config.get("bootstrap.servers").unwrap_or_default().to_owned();
            let what = format!("init_transactions of `{}`", config.get("transactional.id").unwrap_or_default());
            let log = self.client.context().voice.last_error().map(|line| format!("; {line}")).unwrap_or_default();
            match advice(failure.code) {
                Some(advice) => Error::Refused { what, why: format!("{}. {advice}", failure.text) },
                None => Error::Unreachable { brokers, what, why: format!("{}{log}", failure.text) },
            }
        })
    }

    /// How long the open transaction has been open.
    pub(super) fn age(&self) -> Option<Duration> {
        self.open.map(|since| since.elapsed())
    }

    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }

    pub(super) fn begin(&mut self) -> Result<(), Failure> {
        if self.transactional && self.open.is_none() {
            self.client.begin_transaction()?;
            self.open = Some(Instant::now());
        }
        Ok(())
    }

    /// Queues a record in topic number `topic`, waiting for room where there is none.
    pub(super) fn send(&mut self, topic: usize, out: &Outgoing<'_>) -> Result<(), LinkError> {
        let partition = out.partition.unwrap_or(-1);
        let timestamp = out.timestamp.max(0);
        let mut full_since = None;
        loop {
            let Err(code) = self.topics[topic].produce(partition, timestamp, out.key, out.value, &out.headers) else {
                return Ok(());
            };
            if code != RDKafkaErrorCode::QueueFull {
                return Err(self.refused(code, out));
            }
            if full_since.get_or_insert_with(Instant::now).elapsed() > self.timeout {
                let text = format!("no room in the producer's queue for {:?}: the brokers take nothing", self.timeout);
                return Err(LinkError::Abort(text));
            }
            nap();
            self.client.poll(Duration::ZERO);
        }
    }

    fn refused(&self, code: RDKafkaErrorCode, out: &Outgoing<'_>) -> LinkError {
        if code == RDKafkaErrorCode::Fatal || code == RDKafkaErrorCode::State {
            let why = self.client.client().fatal_error().map_or_else(|| code.to_string(), |(_, text)| text);
            return LinkError::Reopen(format!("produce: {why}"));
        }
        let bytes = out.key.map_or(0, <[u8]>::len) + out.value.map_or(0, <[u8]>::len);
        let advice = advice(code).unwrap_or("A restart will not help: see the client's log lines");
        LinkError::Fatal(format!("produce of {bytes} bytes to {:?}, partition {:?}: {code}. {advice}", out.sink, out.partition))
    }

    /// The error the client died of, if it did.
    pub(super) fn fatal(&self) -> Option<Failure> {
        let (code, text) = self.client.client().fatal_error()?;
        Some(Failure { code, text, retriable: false, abort: false, fatal: true })
    }

    /// Waits until everything that was sent is acknowledged.
    pub(super) fn drain(&self) -> Result<(), LinkError> {
        let until = Instant::now() + self.timeout;
        loop {
            self.client.poll(Duration::ZERO);
            if let Some(failed) = self.client.context().take_failed() {
                return Err(undelivered(&failed));
            }
            let left = self.client.in_flight_count();
            if left == 0 {
                return Ok(());
            }
            if Instant::now() > until {
                let log = self.client.context().voice.last_error().unwrap_or_default();
                return Err(LinkError::Abort(format!("{left} records not acknowledged within {:?}; {log}", self.timeout)));
            }
            nap();
        }
    }

    pub(super) fn send_offsets(&self, identity: &Identity, offsets: &TopicPartitionList) -> Result<(), Failure> {
        let until = Instant::now() + self.timeout;
        loop {
            match identity.send_offsets(&self.client, offsets, TRY) {
                Err(failure) if failure.retriable && Instant::now() < until => self.client.poll(Duration::ZERO),
                result => return result,
            }
        }
    }

    /// Commits the open transaction. To be called after `drain`.
    pub(super) fn commit(&mut self) -> Result<(), Failure> {
        self.repeat(self.timeout, |client| client.commit_transaction(TRY))?;
        self.open = None;
        Ok(())
    }

    /// Aborts the open transaction, if one is open, and forgets which records were not delivered.
    pub(super) fn abort(&mut self) -> Result<(), Failure> {
        self.abort_within(self.timeout)
    }

    fn abort_within(&mut self, max: Duration) -> Result<(), Failure> {
        if self.transactional && self.open.is_some() {
            self.repeat(max, |client| {
                // While records are in flight the call waits for their reports, which only a poll serves: so not for long.
                let wait = if client.in_flight_count() > 0 { Duration::from_millis(20) } else { TRY };
                client.abort_transaction(wait)
            })?;
            self.open = None;
        }
        self.client.poll(Duration::ZERO);
        self.client.context().take_failed();
        Ok(())
    }

    /// Repeats a call as long as it asks for it, at most for `max`.
    fn repeat(&self, max: Duration, mut call: impl FnMut(&BaseProducer<Deliveries>) -> KafkaResult<()>) -> Result<(), Failure> {
        let until = Instant::now() + max;
        loop {
            let result = call(&self.client).map_err(Failure::from);
            self.serve();
            match result {
                Err(failure) if failure.retriable && Instant::now() < until => {}
                result => return result,
            }
        }
    }

    /// Events come one at a time: delivery reports, errors, log lines.
    fn serve(&self) {
        for _ in 0..16 {
            self.client.poll(Duration::ZERO);
        }
    }
}

impl Drop for Producer {
    fn drop(&mut self) {
        if self.fatal().is_none()
            && let Err(failure) = self.abort_within(CLOSE_MAX)
        {
            tracing::debug!(target: "kafka", error = failure.text, "a transaction was left open");
        }
    }
}

fn undelivered(failed: &Undelivered) -> LinkError {
    let text = format!("a record for `{}` was not delivered: {}", failed.topic, failed.code);
    match advice(failed.code) {
        Some(advice) => LinkError::Fatal(format!("{text}. {advice}")),
        None => LinkError::Abort(text),
    }
}
