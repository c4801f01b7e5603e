//! The transaction coordinator: protocol version 1 with the checks of KIP-890's first part.
//!
//! A decision is written down first, then markers and offsets; a broker that ends in between goes on where it was.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use kafka_protocol::error::ResponseError;

use crate::group::TopicPartition;
use crate::journal::{Fact, OffsetFact, TransactionFact, TransactionState};
use crate::state::{State, now_ms};

/// The last epoch that a producer may have. The one above it fences; after that there is a new number.
const EPOCH_LAST: i16 = i16::MAX - 1;

/// What is known under a transactional id.
#[derive(Debug)]
pub(crate) struct Transaction {
    pub(crate) producer: i64,
    pub(crate) epoch: i16,
    /// Number and epoch that the producer showed when it got the present ones: if it shows them again, the answer was lost.
    before: Option<(i64, i16)>,
    pub(crate) timeout_ms: i32,
    pub(crate) state: TransactionState,
    pub(crate) partitions: BTreeSet<TopicPartition>,
    groups: BTreeMap<String, BTreeMap<TopicPartition, OffsetFact>>,
    started: Option<Instant>,
    /// When the last one began, milliseconds since 1970; for those who ask.
    pub(crate) started_ms: i64,
}

/// Who wants something of a transaction.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Owner<'a> {
    pub(crate) transactional_id: &'a str,
    pub(crate) producer: i64,
    pub(crate) epoch: i16,
}

impl Transaction {
    /// One without a producer.
    fn new() -> Self {
        Self {
            producer: -1,
            epoch: 0,
            before: None,
            timeout_ms: 0,
            state: TransactionState::Empty,
            partitions: BTreeSet::new(),
            groups: BTreeMap::new(),
            started: None,
            started_ms: -1,
        }
    }

    pub(crate) fn recall(fact: TransactionFact, now: Instant) -> Self {
        let open = fact.state == TransactionState::Ongoing;
        let offsets = |list: Vec<OffsetFact>| list.into_iter().map(|o| ((o.topic.clone(), o.partition), o)).collect();
        Self {
            producer: fact.producer,
            epoch: fact.epoch,
            before: fact.before,
            timeout_ms: fact.timeout_ms,
            state: fact.state,
            partitions: fact.partitions.into_iter().collect(),
            groups: fact.groups.into_iter().map(|(group, list)| (group, offsets(list))).collect(),
            started: open.then_some(now),
            started_ms: if open { now_ms() } else { -1 },
        }
    }

    pub(crate) fn fact(&self, transactional_id: &str) -> TransactionFact {
        TransactionFact {
            transactional_id: transactional_id.to_owned(),
            producer: self.producer,
            epoch: self.epoch,
            before: self.before,
            timeout_ms: self.timeout_ms,
            state: self.state,
            partitions: self.partitions.iter().cloned().collect(),
            groups: self.groups.iter().map(|(group, of)| (group.clone(), of.values().cloned().collect())).collect(),
        }
    }

    /// Partitions of a group whose offsets are part of this transaction.
    pub(crate) fn pending(&self, group: &str) -> impl Iterator<Item = TopicPartition> {
        self.groups.get(group).into_iter().flat_map(|offsets| offsets.keys().cloned())
    }

    fn begin(&mut self) {
        if self.state != TransactionState::Ongoing {
            self.state = TransactionState::Ongoing;
            self.started = Some(Instant::now());
            self.started_ms = now_ms();
        }
    }

    fn is_decided(&self) -> bool {
        matches!(self.state, TransactionState::PrepareCommit | TransactionState::PrepareAbort)
    }

    fn is_late(&self, now: Instant) -> bool {
        let timeout = Duration::from_millis(u64::try_from(self.timeout_ms).unwrap_or(0));
        self.state == TransactionState::Ongoing && self.started.is_some_and(|since| now.duration_since(since) > timeout)
    }
}

impl State {
    /// Gives a producer its number and epoch. Whoever had the transactional id before is fenced: the epoch is raised first, and then
    /// what is open is aborted under the new one. `had` is what a producer that recovers has had (KIP-360); one that asks again because
    /// the answer was lost gets the same answer.
    pub(crate) fn init_producer(
        &mut self,
        transactional_id: &str,
        timeout_ms: i32,
        had: Option<(i64, i16)>,
    ) -> Result<(i64, i16), ResponseError> {
        if timeout_ms <= 0 || i64::from(timeout_ms) > self.settings.number("transaction.max.timeout.ms") {
            return Err(ResponseError::InvalidTransactionTimeout);
        }
        // What was decided and could not be carried out comes first: its records and offsets are nobody else's.
        if self.transactions.get(transactional_id).is_some_and(Transaction::is_decided) {
            self.carry_out(transactional_id)?;
        }
        let fresh = match self.transactions.get(transactional_id) {
            Some(known) => {
                let has = (known.producer, known.epoch);
                let asks_again = had.is_some() && had == known.before && known.state != TransactionState::Ongoing;
                match had {
                    Some(_) if asks_again => return Ok(has),
                    Some(had) if had != has => return Err(ResponseError::ProducerFenced),
                    _ => known.epoch >= EPOCH_LAST,
                }
            }
            None => true,
        };
        if let Some(known) = self.transactions.get_mut(transactional_id) {
            known.epoch = known.epoch.saturating_add(1);
            known.before = None;
            if known.state == TransactionState::Ongoing {
                self.end(transactional_id, false)?;
            }
        }
        let number = if fresh { Some(self.next_producer()?) } else { None };
        let known = self.transactions.entry(transactional_id.to_owned()).or_insert_with(Transaction::new);
        if let Some(number) = number {
            (known.producer, known.epoch) = (number, 0);
        }
        known.before = had;
        known.timeout_ms = timeout_ms;
        known.state = TransactionState::Empty;
        known.started_ms = -1;
        let given = (known.producer, known.epoch);
        self.record_transaction(transactional_id)?;
        Ok(given)
    }

    fn owned(&mut self, owner: Owner<'_>) -> Result<&mut Transaction, ResponseError> {
        let known = self.transactions.get_mut(owner.transactional_id).ok_or(ResponseError::InvalidProducerIdMapping)?;
        if known.producer != owner.producer {
            return Err(ResponseError::InvalidProducerIdMapping);
        }
        if known.epoch == owner.epoch { Ok(known) } else { Err(ResponseError::ProducerFenced) }
    }

    /// The transaction of a producer, to add something to it. What is decided takes nothing in until it is carried out.
    fn open(&mut self, owner: Owner<'_>) -> Result<&mut Transaction, ResponseError> {
        let known = self.owned(owner)?;
        if known.is_decided() {
            return Err(ResponseError::ConcurrentTransactions);
        }
        known.begin();
        Ok(known)
    }

    /// Whether a producer may write to a partition: it has to be in its open transaction (KIP-890, part 1).
    pub(crate) fn may_write(&mut self, owner: Owner<'_>, partition: &TopicPartition) -> Result<(), ResponseError> {
        let open = self.owned(owner)?;
        let known = open.state == TransactionState::Ongoing && open.partitions.contains(partition);
        if known { Ok(()) } else { Err(ResponseError::InvalidTxnState) }
    }

    pub(crate) fn add_to_transaction(
        &mut self,
        owner: Owner<'_>,
        partitions: impl IntoIterator<Item = TopicPartition>,
    ) -> Result<(), ResponseError> {
        let known = self.open(owner)?;
        known.partitions.extend(partitions);
        self.record_transaction(owner.transactional_id)
    }

    pub(crate) fn add_group(&mut self, owner: Owner<'_>, group: &str) -> Result<(), ResponseError> {
        let known = self.open(owner)?;
        known.groups.entry(group.to_owned()).or_default();
        self.record_transaction(owner.transactional_id)
    }

    /// Offsets that count when the transaction is committed.
    pub(crate) fn commit_in_transaction(
        &mut self,
        owner: Owner<'_>,
        group: &str,
        offsets: Vec<OffsetFact>,
    ) -> Result<(), ResponseError> {
        let known = self.owned(owner)?;
        if known.state != TransactionState::Ongoing {
            return Err(ResponseError::InvalidTxnState);
        }
        let pending = known.groups.get_mut(group).ok_or(ResponseError::InvalidTxnState)?;
        pending.extend(offsets.into_iter().map(|offset| ((offset.topic.clone(), offset.partition), offset)));
        self.record_transaction(owner.transactional_id)
    }

    pub(crate) fn end_transaction(&mut self, owner: Owner<'_>, commit: bool) -> Result<(), ResponseError> {
        match (self.owned(owner)?.state, commit) {
            (TransactionState::Ongoing, _) => self.end(owner.transactional_id, commit),
            // Said a second time, because the first answer was lost.
            (TransactionState::CompleteCommit, true) | (TransactionState::CompleteAbort, false) => Ok(()),
            (TransactionState::PrepareCommit, true) | (TransactionState::PrepareAbort, false) => {
                self.carry_out(owner.transactional_id)
            }
            _ => Err(ResponseError::InvalidTxnState),
        }
    }

    fn end(&mut self, transactional_id: &str, commit: bool) -> Result<(), ResponseError> {
        if let Some(known) = self.transactions.get_mut(transactional_id) {
            known.state = if commit { TransactionState::PrepareCommit } else { TransactionState::PrepareAbort };
        }
        if let Err(error) = self.record_transaction(transactional_id) {
            // What is not written down is not decided.
            if let Some(known) = self.transactions.get_mut(transactional_id) {
                known.state = TransactionState::Ongoing;
            }
            return Err(error);
        }
        self.carry_out(transactional_id)
    }

    /// Writes markers and offsets of what was decided.
    fn carry_out(&mut self, transactional_id: &str) -> Result<(), ResponseError> {
        let Some(known) = self.transactions.get_mut(transactional_id) else { return Ok(()) };
        let commit = known.state == TransactionState::PrepareCommit;
        let (producer, epoch) = (known.producer, known.epoch);
        let (partitions, groups) = (known.partitions.clone(), known.groups.clone());
        for (topic, partition) in &partitions {
            // A topic that was deleted meanwhile needs no marker.
            if let Ok((part, policy)) = self.partition_mut(topic, *partition) {
                part.mark(producer, epoch, commit, policy, now_ms())?;
            }
        }
        for (group, offsets) in groups.iter().filter(|_| commit) {
            let of = self.groups.entry(group.clone()).or_default();
            offsets.values().for_each(|fact| of.commit(fact));
            self.record_offsets(group)?;
        }
        if let Some(known) = self.transactions.get_mut(transactional_id) {
            known.state = if commit { TransactionState::CompleteCommit } else { TransactionState::CompleteAbort };
            known.partitions.clear();
            known.groups.clear();
            known.started = None;
        }
        self.record_transaction(transactional_id)
    }

    /// Carries out what was decided and not carried out, because the broker ended in between or could not write.
    pub(crate) fn finish_decided(&mut self) {
        let ids: Vec<String> = self.transactions.iter().filter(|(_, t)| t.is_decided()).map(|(id, _)| id.clone()).collect();
        for id in ids {
            if let Err(error) = self.carry_out(&id) {
                tracing::error!(%error, id, "a transaction that was decided could not be carried out");
            }
        }
    }

    /// Aborts transactions that took too long, and fences their producers; whether there was any.
    pub(crate) fn abort_late(&mut self, now: Instant) -> bool {
        let ids: Vec<String> = self.transactions.iter().filter(|(_, t)| t.is_late(now)).map(|(id, _)| id.clone()).collect();
        for id in &ids {
            tracing::info!(id, "a transaction took longer than its timeout and was aborted");
            if let Some(known) = self.transactions.get_mut(id) {
                known.epoch = known.epoch.saturating_add(1);
                known.before = None;
            }
            if let Err(error) = self.end(id, false) {
                tracing::error!(%error, id, "cannot abort a transaction");
            }
        }
        !ids.is_empty()
    }

    fn record_transaction(&mut self, transactional_id: &str) -> Result<(), ResponseError> {
        let Some(known) = self.transactions.get(transactional_id) else { return Ok(()) };
        let fact = Fact::Transaction(known.fact(transactional_id));
        self.record(&fact)
    }
}
