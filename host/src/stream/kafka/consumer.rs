//! A lane's member of the consumer group. Rebalances are answered outside poll: reported, finished by the lane, then released.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::{ClientConfig, Message as _, Offset, TopicPartitionList};

use super::super::{Event, LinkError, Offsets, Partition};
use super::context::{Rebalance, Rebalances, answer};
use super::error::{Error, advice};
use super::ffi::{Identity, Message, Messages};
use super::slots::Slots;
use crate::types::Batch;

/// How long a wait for records lasts before the consumer's own queue is looked at: a rebalance waits there.
const SLICE: Duration = Duration::from_millis(20);
const SEEK_MAX: Duration = Duration::from_secs(10);
const CLOSE_MAX: Duration = Duration::from_secs(10);

pub(super) struct Consumer {
    // Declared before the client: its queue must be gone first.
    messages: Messages,
    client: Arc<BaseConsumer<Rebalances>>,
    topics: Vec<String>,
    /// librdkafka's handle of each topic, once one of its records was seen.
    handles: Vec<usize>,
    slots: Slots,
    /// The id under which the partitions were assigned; empty before.
    member: String,
    /// A revocation that the lane knows of and has not released.
    revoking: Option<TopicPartitionList>,
    /// Partitions to be announced again: their offsets were read anew.
    announce: bool,
    /// The group does not know this member any more.
    expelled: bool,
}

impl Consumer {
    /// Joins the group.
    pub(super) fn join(config: &ClientConfig, topics: &[String]) -> Result<Self, Error> {
        let client = BaseConsumer::from_config_and_context(config, Rebalances::default());
        let client = Arc::new(client.map_err(|error| Error::Property(error.to_string()))?);
        let refused = |why: String| {
            // Without this the end of the client, which is near, waits for an answer.
            client.context().answer_inline();
            Error::Refused { what: format!("subscribe to {topics:?}"), why }
        };
        let messages = Messages::new(Arc::clone(&client)).ok_or_else(|| refused("no queue".into()))?;
        client.subscribe(&topics.iter().map(String::as_str).collect::<Vec<_>>()).map_err(|error| refused(error.to_string()))?;
        Ok(Self {
            messages,
            client,
            topics: topics.to_vec(),
            handles: vec![0; topics.len()],
            slots: Slots::default(),
            member: String::new(),
            revoking: None,
            announce: false,
            expelled: false,
        })
    }

    pub(super) fn fill(&mut self, batch: &mut Batch, until: Instant) -> Result<Event, LinkError> {
        loop {
            if let Some(event) = self.events()? {
                return Ok(event);
            }
            let before = batch.len();
            let wait = until.saturating_duration_since(Instant::now());
            self.messages.take(batch.room(), wait.min(SLICE));
            while !batch.is_full() {
                let Some(message) = self.messages.pop() else { break };
                self.add(&message, batch)?;
            }
            if batch.len() > before || batch.is_full() || wait.is_zero() {
                return Ok(Event::Filled);
            }
        }
    }

    fn add(&mut self, message: &Message, batch: &mut Batch) -> Result<(), LinkError> {
        if let Some(code) = message.error() {
            return self.complain(&KafkaError::MessageConsumption(code));
        }
        let Some(topic) = self.topic_of(message) else { return Ok(()) };
        let partition = Partition { topic, number: message.partition() };
        if self.slots.accept(partition, message.offset()) {
            let (offset, timestamp) = (message.offset(), message.timestamp());
            batch.push(topic, partition.number, offset, timestamp, message.key(), message.value(), message.headers());
        }
        Ok(())
    }

    fn topic_of(&mut self, message: &Message) -> Option<u16> {
        let handle = message.topic_handle();
        let known = self.handles.iter().position(|known| *known == handle);
        let at = known.or_else(|| self.topics.iter().position(|topic| topic == message.topic()))?;
        self.handles[at] = handle;
        Some(at as u16)
    }

    /// Serves the consumer's own queue: rebalances, errors, log lines.
    pub(super) fn events(&mut self) -> Result<Option<Event>, LinkError> {
        // Each poll takes one thing, and a log line may be before what matters.
        for _ in 0..2 {
            match self.client.poll(Duration::ZERO) {
                None => {}
                Some(Err(error)) => self.complain(&error)?,
                // Partitions are forwarded before they are assigned, so this does not happen; a record must not be lost by it.
                Some(Ok(stray)) => {
                    let text = format!("{}/{} offset {} came past its queue", stray.topic(), stray.partition(), stray.offset());
                    return Err(LinkError::Reopen(text));
                }
            }
        }
        if self.announce {
            self.announce = false;
            return Ok(Some(Event::Assigned(self.slots.partitions())));
        }
        if self.revoking.is_some() {
            return Ok(None);
        }
        match self.client.context().take() {
            None => Ok(None),
            Some(Rebalance::Assign(list)) => self.assign(list),
            Some(Rebalance::Revoke(list)) => self.revoke(list),
        }
    }

    fn complain(&mut self, error: &KafkaError) -> Result<(), LinkError> {
        let Some(code) = error.rdkafka_error_code() else { return Ok(()) };
        if matches!(code, RDKafkaErrorCode::UnknownMemberId | RDKafkaErrorCode::PollExceeded) {
            self.expelled = true;
        }
        if let Some(advice) = advice(code) {
            let log = self.client.context().voice.last_error().unwrap_or_default();
            return Err(LinkError::Fatal(format!("consumer of {:?}: {error}. {advice}. {log}", self.topics)));
        }
        if matches!(error, KafkaError::MessageConsumptionFatal(_)) || code == RDKafkaErrorCode::Fatal {
            return Err(LinkError::Reopen(format!("consumer: {error}")));
        }
        Ok(())
    }

    fn assign(&mut self, list: TopicPartitionList) -> Result<Option<Event>, LinkError> {
        let identity = Identity::of(&self.client);
        let member = identity.as_ref().map_or("", Identity::member);
        if !self.slots.is_empty() && member != self.member {
            self.client.context().put_back(Rebalance::Assign(list));
            self.expelled = true;
            return Err(LinkError::Reopen("the group took this lane for dead: its partitions are to be asked for again".into()));
        }
        member.clone_into(&mut self.member);
        self.expelled = false;
        let partitions = self.partitions_of(&list);
        for partition in &partitions {
            self.messages.forward(&self.topics[usize::from(partition.topic)], partition.number);
        }
        let event = Rebalance::Assign(list);
        if let Err(error) = answer(&self.client, &event) {
            return Err(self.unanswered(event, &error));
        }
        for partition in &partitions {
            self.slots.assign(*partition);
        }
        // A pause outlives the absence of its partition.
        self.unpause(partitions.iter().copied())?;
        Ok((!partitions.is_empty()).then_some(Event::Assigned(partitions)))
    }

    /// Without its answer the client delivers nothing any more: a new one is wanted, and this one ends with the event answered.
    fn unanswered(&mut self, event: Rebalance, error: &KafkaError) -> LinkError {
        self.client.context().put_back(event);
        self.expelled = true;
        LinkError::Reopen(format!("answer to a rebalance: {error}"))
    }

    fn revoke(&mut self, list: TopicPartitionList) -> Result<Option<Event>, LinkError> {
        let partitions = self.partitions_of(&list);
        self.revoking = Some(list);
        if partitions.is_empty() {
            self.release()?;
            return Ok(None);
        }
        let lost = self.client.assignment_lost() || self.identity().is_none();
        Ok(Some(if lost { Event::Lost(partitions) } else { Event::Revoking(partitions) }))
    }

    pub(super) fn release(&mut self) -> Result<(), LinkError> {
        let Some(list) = self.revoking.take() else { return Ok(()) };
        for partition in self.partitions_of(&list) {
            self.slots.remove(partition);
        }
        self.forget_unassigned();
        let event = Rebalance::Revoke(list);
        if let Err(error) = answer(&self.client, &event) {
            return Err(self.unanswered(event, &error));
        }
        if !self.slots.is_empty() && self.identity().is_none() {
            self.expelled = true;
            return Err(LinkError::Reopen("the group took this lane for dead: its partitions are to be asked for again".into()));
        }
        Ok(())
    }

    /// The identity under which offsets may be committed. `None` when it is not the one that the partitions were assigned to: an
    /// empty one would even be accepted by the brokers, whoever the partitions belong to by then.
    pub(super) fn identity(&self) -> Option<Identity> {
        let identity = Identity::of(&self.client)?;
        let ours = !self.expelled && identity.generation() >= 0 && !self.member.is_empty() && identity.member() == self.member;
        ours.then_some(identity)
    }

    /// Whether only a new consumer helps.
    pub(super) fn is_expelled(&self) -> bool {
        self.expelled || (!self.slots.is_empty() && self.identity().is_none())
    }

    pub(super) fn expel(&mut self) {
        self.expelled = true;
    }

    pub(super) fn committed(&mut self, next: &Offsets) {
        self.slots.committed(next);
    }

    /// Commits offsets outside of any transaction.
    pub(super) fn commit(&mut self, next: &Offsets) -> Result<(), LinkError> {
        if self.identity().is_none() {
            self.expelled = true;
            return Err(LinkError::Reopen("this lane is not a member of its group any more".into()));
        }
        self.client
            .commit(&self.offsets(next.iter())?, CommitMode::Sync)
            .map_err(|error| LinkError::Abort(format!("offsets were not committed: {error}")))
    }

    /// Everything goes back to what was committed, held partitions included, and flows.
    pub(super) fn rewind(&mut self) -> Result<(), LinkError> {
        let all = self.slots.partitions();
        let seeks = self.slots.rewind();
        self.messages.forget(|_| true);
        self.unpause(all.into_iter())?;
        self.seek(&seeks)
    }

    pub(super) fn hold(&mut self, from: &Offsets) -> Result<(), LinkError> {
        let mut pause = TopicPartitionList::new();
        for (partition, offset) in from.iter() {
            if self.slots.hold(partition, offset) {
                pause.add_partition(&self.topics[usize::from(partition.topic)], partition.number);
            }
        }
        self.client.pause(&pause).map_err(|error| LinkError::Reopen(format!("pause: {error}")))?;
        let (topics, held) = (&self.topics, from);
        self.messages.forget(|message| {
            let topic = topics.iter().position(|topic| topic == message.topic()).unwrap_or(usize::MAX);
            held.iter().any(|(held, _)| usize::from(held.topic) == topic && held.number == message.partition())
        });
        Ok(())
    }

    pub(super) fn resume(&mut self) -> Result<(), LinkError> {
        let held = self.slots.resume();
        self.unpause(held.iter().map(|entry| entry.0))?;
        // librdkafka would go on where it stood when it was paused.
        self.seek(&held)
    }

    /// Reads the committed offsets again and goes on from there.
    pub(super) fn restart(&mut self) -> Result<(), LinkError> {
        if self.revoking.is_some() {
            self.release()?;
        }
        let mut list = TopicPartitionList::new();
        for partition in self.slots.partitions() {
            list.add_partition(&self.topics[usize::from(partition.topic)], partition.number);
        }
        if list.count() > 0 {
            let what = |error: KafkaError| LinkError::Reopen(format!("committed offsets: {error}"));
            let committed = self.client.committed_offsets(list, SEEK_MAX).map_err(what)?;
            for element in committed.elements() {
                element.error().map_err(what)?;
                if let (Some(partition), Offset::Offset(offset)) =
                    (self.partition(element.topic(), element.partition()), element.offset())
                {
                    self.slots.restart(partition, offset);
                }
            }
        }
        self.rewind()?;
        self.announce = !self.slots.is_empty();
        Ok(())
    }

    fn seek(&self, to: &[(Partition, i64)]) -> Result<(), LinkError> {
        if to.is_empty() {
            return Ok(());
        }
        let list = self.offsets(to.iter().copied())?;
        let failed = |error: KafkaError| LinkError::Reopen(format!("seek: {error}"));
        let done = self.client.seek_partitions(list, SEEK_MAX).map_err(failed)?;
        done.elements().iter().try_for_each(|element| element.error().map_err(failed))
    }

    fn unpause(&self, partitions: impl Iterator<Item = Partition>) -> Result<(), LinkError> {
        let mut list = TopicPartitionList::new();
        for partition in partitions {
            list.add_partition(&self.topics[usize::from(partition.topic)], partition.number);
        }
        self.client.resume(&list).map_err(|error| LinkError::Reopen(format!("resume: {error}")))
    }

    pub(super) fn offsets(&self, offsets: impl Iterator<Item = (Partition, i64)>) -> Result<TopicPartitionList, LinkError> {
        let mut list = TopicPartitionList::new();
        for (partition, offset) in offsets {
            list.add_partition_offset(&self.topics[usize::from(partition.topic)], partition.number, Offset::Offset(offset))
                .map_err(|error| LinkError::Fatal(format!("offset {offset} of {partition:?}: {error}")))?;
        }
        Ok(list)
    }

    fn partition(&self, topic: &str, number: i32) -> Option<Partition> {
        let topic = self.topics.iter().position(|name| name == topic)?;
        Some(Partition { topic: topic as u16, number })
    }

    fn partitions_of(&self, list: &TopicPartitionList) -> Vec<Partition> {
        list.elements().iter().filter_map(|element| self.partition(element.topic(), element.partition())).collect()
    }

    fn forget_unassigned(&mut self) {
        let (topics, slots) = (&self.topics, self.slots.partitions());
        self.messages.forget(|message| {
            let topic = topics.iter().position(|topic| topic == message.topic()).unwrap_or(usize::MAX);
            !slots.iter().any(|slot| usize::from(slot.topic) == topic && slot.number == message.partition())
        });
    }

    /// Leaves the group. Every step has its place: what is not answered, or a queue that is not empty, would make the end of the
    /// client wait for ever; what waits nevertheless is left behind, and said.
    pub(super) fn close(self) {
        let Self { messages, client, revoking, .. } = self;
        client.context().answer_inline();
        for event in revoking.map(Rebalance::Revoke).into_iter().chain(client.context().take()) {
            if let Err(error) = answer(&client, &event) {
                tracing::debug!(target: "kafka", %error, "rebalance while closing");
            }
        }
        let (done, closed) = std::sync::mpsc::sync_channel(1);
        let closing = thread::Builder::new().name("kafka-close".into()).spawn(move || {
            client.unsubscribe();
            let until = Instant::now() + Duration::from_secs(1);
            while Instant::now() < until && client.assignment().is_ok_and(|list| list.count() > 0) {
                client.poll(Duration::from_millis(5));
            }
            drop(messages);
            drop(client);
            done.send(()).ok();
        });
        if closing.is_err() || closed.recv_timeout(CLOSE_MAX).is_err() {
            tracing::warn!(target: "kafka", "a consumer did not close within {CLOSE_MAX:?} and is left behind");
        }
    }
}
