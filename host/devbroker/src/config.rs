//! Settings of the broker and of its topics, under the names Apache Kafka has for them, with what they are when nobody sets them.

use std::collections::BTreeMap;

use kafka_protocol::error::ResponseError;

/// What a setting holds, numbered as `DescribeConfigs` does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Boolean = 1,
    Text = 2,
    Int = 3,
    Long = 5,
    Double = 6,
    List = 7,
}

/// A setting that may be set.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Setting {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) default: &'static str,
    /// The values that there are; empty: all of its kind.
    only: &'static [&'static str],
    /// The smallest that a whole number may be. A fraction lies between 0 and 1.
    least: i64,
    /// For a topic's: what the broker calls its default.
    pub(crate) broker: Option<&'static str>,
}

const fn topic(name: &'static str, broker: &'static str, kind: Kind, default: &'static str) -> Setting {
    Setting { name, kind, default, only: &[], least: -1, broker: Some(broker) }
}

const fn one_of(setting: Setting, only: &'static [&'static str]) -> Setting {
    Setting { only, ..setting }
}

const fn at_least(least: i64, setting: Setting) -> Setting {
    Setting { least, ..setting }
}

/// Settings of topics. Those of Apache Kafka that are not here are refused, as a setting without effect would be a lie; what no
/// client could notice on one node, because it is about files and replicas, is taken and kept.
pub(crate) const TOPIC: &[Setting] = &[
    one_of(topic("cleanup.policy", "log.cleanup.policy", Kind::List, "delete"), &["delete", "compact"]),
    one_of(topic("compression.type", "compression.type", Kind::Text, "producer"), &["producer"]),
    at_least(0, topic("delete.retention.ms", "log.cleaner.delete.retention.ms", Kind::Long, "86400000")),
    at_least(0, topic("file.delete.delay.ms", "log.segment.delete.delay.ms", Kind::Long, "60000")),
    at_least(1, topic("flush.messages", "log.flush.interval.messages", Kind::Long, "9223372036854775807")),
    at_least(0, topic("flush.ms", "log.flush.interval.ms", Kind::Long, "9223372036854775807")),
    at_least(0, topic("index.interval.bytes", "log.index.interval.bytes", Kind::Int, "4096")),
    at_least(1, topic("max.compaction.lag.ms", "log.cleaner.max.compaction.lag.ms", Kind::Long, "9223372036854775807")),
    at_least(0, topic("max.message.bytes", "message.max.bytes", Kind::Int, "1048588")),
    at_least(0, topic("message.timestamp.after.max.ms", "log.message.timestamp.after.max.ms", Kind::Long, "3600000")),
    one_of(
        topic("message.timestamp.type", "log.message.timestamp.type", Kind::Text, "CreateTime"),
        &["CreateTime", "LogAppendTime"],
    ),
    topic("min.cleanable.dirty.ratio", "log.cleaner.min.cleanable.ratio", Kind::Double, "0.5"),
    at_least(0, topic("min.compaction.lag.ms", "log.cleaner.min.compaction.lag.ms", Kind::Long, "0")),
    // One node is all the replicas there are.
    one_of(topic("min.insync.replicas", "min.insync.replicas", Kind::Int, "1"), &["1"]),
    topic("preallocate", "log.preallocate", Kind::Boolean, "false"),
    topic("retention.bytes", "log.retention.bytes", Kind::Long, "-1"),
    topic("retention.ms", "log.retention.ms", Kind::Long, "604800000"),
    at_least(1 << 20, topic("segment.bytes", "log.segment.bytes", Kind::Int, "1073741824")),
    at_least(4, topic("segment.index.bytes", "log.index.size.max.bytes", Kind::Int, "10485760")),
    at_least(0, topic("segment.jitter.ms", "log.roll.jitter.ms", Kind::Long, "0")),
    at_least(1, topic("segment.ms", "log.roll.ms", Kind::Long, "604800000")),
    topic("unclean.leader.election.enable", "unclean.leader.election.enable", Kind::Boolean, "false"),
];

const fn own(name: &'static str, kind: Kind, default: &'static str) -> Setting {
    Setting { name, kind, default, only: &[], least: -1, broker: None }
}

/// Settings of the broker, besides the defaults of topics.
pub(crate) const BROKER: &[Setting] = &[
    own("auto.create.topics.enable", Kind::Boolean, "false"),
    own("group.consumer.heartbeat.interval.ms", Kind::Int, "1000"),
    own("group.consumer.session.timeout.ms", Kind::Int, "10000"),
    own("group.initial.rebalance.delay.ms", Kind::Int, "0"),
    own("group.max.session.timeout.ms", Kind::Int, "1800000"),
    own("group.min.session.timeout.ms", Kind::Int, "1000"),
    own("log.cleaner.backoff.ms", Kind::Long, "1000"),
    own("log.retention.check.interval.ms", Kind::Long, "1000"),
    own("num.partitions", Kind::Int, "1"),
    own("producer.id.expiration.ms", Kind::Int, "86400000"),
    own("transaction.abort.timed.out.transaction.cleanup.interval.ms", Kind::Int, "1000"),
    own("transaction.max.timeout.ms", Kind::Int, "900000"),
];

/// What a setting was set to.
pub(crate) type Values = BTreeMap<String, String>;

/// A setting that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Wrong(pub(crate) String);

impl Wrong {
    pub(crate) fn code(&self) -> i16 {
        ResponseError::InvalidConfig.code()
    }
}

impl Setting {
    /// Whether a value may be set.
    pub(crate) fn check(&self, value: &str) -> Result<(), Wrong> {
        let fits = match self.kind {
            Kind::Boolean => value == "true" || value == "false",
            Kind::Text => true,
            Kind::Int => value.parse::<i32>().is_ok_and(|number| i64::from(number) >= self.least),
            Kind::Long => value.parse::<i64>().is_ok_and(|number| number >= self.least),
            Kind::Double => value.parse::<f64>().is_ok_and(|number| (0.0..=1.0).contains(&number)),
            Kind::List => !value.is_empty(),
        };
        let listed = self.only.is_empty() || value.split(',').all(|word| self.only.contains(&word.trim()));
        if fits && listed {
            return Ok(());
        }
        let expected = match (self.only, self.kind) {
            ([_, ..], _) => format!("one of {}", self.only.join(", ")),
            (_, Kind::Boolean) => "true or false".to_owned(),
            (_, Kind::Int | Kind::Long) => format!("a whole number, {} or more", self.least),
            (_, Kind::Double) => "a number from 0 to 1".to_owned(),
            (_, Kind::Text | Kind::List) => "a text".to_owned(),
        };
        Err(Wrong(format!("{} = {value:?}: expected {expected} (this is a broker for development)", self.name)))
    }
}

/// The setting of this name, or the nearest one in the error.
pub(crate) fn find<'a>(list: impl IntoIterator<Item = &'a Setting> + Clone, name: &str) -> Result<&'a Setting, Wrong> {
    if let Some(found) = list.clone().into_iter().find(|setting| setting.name == name) {
        return Ok(found);
    }
    let nearest = list.into_iter().max_by(|a, b| strsim::jaro(a.name, name).total_cmp(&strsim::jaro(b.name, name)));
    let nearest = nearest.map_or("nothing", |setting| setting.name);
    Err(Wrong(format!("{name}: the broker for development has no such setting; the nearest is {nearest}")))
}

/// The broker's own settings, and its defaults for topics.
#[derive(Debug, Clone, Default)]
pub(crate) struct Broker {
    pub(crate) set: Values,
}

impl Broker {
    /// Checks what was set. In memory, topics that say nothing themselves keep 256 MiB a partition.
    pub(crate) fn new(set: Values, in_memory: bool) -> Result<Self, Wrong> {
        for (name, value) in &set {
            find(BROKER, name)
                .or_else(|wrong| TOPIC.iter().find(|setting| setting.broker == Some(name.as_str())).ok_or(wrong))?
                .check(value)?;
        }
        let mut broker = Self { set };
        if in_memory {
            for (name, value) in [("log.retention.bytes", "268435456"), ("log.segment.bytes", "33554432")] {
                broker.set.entry(name.to_owned()).or_insert_with(|| value.to_owned());
            }
        }
        Ok(broker)
    }

    pub(crate) fn get(&self, setting: &Setting) -> &str {
        self.set.get(setting.broker.unwrap_or(setting.name)).map_or(setting.default, String::as_str)
    }

    /// A number of the list above, checked when it was set.
    pub(crate) fn number(&self, name: &str) -> i64 {
        find(BROKER, name).ok().and_then(|setting| self.get(setting).parse().ok()).unwrap_or_default()
    }

    pub(crate) fn is_on(&self, name: &str) -> bool {
        find(BROKER, name).is_ok_and(|setting| self.get(setting) == "true")
    }
}

/// What a topic's settings come to.
#[derive(Debug, Clone)]
pub(crate) struct Policy {
    pub(crate) compact: bool,
    pub(crate) delete: bool,
    pub(crate) append_time: bool,
    /// How far ahead of the broker's clock a producer's timestamp may be.
    pub(crate) ahead_max_ms: i64,
    pub(crate) max_message_bytes: usize,
    pub(crate) segment_bytes: u64,
    /// Milliseconds, as are all that end so.
    pub(crate) segment_ms: i64,
    /// -1: without limit.
    pub(crate) retention_bytes: i64,
    /// -1: without limit.
    pub(crate) retention_ms: i64,
    pub(crate) delete_retention_ms: i64,
    pub(crate) min_compaction_lag_ms: i64,
    /// After so long a record is compacted, however few there are.
    pub(crate) max_compaction_lag_ms: i64,
    /// Compacted when more than this share was not yet.
    pub(crate) min_dirty_ratio: f64,
}

impl Policy {
    /// Values were checked when they were set.
    pub(crate) fn new(values: &Values, broker: &Broker) -> Self {
        let text = |name: &str| -> String {
            let setting = find(TOPIC, name).ok();
            values.get(name).cloned().or_else(|| setting.map(|setting| broker.get(setting).to_owned())).unwrap_or_default()
        };
        let number = |name: &str| text(name).parse::<i64>().unwrap_or_default();
        let cleanup = text("cleanup.policy");
        Self {
            compact: cleanup.contains("compact"),
            delete: cleanup.contains("delete"),
            append_time: text("message.timestamp.type") == "LogAppendTime",
            ahead_max_ms: number("message.timestamp.after.max.ms"),
            max_message_bytes: usize::try_from(number("max.message.bytes")).unwrap_or(0),
            segment_bytes: u64::try_from(number("segment.bytes")).unwrap_or(u64::MAX),
            segment_ms: if number("segment.ms") < 0 { i64::MAX } else { number("segment.ms") },
            retention_bytes: number("retention.bytes"),
            retention_ms: number("retention.ms"),
            delete_retention_ms: number("delete.retention.ms").max(0),
            max_compaction_lag_ms: number("max.compaction.lag.ms").max(1),
            min_compaction_lag_ms: number("min.compaction.lag.ms").max(0),
            min_dirty_ratio: text("min.cleanable.dirty.ratio").parse().unwrap_or(0.5),
        }
    }
}

/// Checks what a topic is to be set to.
pub(crate) fn check_topic(values: &Values) -> Result<(), Wrong> {
    values.iter().try_for_each(|(name, value)| find(TOPIC, name)?.check(value))
}
