//! What a user may do, asked of the brokers before anything is streamed.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rdkafka::config::FromClientConfigAndContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, Producer as _};

use super::admin::{Admin, Topic, WAIT};
use super::config::Config;
use super::context::Deliveries;
use super::error::{Error, Failure, advice};
use super::ffi::{self, Resource};

/// How long one question about rights may take ..
const RIGHTS_WAIT: Duration = Duration::from_secs(5);
/// .. and how often those about a group are repeated.
const GROUP_WAIT: Duration = Duration::from_secs(30);

/// What a user may do with a topic or a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rights {
    /// Read records, or offsets.
    pub read: bool,
    /// Write records.
    pub write: bool,
    /// See that it is there.
    pub describe: bool,
    /// See its settings.
    pub describe_configs: bool,
}

/// A connection that looks before anything is done.
pub struct Probe {
    config: Config,
    admin: Admin,
}

impl Probe {
    /// Connects.
    ///
    /// # Errors
    /// A property that librdkafka refuses. Whether anyone answers shows with the first question.
    pub fn connect(config: &Config) -> Result<Self, Error> {
        Ok(Self { admin: Admin::connect(config)?, config: config.clone() })
    }

    /// What there is of a topic; `None` where there is none.
    ///
    /// # Errors
    /// No answer, or the user may not see it.
    pub fn topic(&self, name: &str) -> Result<Option<Topic>, Error> {
        let found: BTreeMap<String, Topic> = self.admin.topics([name].into_iter())?;
        Ok(found.into_values().next())
    }

    /// What the user may do with a topic that exists.
    ///
    /// # Errors
    /// No answer.
    pub fn topic_rights(&self, name: &str) -> Result<Rights, Error> {
        rights(&self.admin, Resource::Topic(name), &format!("rights on topic `{name}`"))
    }

    /// What the user may do with a consumer group, which need not exist.
    ///
    /// # Errors
    /// No answer.
    pub fn group_rights(&self, name: &str) -> Result<Rights, Error> {
        let (what, until) = (format!("rights on group `{name}`"), Instant::now() + GROUP_WAIT);
        let ask = |admin: &Admin| rights(admin, Resource::Group(name), &what);
        let mut answer = ask(&self.admin);
        // Who is the first to ask a new cluster about a group waits until it has made the topic in which it keeps them. A
        // connection goes on asking the broker that it was told of first, so each time it is a new one.
        while matches!(answer, Err(Error::Unreachable { .. })) && Instant::now() < until {
            answer = ask(&Admin::connect(&self.config)?);
        }
        answer
    }

    /// Whether the user may begin transactions under an id, by beginning to. A producer under the same id is fenced by that, so
    /// the id has to be one that no lane has.
    ///
    /// # Errors
    /// No answer.
    pub fn may_use_transactional_id(&self, id: &str) -> Result<bool, Error> {
        let mut settings = self.config.client();
        settings.set("transactional.id", id);
        let client = BaseProducer::from_config_and_context(&settings, Deliveries::default());
        let client: BaseProducer<Deliveries> = client.map_err(|error| Error::Property(error.to_string()))?;
        let Err(error) = client.init_transactions(WAIT) else { return Ok(true) };
        let failure = Failure::from(error);
        if is_forbidden(failure.code) {
            return Ok(false);
        }
        let what = format!("transactional id `{id}`");
        if let Some(advice) = advice(failure.code) {
            return Err(Error::Refused { what, why: format!("{}. {advice}", failure.text) });
        }
        client.poll(Duration::ZERO);
        let said = client.client().context().voice.last_error();
        let why = said.map_or_else(|| failure.text.clone(), |line| format!("{}; {line}", failure.text));
        Err(Error::Unreachable { brokers: self.config.brokers().to_owned(), what, why })
    }

    /// Makes a topic, replicated as the brokers' default says; `partitions` of `None` is their default too. A topic that exists
    /// already is left as it is.
    ///
    /// # Errors
    /// No answer, no right to create it, a setting that the brokers refuse.
    pub fn create(&self, name: &str, partitions: Option<i32>, settings: &[(&str, &str)]) -> Result<(), Error> {
        self.admin.create(name, partitions.unwrap_or(-1), settings)
    }
}

fn is_forbidden(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as E;
    matches!(code, E::TopicAuthorizationFailed | E::GroupAuthorizationFailed | E::TransactionalIdAuthorizationFailed)
}

fn rights(admin: &Admin, of: Resource<'_>, what: &str) -> Result<Rights, Error> {
    const READ: i32 = 3;
    const WRITE: i32 = 4;
    const DESCRIBE: i32 = 8;
    const DESCRIBE_CONFIGS: i32 = 10;
    match ffi::rights(admin.client(), of, RIGHTS_WAIT) {
        Ok(operations) => Ok(Rights {
            read: operations.contains(&READ),
            write: operations.contains(&WRITE),
            describe: operations.contains(&DESCRIBE),
            describe_configs: operations.contains(&DESCRIBE_CONFIGS),
        }),
        // Who may not even look has no right at all.
        Err(failure) if is_forbidden(failure.code) => Ok(Rights::default()),
        Err(failure) => Err(admin.failed(what, &KafkaError::AdminOp(failure.code))),
    }
}
