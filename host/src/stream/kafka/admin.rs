//! What the brokers say about topics.

use std::collections::BTreeMap;
use std::time::Duration;

use rdkafka::admin::{
    AdminClient, AdminOptions, ConfigResource, NewTopic, OwnedResourceSpecifier, ResourceSpecifier, TopicReplication,
};
use rdkafka::client::Client;
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::error::RDKafkaErrorCode;

use super::config::Config;
use super::context::Plain;
use super::error::{Error, advice};
use super::ffi;

pub(super) const WAIT: Duration = Duration::from_secs(15);

/// What Kafka's brokers take unless told otherwise.
pub(super) const RECORD_BYTES: usize = 1_048_588;

/// A topic as the brokers describe it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Topic {
    /// Number of partitions.
    pub partitions: i32,
    /// Its settings; empty where the user may not read them.
    pub settings: BTreeMap<String, String>,
}

impl Topic {
    /// The largest batch of records it takes, bytes.
    #[must_use]
    pub fn bytes_max(&self) -> usize {
        self.settings.get("max.message.bytes").and_then(|text| text.parse().ok()).unwrap_or(RECORD_BYTES)
    }
}

/// A connection for questions.
pub(super) struct Admin {
    client: AdminClient<Plain>,
    runtime: tokio::runtime::Runtime,
    brokers: String,
}

impl Admin {
    pub(super) fn connect(config: &Config) -> Result<Self, Error> {
        let client = AdminClient::from_config_and_context(&config.client(), Plain::default());
        let client = client.map_err(|error| Error::Property(error.to_string()))?;
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let runtime =
            runtime.map_err(|error| Error::Refused { what: "a runtime for requests".into(), why: error.to_string() })?;
        Ok(Self { client, runtime, brokers: config.brokers().to_owned() })
    }

    /// The connection itself.
    pub(super) fn client(&self) -> &Client<Plain> {
        self.client.inner()
    }

    pub(super) fn failed(&self, what: &str, error: &rdkafka::error::KafkaError) -> Error {
        let code = error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Unknown);
        match advice(code) {
            Some(advice) => Error::Refused { what: what.to_owned(), why: format!("{error}. {advice}") },
            None => {
                ffi::serve(self.client());
                let log = self.client().context().voice.last_error();
                let why = log.map_or_else(|| error.to_string(), |line| format!("{error}; {line}"));
                Error::Unreachable { brokers: self.brokers.clone(), what: what.to_owned(), why }
            }
        }
    }

    /// Number of partitions; `None` where there is no such topic.
    pub(super) fn partitions(&self, topic: &str) -> Result<Option<i32>, Error> {
        let what = format!("metadata of topic `{topic}`");
        let metadata = self.client.inner().fetch_metadata(Some(topic), WAIT).map_err(|error| self.failed(&what, &error))?;
        let Some(found) = metadata.topics().iter().find(|found| found.name() == topic) else { return Ok(None) };
        match found.error().map(RDKafkaErrorCode::from) {
            None => Ok(Some(found.partitions().len() as i32)),
            Some(RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic) => Ok(None),
            Some(code) => {
                let advice = advice(code).unwrap_or("Try again");
                Err(Error::Refused { what, why: format!("{code}. {advice}") })
            }
        }
    }

    /// What there is of these topics; their settings as far as the user may read them.
    pub(super) fn topics<'a>(&self, names: impl Iterator<Item = &'a str>) -> Result<BTreeMap<String, Topic>, Error> {
        let mut topics = BTreeMap::new();
        for name in names {
            if let Some(partitions) = self.partitions(name)? {
                topics.insert(name.to_owned(), Topic { partitions, settings: BTreeMap::new() });
            }
        }
        for resource in self.settings(topics.keys().map(String::as_str))? {
            if let OwnedResourceSpecifier::Topic(name) = &resource.specifier
                && let Some(topic) = topics.get_mut(name)
            {
                let entries = resource.entries.iter();
                topic.settings = entries.filter_map(|entry| Some((entry.name.clone(), entry.value.clone()?))).collect();
            }
        }
        Ok(topics)
    }

    fn settings<'a>(&self, names: impl Iterator<Item = &'a str>) -> Result<Vec<ConfigResource>, Error> {
        let asked: Vec<ResourceSpecifier<'_>> = names.map(ResourceSpecifier::Topic).collect();
        if asked.is_empty() {
            return Ok(Vec::new());
        }
        let options = AdminOptions::new().request_timeout(Some(WAIT));
        let results = self.runtime.block_on(self.client.describe_configs(&asked, &options));
        // A user without the right to read settings may stream nevertheless.
        Ok(results.map_err(|error| self.failed("settings of topics", &error))?.into_iter().filter_map(Result::ok).collect())
    }
}

/// What there is of these topics; one that does not exist is not in the answer.
///
/// # Errors
/// No answer.
pub fn topics<'a>(config: &Config, names: impl Iterator<Item = &'a str>) -> Result<BTreeMap<String, Topic>, Error> {
    Admin::connect(config)?.topics(names)
}

/// Makes a topic, replicated as the brokers' default says. A topic that exists already is left as it is.
///
/// # Errors
/// No answer, no right to create it, a setting that the brokers refuse.
pub fn create(config: &Config, name: &str, partitions: i32, settings: &[(&str, &str)]) -> Result<(), Error> {
    Admin::connect(config)?.create(name, partitions, settings)
}

impl Admin {
    pub(super) fn create(&self, name: &str, partitions: i32, settings: &[(&str, &str)]) -> Result<(), Error> {
        let mut topic = NewTopic::new(name, partitions, TopicReplication::Fixed(-1));
        for (key, value) in settings {
            topic = topic.set(key, value);
        }
        let options = AdminOptions::new().request_timeout(Some(WAIT)).operation_timeout(Some(WAIT));
        let what = format!("creation of topic `{name}`");
        let results = self.runtime.block_on(self.client.create_topics([&topic], &options));
        match results.map_err(|error| self.failed(&what, &error))?.pop() {
            None | Some(Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists))) => Ok(()),
            Some(Err((_, code))) => {
                let advice = advice(code).unwrap_or("The brokers' log says more");
                Err(Error::Refused { what, why: format!("{code}. {advice}") })
            }
        }
    }
}
