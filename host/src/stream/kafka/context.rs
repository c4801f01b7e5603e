//! What librdkafka tells the host: log lines, errors, deliveries that failed, rebalances.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, RebalanceProtocol};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::Message;
use rdkafka::producer::{DeliveryResult, ProducerContext};
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{Statistics, TopicPartitionList};

/// A client repeats itself about every 100 ms while a broker is away.
const QUIET: Duration = Duration::from_secs(10);
const LINES_MAX: u32 = 10;

/// The log lines of one client, at most ten in ten seconds, and the last error among them: a wrong password, for one, is known from
/// there alone.
#[derive(Debug, Default)]
pub(super) struct Voice {
    state: Mutex<Said>,
}

#[derive(Debug, Default)]
struct Said {
    since: Option<Instant>,
    lines: u32,
    last_error: Option<String>,
}

impl Voice {
    fn say(&self, level: RDKafkaLogLevel, about: &str, text: &str) {
        use RDKafkaLogLevel::{Debug, Info, Notice, Warning};
        if matches!(level, Debug | Info | Notice) || about == "CONFWARN" {
            tracing::debug!(target: "kafka", about, "{text}");
            return;
        }
        let Ok(mut said) = self.state.lock() else { return };
        if !matches!(level, Warning) {
            said.last_error = Some(text.chars().take(500).collect());
        }
        if said.since.is_none_or(|since| since.elapsed() > QUIET) {
            if said.lines > LINES_MAX {
                tracing::warn!(target: "kafka", suppressed = said.lines - LINES_MAX, "kafka client repeated itself");
            }
            (said.since, said.lines) = (Some(Instant::now()), 0);
        }
        said.lines = said.lines.saturating_add(1);
        if said.lines <= LINES_MAX {
            tracing::warn!(target: "kafka", about, "kafka client: {text}");
        }
    }

    /// The last error the client has logged.
    pub(super) fn last_error(&self) -> Option<String> {
        self.state.lock().ok()?.last_error.clone()
    }
}

/// Context of a client that reports nothing but its log.
#[derive(Debug, Default)]
pub(super) struct Plain {
    pub(super) voice: Voice,
}

impl ClientContext for Plain {
    fn log(&self, level: RDKafkaLogLevel, fac: &str, log_message: &str) {
        self.voice.say(level, fac, log_message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        // The end of a partition was asked for; where it is the last thing said, it would be taken for the reason of a silence.
        if error.rdkafka_error_code() == Some(RDKafkaErrorCode::PartitionEOF) {
            return;
        }
        self.voice.say(RDKafkaLogLevel::Error, "ERROR", &format!("{error}: {reason}"));
    }

    fn stats_raw(&self, _: &[u8]) {}

    fn stats(&self, _: Statistics) {}
}

impl ConsumerContext for Plain {}

/// Context of a producer: keeps the first delivery that failed since it was asked last.
#[derive(Debug, Default)]
pub(super) struct Deliveries {
    pub(super) voice: Voice,
    failed: Mutex<Option<Undelivered>>,
    any: AtomicBool,
}

/// A record that was not delivered.
#[derive(Debug, Clone)]
pub(super) struct Undelivered {
    pub(super) code: RDKafkaErrorCode,
    pub(super) topic: String,
}

impl Deliveries {
    pub(super) fn take_failed(&self) -> Option<Undelivered> {
        if !self.any.swap(false, Ordering::Relaxed) {
            return None;
        }
        self.failed.lock().ok()?.take()
    }
}

impl ClientContext for Deliveries {
    fn log(&self, level: RDKafkaLogLevel, fac: &str, log_message: &str) {
        self.voice.say(level, fac, log_message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.voice.say(RDKafkaLogLevel::Error, "ERROR", &format!("{error}: {reason}"));
    }

    fn stats_raw(&self, _: &[u8]) {}

    fn stats(&self, _: Statistics) {}
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        let Err((error, message)) = result else { return };
        let code = error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Unknown);
        // What an abort has thrown away was not asked for any more.
        if matches!(code, RDKafkaErrorCode::PurgeQueue | RDKafkaErrorCode::PurgeInflight) {
            return;
        }
        if let Ok(mut failed) = self.failed.lock() {
            failed.get_or_insert_with(|| Undelivered { code, topic: message.topic().to_owned() });
            self.any.store(true, Ordering::Relaxed);
        }
    }
}

/// A rebalance that waits for its answer.
#[derive(Debug, Clone)]
pub(super) enum Rebalance {
    Assign(TopicPartitionList),
    Revoke(TopicPartitionList),
}

/// Context of a group's member. A rebalance is stored, not answered: poll returns, the lane finishes its batch and commits, and
/// then `answer` is called. librdkafka raises no second event before the first is answered, so one place is enough.
#[derive(Debug, Default)]
pub(super) struct Rebalances {
    pub(super) voice: Voice,
    pending: Mutex<Option<Rebalance>>,
    inline: AtomicBool,
}

impl Rebalances {
    pub(super) fn take(&self) -> Option<Rebalance> {
        self.pending.lock().ok()?.take()
    }

    /// An event that was taken and not answered goes back: closing the consumer needs its answer.
    pub(super) fn put_back(&self, event: Rebalance) {
        if let Ok(mut pending) = self.pending.lock() {
            *pending = Some(event);
        }
    }

    /// From now on events are answered where they come: closing waits for the answer to one that only it can raise.
    pub(super) fn answer_inline(&self) {
        self.inline.store(true, Ordering::Relaxed);
    }
}

/// Tells librdkafka that the event has been dealt with.
pub(super) fn answer(consumer: &BaseConsumer<Rebalances>, event: &Rebalance) -> KafkaResult<()> {
    match (event, consumer.rebalance_protocol()) {
        (Rebalance::Assign(list), RebalanceProtocol::Cooperative) => consumer.incremental_assign(list),
        (Rebalance::Revoke(list), RebalanceProtocol::Cooperative) => consumer.incremental_unassign(list),
        (Rebalance::Assign(list), _) => consumer.assign(list),
        (Rebalance::Revoke(_), _) => consumer.unassign(),
    }
}

impl ClientContext for Rebalances {
    fn log(&self, level: RDKafkaLogLevel, fac: &str, log_message: &str) {
        self.voice.say(level, fac, log_message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.voice.say(RDKafkaLogLevel::Error, "ERROR", &format!("{error}: {reason}"));
    }

    fn stats_raw(&self, _: &[u8]) {}

    fn stats(&self, _: Statistics) {}
}

impl ConsumerContext for Rebalances {
    fn rebalance(&self, consumer: &BaseConsumer<Self>, err: RDKafkaRespErr, list: &mut TopicPartitionList) {
        // The list is the event's and dies with it.
        let event = if err == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS {
            Rebalance::Assign(list.clone())
        } else {
            Rebalance::Revoke(list.clone())
        };
        if self.inline.load(Ordering::Relaxed) {
            if let Err(error) = answer(consumer, &event) {
                tracing::debug!(target: "kafka", %error, "rebalance while closing");
            }
        } else {
            self.put_back(event);
        }
    }
}
