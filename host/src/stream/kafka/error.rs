//! What goes wrong with Kafka, and what is to be done about it.

use rdkafka::error::{KafkaError, RDKafkaError, RDKafkaErrorCode};

use super::super::LinkError;

/// A client could not be made, or an operation that nobody repeats has failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No brokers are named.
    #[error("kafka: expected `brokers = \"host:port,..\"`, got nothing")]
    NoBrokers,
    /// A property that the host sets itself.
    #[error("kafka: `{key}` cannot be set: {reason}")]
    Reserved {
        /// The key.
        key: &'static str,
        /// Why it is the host's.
        reason: &'static str,
    },
    /// A property that librdkafka refuses.
    #[error("kafka: {0}")]
    Property(String),
    /// A topic that is not there.
    #[error("topic `{topic}` does not exist on {brokers}: create it, or run `sandstream check --kafka --create`")]
    NoTopic {
        /// Its name.
        topic: String,
        /// Where it was looked for.
        brokers: String,
    },
    /// The control log has more than one partition.
    #[error("topic `{topic}`: expected 1 partition, so that all hosts see one order, got {partitions}")]
    Partitions {
        /// Its name.
        topic: String,
        /// How many it has.
        partitions: i32,
    },
    /// Nobody answers.
    #[error("no answer from {brokers} to {what}: {why}")]
    Unreachable {
        /// Where.
        brokers: String,
        /// What was asked.
        what: String,
        /// The client's error, and the last line of its log where there was one.
        why: String,
    },
    /// The brokers refuse it.
    #[error("{what}: {why}")]
    Refused {
        /// What was asked.
        what: String,
        /// The brokers' words and what to do.
        why: String,
    },
}

impl From<Error> for LinkError {
    fn from(error: Error) -> Self {
        match error {
            Error::Unreachable { .. } => Self::Reopen(error.to_string()),
            _ => Self::Fatal(error.to_string()),
        }
    }
}

/// An error of the transactional API, read out of librdkafka's own kind.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    pub(super) code: RDKafkaErrorCode,
    pub(super) text: String,
    pub(super) retriable: bool,
    pub(super) abort: bool,
    pub(super) fatal: bool,
}

impl From<&RDKafkaError> for Failure {
    fn from(error: &RDKafkaError) -> Self {
        Self {
            code: error.code(),
            text: error.string(),
            retriable: error.is_retriable(),
            abort: error.txn_requires_abort(),
            fatal: error.is_fatal(),
        }
    }
}

impl From<KafkaError> for Failure {
    fn from(error: KafkaError) -> Self {
        match &error {
            KafkaError::Transaction(inner) => inner.into(),
            _ => {
                let code = error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Unknown);
                Self { code, text: error.to_string(), retriable: false, abort: false, fatal: false }
            }
        }
    }
}

impl Failure {
    /// The brokers take this producer for a predecessor. Not a proof of a second instance: a transaction that outlived its timeout
    /// ends the same way.
    pub(super) fn fenced(&self) -> bool {
        use RDKafkaErrorCode::{Fenced, InvalidProducerEpoch, ProducerFenced};
        matches!(self.code, Fenced | ProducerFenced | InvalidProducerEpoch)
    }

    /// The group no longer knows this member.
    pub(super) fn unknown_member(&self) -> bool {
        matches!(self.code, RDKafkaErrorCode::UnknownMemberId | RDKafkaErrorCode::FencedInstanceId)
    }

    /// What the lane has to do.
    pub(super) fn into_link_error(self, what: &str) -> LinkError {
        let text = format!("{what}: {}", self.text);
        if let Some(advice) = advice(self.code) {
            LinkError::Fatal(format!("{text}. {advice}"))
        } else if self.abort && !self.fatal {
            LinkError::Abort(text)
        } else {
            LinkError::Reopen(text)
        }
    }
}

/// What to do about an error that no repetition cures; `None` for all others.
pub(super) fn advice(code: RDKafkaErrorCode) -> Option<&'static str> {
    use RDKafkaErrorCode as E;
    Some(match code {
        E::TopicAuthorizationFailed => "Grant the user Read on the inputs and the control log, Write on the topics written to",
        E::GroupAuthorizationFailed => "Grant the user Read on the consumer group",
        E::TransactionalIdAuthorizationFailed => {
            "Grant the user Write and Describe on transactional ids that begin with <group>-<instance>"
        }
        E::ClusterAuthorizationFailed => "Grant the user the right on the cluster that the broker's log names",
        E::MessageSizeTooLarge => "Raise the topic's max.message.bytes",
        E::InvalidTransactionTimeout => "Lower transaction.timeout.ms below the brokers' transaction.max.timeout.ms",
        _ => return None,
    })
}
