//! What is set on the clients, why, and what the user may set.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use rdkafka::ClientConfig;

use super::super::Delivery;
use super::error::Error;

/// The `[kafka]` section: where the brokers are, and any property of librdkafka.
#[derive(Clone, PartialEq, Eq)]
pub struct Config {
    brokers: String,
    properties: BTreeMap<String, String>,
}

/// Keys that are the host's, and why.
const RESERVED: &[(&str, &str)] = &[
    ("bootstrap.servers", "it is `brokers`"),
    ("metadata.broker.list", "it is `brokers`"),
    ("group.id", "it is the stream's `group`"),
    ("group.instance.id", "it would be the same for every lane; the stream's `instance` names this host"),
    ("transactional.id", "it is <group>-<instance>-<lane>, so that a restarted lane ends its predecessor's transaction"),
    ("enable.auto.commit", "offsets are committed with the results they belong to"),
    ("enable.auto.offset.store", "offsets are committed with the results they belong to"),
    ("isolation.level", "it is read_committed: with anything else a lane could start from an offset that is taken back"),
    ("enable.idempotence", "it is always on: without it a retry can duplicate or reorder results"),
    ("acks", "it is always `all`: a result that is not replicated is not delivered"),
    ("request.required.acks", "acks is always `all`: a result that is not replicated is not delivered"),
    ("partitioner", "it is murmur2 of the key, as Java's clients do it"),
    ("enable.partition.eof", "the host asks for it where it needs it"),
    ("delivery.report.only.error", "the host counts what is in flight"),
    ("log.queue", "client log lines go to the host's log"),
];

impl Config {
    /// Checks the properties; nothing is connected.
    ///
    /// # Errors
    /// No brokers; a key that is the host's; a key or value that librdkafka does not know.
    pub fn new(brokers: impl Into<String>, properties: BTreeMap<String, String>) -> Result<Self, Error> {
        let brokers = brokers.into();
        if brokers.trim().is_empty() {
            return Err(Error::NoBrokers);
        }
        for (key, reason) in RESERVED {
            if properties.contains_key(*key) {
                return Err(Error::Reserved { key, reason });
            }
        }
        let config = Self { brokers, properties };
        config.client().create_native_config().map_err(|error| Error::Property(error.to_string()))?;
        config.transaction_timeout()?;
        Ok(config)
    }

    /// The bootstrap addresses.
    #[must_use]
    pub fn brokers(&self) -> &str {
        &self.brokers
    }

    /// How long a transaction may be open: `transaction.timeout.ms`, 10 s unless set. A host that died without a successor holds
    /// up readers for as long (and up to 10 s more, which is how often brokers look).
    ///
    /// # Errors
    /// It is set and no number.
    pub fn transaction_timeout(&self) -> Result<Duration, Error> {
        let text = self.properties.get("transaction.timeout.ms").map_or("10000", String::as_str);
        let wrong = || Error::Property(format!("transaction.timeout.ms: expected at least 1000 milliseconds, got `{text}`"));
        let ms: u64 = text.parse().map_err(|_| wrong())?;
        if ms < 1000 { Err(wrong()) } else { Ok(Duration::from_millis(ms)) }
    }

    fn get(&self, key: &str) -> Option<&str> {
        self.properties.get(key).map(String::as_str)
    }

    /// What every client is told.
    pub(super) fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        for (key, value) in &self.properties {
            config.set(key, value);
        }
        config.set("bootstrap.servers", &self.brokers);
        self.default(&mut config, "client.id", "sandstream");
        self.default(&mut config, "socket.keepalive.enable", "true");
        self.default(&mut config, "reconnect.backoff.max.ms", "2000");
        config
    }

    fn default(&self, config: &mut ClientConfig, key: &str, value: &str) {
        if self.get(key).is_none() {
            config.set(key, value);
        }
    }

    /// A lane's member of the consumer group. `queue_bytes` bounds what is fetched ahead.
    pub(super) fn member(&self, group: &str, profile: Profile, queue_bytes: usize) -> ClientConfig {
        let mut config = self.client();
        config.set("group.id", group);
        config.set("enable.auto.commit", "false");
        config.set("enable.auto.offset.store", "false");
        // Also what makes the committed offsets read back stable: an open transaction that may still move them is waited for.
        config.set("isolation.level", "read_committed");
        self.default(&mut config, "auto.offset.reset", "earliest");
        // The group protocol of Kafka 4 takes its timings from the broker and refuses these three.
        if self.get("group.protocol") != Some("consumer") {
            self.default(&mut config, "partition.assignment.strategy", "cooperative-sticky");
            self.default(&mut config, "session.timeout.ms", "10000");
            self.default(&mut config, "heartbeat.interval.ms", "1000");
        }
        // At its default of 1 s a fast consumer stalls each time its queue was full.
        self.default(&mut config, "fetch.queue.backoff.ms", "5");
        self.default(&mut config, "fetch.wait.max.ms", "50");
        self.default(&mut config, "queued.min.messages", profile.queued_messages());
        self.default(&mut config, "queued.max.messages.kbytes", &(queue_bytes / 1024).max(64).to_string());
        let fetch = (queue_bytes / 8).clamp(64 << 10, 4 << 20);
        self.default(&mut config, "fetch.message.max.bytes", &fetch.to_string());
        config
    }

    /// A lane's producer; transactional where an id is given. `record_bytes` is the largest record any of its topics takes,
    /// `batch_bytes` the largest batch all of them take.
    pub(super) fn producer(&self, id: Option<&str>, profile: Profile, sizes: &ProducerSizes) -> Result<ClientConfig, Error> {
        let mut config = self.client();
        config.set("enable.idempotence", "true");
        config.set("acks", "all");
        config.set("partitioner", "murmur2_random");
        // What was delivered is counted, not reported record by record; what was not is reported.
        config.set("delivery.report.only.error", "true");
        self.default(&mut config, "linger.ms", profile.linger_ms());
        self.default(&mut config, "batch.num.messages", "10000");
        self.default(&mut config, "batch.size", &sizes.batch_bytes.min(1_000_000).to_string());
        self.default(&mut config, "message.max.bytes", &sizes.record_bytes.clamp(1000, 1_000_000_000).to_string());
        self.default(&mut config, "queue.buffering.max.messages", "1000000");
        self.default(&mut config, "queue.buffering.max.kbytes", &(sizes.queue_bytes / 1024).max(64).to_string());
        let timeout = self.transaction_timeout()?;
        if let Some(id) = id {
            config.set("transactional.id", id);
            config.set("transaction.timeout.ms", timeout.as_millis().to_string());
            // A record must fail before its transaction does, so that the failure is an abort and not a fence.
            self.default(&mut config, "message.timeout.ms", &(timeout * 4 / 5).as_millis().to_string());
        }
        Ok(config)
    }

    /// Reads a topic from its beginning, without a group.
    pub(super) fn reader(&self) -> ClientConfig {
        let mut config = self.client();
        // librdkafka's assign wants a group's name; nothing is ever committed under it.
        config.set("group.id", "sandstream-reader");
        config.set("enable.auto.commit", "false");
        config.set("enable.auto.offset.store", "false");
        config.set("isolation.level", "read_committed");
        config.set("enable.partition.eof", "true");
        config.set("auto.offset.reset", "earliest");
        self.default(&mut config, "fetch.wait.max.ms", "50");
        self.default(&mut config, "queued.max.messages.kbytes", "65536");
        // Larger records than this never arrive: the connection is closed over them again and again.
        self.default(&mut config, "receive.message.max.bytes", "1000000000");
        config
    }

    /// Reads chunks: little ahead, as a payload is held beside them, and whatever the transaction they are in.
    pub(super) fn chunks(&self) -> ClientConfig {
        let mut config = self.reader();
        config.set("isolation.level", "read_uncommitted");
        config.set("queued.max.messages.kbytes", "8192");
        config
    }
}

/// Secrets are properties too, so values are not shown.
impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("brokers", &self.brokers)
            .field("properties", &self.properties.keys().collect::<Vec<_>>())
            .finish()
    }
}

/// Limits of a producer, from its topics and the stream's memory.
#[derive(Debug, Clone, Copy)]
pub(super) struct ProducerSizes {
    pub(super) record_bytes: usize,
    pub(super) batch_bytes: usize,
    pub(super) queue_bytes: usize,
}

/// A stated set of properties and a commit interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Profile {
    /// Large transactions: every 100 ms or 50,000 records.
    #[default]
    Throughput,
    /// Small ones: every 10 ms or 10,000 records, and little fetched ahead. Below 10 ms nothing is gained: a commit takes 5 ms.
    Latency,
}

impl Profile {
    /// When to commit, unless the stream says otherwise.
    #[must_use]
    pub fn commit(self) -> (Duration, u64) {
        match self {
            Self::Throughput => (Duration::from_millis(100), 50_000),
            Self::Latency => (Duration::from_millis(10), 10_000),
        }
    }

    fn queued_messages(self) -> &'static str {
        match self {
            Self::Throughput => "200000",
            Self::Latency => "20000",
        }
    }

    /// It adds to every commit. Where commits are 100 ms apart, fuller requests are worth more: a tenth of the CPU time.
    fn linger_ms(self) -> &'static str {
        match self {
            Self::Throughput => "5",
            Self::Latency => "0",
        }
    }
}

/// One lane's link.
#[derive(Debug, Clone)]
pub struct LinkConfig {
    /// Brokers and properties.
    pub kafka: Config,
    /// Consumer group of the stream.
    pub group: String,
    /// Name of this host within the group; no two hosts may share it.
    pub instance: String,
    /// Number of the lane within this host.
    pub lane: u32,
    /// Input topics.
    pub inputs: Vec<String>,
    /// Output topic of each input.
    pub outputs: Vec<String>,
    /// Dead-letter topic of each input; empty when the stream has none.
    pub dead_letters: Vec<String>,
    /// Topic of the activations.
    pub activations: Option<String>,
    /// Guarantee.
    pub delivery: Delivery,
    /// Set of properties.
    pub profile: Profile,
    /// What the clients of this lane may buffer, bytes: a quarter of it fetched ahead, half of it on its way out.
    pub memory_bytes: usize,
    /// Producers used in turn, 1 or 2: with two, one transaction begins while the other's commit is still written out.
    pub producers: u8,
}

impl LinkConfig {
    /// The name under which its transactions are known to the brokers.
    #[must_use]
    pub fn transactional_id(&self) -> String {
        Self::transactional_id_of(&self.group, &self.instance, self.lane)
    }

    /// The name that a lane has.
    #[must_use]
    pub fn transactional_id_of(group: &str, instance: &str, lane: u32) -> String {
        format!("{group}-{instance}-{lane}")
    }
}
