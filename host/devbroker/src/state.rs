//! All that the broker knows, behind one lock: small enough to be trusted, and quick enough for one machine.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::PathBuf;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use kafka_protocol::error::ResponseError;
use uuid::Uuid;

use crate::config::{self, Policy, Values, Wrong};
use crate::group::consumer::Topics;
use crate::group::{Group, TopicPartition};
use crate::journal::{Fact, Journal};
use crate::log::Partition;
use crate::log::segment::{Place, Sync};
use crate::transaction::Transaction;

/// Partitions that a topic may have, and all topics together: a mistyped number must not fill the machine.
pub(crate) const PARTITIONS_MAX: i32 = 10_000;
/// Bytes of a topic's name.
const NAME_MAX: usize = 249;
/// Numbers that are written down as given before they are.
const PRODUCERS_AHEAD: i64 = 1000;

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) cluster: String,
    pub(crate) settings: config::Broker,
    pub(crate) topics: BTreeMap<String, Topic>,
    pub(crate) groups: BTreeMap<String, Group>,
    pub(crate) transactions: BTreeMap<String, Transaction>,
    folder: Option<(PathBuf, Sync)>,
    journal: Journal,
    producers: std::ops::Range<i64>,
    /// More is in memory than may be: nothing is taken in.
    pub(crate) full: bool,
}

#[derive(Debug)]
pub(crate) struct Topic {
    pub(crate) id: Uuid,
    pub(crate) partitions: Vec<Partition>,
    pub(crate) config: Values,
    pub(crate) policy: Policy,
}

/// Why a topic cannot be made or changed.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) code: i16,
    pub(crate) why: String,
}

impl Refused {
    pub(crate) fn new(error: ResponseError, why: impl Into<String>) -> Self {
        Self { code: error.code(), why: why.into() }
    }
}

impl From<Wrong> for Refused {
    fn from(wrong: Wrong) -> Self {
        Self { code: wrong.code(), why: wrong.to_string() }
    }
}

impl From<ResponseError> for Refused {
    fn from(error: ResponseError) -> Self {
        Self { code: error.code(), why: error.to_string() }
    }
}

impl State {
    pub(crate) fn in_memory(settings: config::Broker) -> Self {
        let cluster = Uuid::from_bytes(random()).simple().to_string();
        Self {
            cluster,
            settings,
            topics: BTreeMap::new(),
            groups: BTreeMap::new(),
            transactions: BTreeMap::new(),
            folder: None,
            journal: Journal::Memory,
            producers: 0..i64::MAX,
            full: false,
        }
    }

    /// Reads back what an earlier process has written into a folder.
    pub(crate) fn in_folder(settings: config::Broker, folder: PathBuf, sync: Sync) -> io::Result<Self> {
        let (journal, facts) = Journal::open(&folder, sync)?;
        let mut state = Self { folder: Some((folder, sync)), journal, producers: 0..0, ..Self::in_memory(settings) };
        let mut known = false;
        for fact in facts {
            known |= matches!(fact, Fact::Cluster { .. });
            state.recall(fact)?;
        }
        if !known {
            let id = state.cluster.clone();
            state.journal.put(&Fact::Cluster { id })?;
        }
        state.finish_decided();
        Ok(state)
    }

    fn recall(&mut self, fact: Fact) -> io::Result<()> {
        match fact {
            Fact::Cluster { id } => self.cluster = id,
            Fact::Producers { next } => self.producers = next..next,
            Fact::Topic { name, id, starts, config } => {
                let policy = Policy::new(&config, &self.settings);
                let partitions = starts
                    .iter()
                    .zip(0..)
                    .map(|(&start, index)| Partition::open(self.place(&name, index), start, &policy, now_ms()));
                let partitions = partitions.collect::<io::Result<_>>()?;
                self.topics.insert(name, Topic { id, partitions, config, policy });
            }
            Fact::Offsets { group, offsets } => {
                // Facts about topics come first; those of a topic that was deleted meanwhile count for nothing.
                let known = offsets.iter().filter(|fact| self.topics.contains_key(&fact.topic));
                let group = self.groups.entry(group).or_default();
                known.for_each(|fact| group.commit(fact));
            }
            Fact::Transaction(fact) => {
                self.transactions.insert(fact.transactional_id.clone(), Transaction::recall(fact, Instant::now()));
            }
            Fact::NoTopic { .. } | Fact::NoGroup { .. } => {}
        }
        Ok(())
    }

    fn place(&self, topic: &str, partition: i32) -> Place {
        match &self.folder {
            None => Place::Memory,
            Some((folder, sync)) => Place::Folder(folder.join("topics").join(format!("{topic}-{partition}")), *sync),
        }
    }

    /// Writes a fact down.
    pub(crate) fn record(&mut self, fact: &Fact) -> Result<(), ResponseError> {
        self.journal.put(fact).map_err(|error| {
            tracing::error!(%error, "cannot write the journal");
            ResponseError::KafkaStorageError
        })
    }

    /// Writes the journal anew when most of it is outdated.
    pub(crate) fn shorten_journal(&mut self) {
        if !self.journal.is_long() {
            return;
        }
        let mut facts = vec![Fact::Cluster { id: self.cluster.clone() }, Fact::Producers { next: self.producers.end }];
        facts.extend(self.topics.iter().map(|(name, topic)| topic.fact(name)));
        let offsets = |(group, of): (&String, &Group)| Fact::Offsets { group: group.clone(), offsets: of.facts() };
        facts.extend(self.groups.iter().map(offsets));
        facts.extend(self.transactions.iter().map(|(id, transaction)| Fact::Transaction(transaction.fact(id))));
        if let Err(error) = self.journal.rewrite(&facts) {
            tracing::error!(%error, "cannot rewrite the journal");
        }
    }

    pub(crate) fn next_producer(&mut self) -> Result<i64, ResponseError> {
        if self.producers.is_empty() {
            let next = self.producers.end + PRODUCERS_AHEAD;
            self.record(&Fact::Producers { next })?;
            self.producers.end = next;
        }
        self.producers.next().ok_or(ResponseError::UnknownServerError)
    }

    pub(crate) fn create_topic(&mut self, name: &str, partitions: i32, config: Values, only_check: bool) -> Result<(), Refused> {
        check_name(name)?;
        if self.topics.contains_key(name) {
            return Err(Refused::new(ResponseError::TopicAlreadyExists, format!("Topic '{name}' already exists.")));
        }
        // In names of metrics a '.' becomes a '_', so Kafka keeps such names apart.
        if let Some(other) = self.topics.keys().find(|other| other.replace('.', "_") == name.replace('.', "_")) {
            let why = format!("Topic '{name}' collides with existing topic: {other}");
            return Err(Refused::new(ResponseError::InvalidTopicException, why));
        }
        config::check_topic(&config)?;
        self.check_count(partitions, 0)?;
        if only_check {
            return Ok(());
        }
        let policy = Policy::new(&config, &self.settings);
        let mut topic = Topic { id: Uuid::from_bytes(random()), partitions: Vec::new(), config, policy };
        self.extend(name, &mut topic, partitions)?;
        self.record(&topic.fact(name))?;
        self.topics.insert(name.to_owned(), topic);
        Ok(())
    }

    fn extend(&self, name: &str, topic: &mut Topic, partitions: i32) -> Result<(), ResponseError> {
        for index in topic.partitions.len() as i32..partitions {
            let made = Partition::create(self.place(name, index), now_ms()).map_err(|error| {
                tracing::error!(%error, name, index, "cannot make a partition");
                ResponseError::KafkaStorageError
            })?;
            topic.partitions.push(made);
        }
        Ok(())
    }

    fn check_count(&self, partitions: i32, has: i32) -> Result<(), Refused> {
        let all: usize = self.topics.values().map(|topic| topic.partitions.len()).sum();
        let why = format!(
            "expected {} to {PARTITIONS_MAX} partitions, all topics together; {partitions} were asked for and {all} exist",
            has + 1
        );
        if partitions <= has {
            return Err(Refused::new(ResponseError::InvalidPartitions, why));
        }
        if all as i64 + i64::from(partitions - has) > i64::from(PARTITIONS_MAX) {
            return Err(Refused::new(ResponseError::PolicyViolation, why));
        }
        Ok(())
    }

    pub(crate) fn add_partitions(&mut self, name: &str, count: i32, only_check: bool) -> Result<(), Refused> {
        let has = self.topics.get(name).ok_or(ResponseError::UnknownTopicOrPartition)?.partitions.len() as i32;
        self.check_count(count, has)?;
        if only_check {
            return Ok(());
        }
        let Some(mut topic) = self.topics.remove(name) else { return Err(ResponseError::UnknownTopicOrPartition.into()) };
        let done = self.extend(name, &mut topic, count).and_then(|()| self.record(&topic.fact(name)));
        self.topics.insert(name.to_owned(), topic);
        Ok(done?)
    }

    pub(crate) fn configure_topic(&mut self, name: &str, config: Values, only_check: bool) -> Result<(), Refused> {
        config::check_topic(&config)?;
        let settings = self.settings.clone();
        let topic = self.topics.get_mut(name).ok_or(ResponseError::UnknownTopicOrPartition)?;
        if only_check {
            return Ok(());
        }
        topic.policy = Policy::new(&config, &settings);
        topic.config = config;
        let fact = topic.fact(name);
        Ok(self.record(&fact)?)
    }

    pub(crate) fn delete_topic(&mut self, name: &str) -> Result<(), ResponseError> {
        let topic = self.topics.remove(name).ok_or(ResponseError::UnknownTopicOrPartition)?;
        self.record(&Fact::NoTopic { name: name.to_owned() })?;
        topic.partitions.into_iter().for_each(Partition::remove);
        let mut facts = Vec::new();
        for (id, group) in &mut self.groups {
            let before = group.offsets.len();
            group.offsets.retain(|(topic, _), _| topic != name);
            if group.offsets.len() < before {
                facts.push(Fact::Offsets { group: id.clone(), offsets: group.facts() });
            }
        }
        facts.iter().try_for_each(|fact| self.record(fact))
    }

    /// Deletes a partition's records before an offset; -1: all.
    pub(crate) fn delete_records(&mut self, topic: &str, partition: i32, offset: i64) -> Result<i64, ResponseError> {
        let found = self.topics.get_mut(topic).ok_or(ResponseError::UnknownTopicOrPartition)?;
        if !found.policy.delete {
            return Err(ResponseError::PolicyViolation);
        }
        let part = usize::try_from(partition).ok().and_then(|index| found.partitions.get_mut(index));
        let part = part.ok_or(ResponseError::UnknownTopicOrPartition)?;
        let offset = if offset == -1 { part.next() } else { offset };
        if offset < 0 || offset > part.next() {
            return Err(ResponseError::OffsetOutOfRange);
        }
        part.delete_before(offset);
        let start = part.start();
        let fact = found.fact(topic);
        self.record(&fact)?;
        Ok(start)
    }

    pub(crate) fn partition(&self, topic: &str, partition: i32) -> Result<&Partition, ResponseError> {
        let found = self.topics.get(topic).and_then(|topic| topic.partitions.get(usize::try_from(partition).ok()?));
        found.ok_or(ResponseError::UnknownTopicOrPartition)
    }

    pub(crate) fn partition_mut(&mut self, topic: &str, partition: i32) -> Result<(&mut Partition, &Policy), ResponseError> {
        let topic = self.topics.get_mut(topic).ok_or(ResponseError::UnknownTopicOrPartition)?;
        let found = usize::try_from(partition).ok().and_then(|index| topic.partitions.get_mut(index));
        Ok((found.ok_or(ResponseError::UnknownTopicOrPartition)?, &topic.policy))
    }

    /// The topics as group members ask for them.
    pub(crate) fn known_topics(&self) -> Topics {
        self.topics.iter().map(|(name, topic)| (name.clone(), (topic.id, topic.partitions.len() as i32))).collect()
    }

    pub(crate) fn topic_of(&self, id: Uuid) -> Option<&String> {
        self.topics.iter().find(|(_, topic)| topic.id == id).map(|(name, _)| name)
    }

    /// Writes down how far a group came.
    pub(crate) fn record_offsets(&mut self, group: &str) -> Result<(), ResponseError> {
        let Some(offsets) = self.groups.get(group).map(Group::facts) else { return Ok(()) };
        self.record(&Fact::Offsets { group: group.to_owned(), offsets })
    }

    /// Partitions whose offsets of a group may still change, because a transaction that carries them is open.
    pub(crate) fn unstable(&self, group: &str) -> BTreeSet<TopicPartition> {
        self.transactions.values().flat_map(|transaction| transaction.pending(group)).collect()
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.topics.values().flat_map(|topic| &topic.partitions).map(Partition::bytes).sum()
    }

    pub(crate) fn is_in_memory(&self) -> bool {
        self.folder.is_none()
    }
}

impl Topic {
    pub(crate) fn fact(&self, name: &str) -> Fact {
        Fact::Topic {
            name: name.to_owned(),
            id: self.id,
            starts: self.partitions.iter().map(Partition::start).collect(),
            config: self.config.clone(),
        }
    }
}

/// Whether a topic may be called so.
pub(crate) fn check_name(name: &str) -> Result<(), Refused> {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if name.is_empty() || name.len() > NAME_MAX || name == "." || name == ".." || !name.chars().all(legal) {
        let why = format!("{name:?} is no topic's name: expected 1 to {NAME_MAX} letters, digits, '.', '_' and '-'");
        return Err(Refused::new(ResponseError::InvalidTopicException, why));
    }
    Ok(())
}

/// Milliseconds since 1970.
pub(crate) fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}

/// Bytes for ids. Without a source of randomness ids would meet, so the time stands in for it.
pub(crate) fn random() -> [u8; 16] {
    let mut bytes = [0; 16];
    if getrandom::fill(&mut bytes).is_err() {
        let nanos = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
        bytes = nanos.to_be_bytes();
    }
    bytes
}
