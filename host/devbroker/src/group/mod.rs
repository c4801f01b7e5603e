//! Consumer groups: who is in one, who reads what, and how far they came.
//!
//! A group is of one of two kinds, by the protocol of its members: `classic` (the members' leader assigns) or `consumer` (KIP-848, the
//! broker assigns). One without members is of neither, and keeps its offsets.

pub(crate) mod assign;
pub(crate) mod classic;
pub(crate) mod consumer;

use std::collections::BTreeMap;
use std::time::Instant;

use kafka_protocol::error::ResponseError;

use crate::journal::OffsetFact;
use classic::Classic;
use consumer::Consumer;

/// A topic and one of its partitions.
pub(crate) type TopicPartition = (String, i32);

#[derive(Debug, Default)]
pub(crate) struct Group {
    pub(crate) members: Members,
    pub(crate) offsets: BTreeMap<TopicPartition, Committed>,
}

#[derive(Debug, Default)]
pub(crate) enum Members {
    #[default]
    None,
    Classic(Classic),
    Consumer(Consumer),
}

/// How far a group came in a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Committed {
    pub(crate) offset: i64,
    pub(crate) leader_epoch: i32,
    pub(crate) metadata: String,
}

/// Who wants something of a group: a member at a generation (classic) or an epoch (consumer).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Claim<'a> {
    pub(crate) member: &'a str,
    pub(crate) instance: Option<&'a str>,
    /// -1 together with no member: not a member's.
    pub(crate) generation: i32,
    /// Whether the request can carry KIP-848's own errors.
    pub(crate) knows_epochs: bool,
    /// Whether it commits offsets in a transaction.
    pub(crate) transactional: bool,
}

impl<'a> Claim<'a> {
    /// A member of the classic protocol.
    pub(crate) fn classic(member: &'a str, instance: Option<&'a str>, generation: i32) -> Self {
        Self { member, instance, generation, knows_epochs: false, transactional: false }
    }
}

/// Who is on the other side of a connection.
#[derive(Debug, Clone, Default)]
pub(crate) struct Client {
    pub(crate) id: String,
    pub(crate) host: String,
}

impl Group {
    /// The members under the classic protocol, if the group has no others.
    pub(crate) fn classic(&mut self) -> Result<&mut Classic, ResponseError> {
        if self.is_empty() && !matches!(self.members, Members::Classic(_)) {
            self.members = Members::Classic(Classic::default());
        }
        match &mut self.members {
            Members::Classic(classic) => Ok(classic),
            _ => Err(ResponseError::InconsistentGroupProtocol),
        }
    }

    /// The members under the classic protocol, where there may be some.
    pub(crate) fn as_classic(&mut self) -> Option<&mut Classic> {
        match &mut self.members {
            Members::Classic(classic) => Some(classic),
            _ => None,
        }
    }

    /// The members under KIP-848, where there may be some.
    pub(crate) fn as_consumer(&mut self) -> Option<&mut Consumer> {
        match &mut self.members {
            Members::Consumer(consumer) => Some(consumer),
            _ => None,
        }
    }

    /// The members under KIP-848, if the group has no others.
    pub(crate) fn consumer(&mut self) -> Result<&mut Consumer, ResponseError> {
        if self.is_empty() && !matches!(self.members, Members::Consumer(_)) {
            self.members = Members::Consumer(Consumer::default());
        }
        match &mut self.members {
            Members::Consumer(consumer) => Ok(consumer),
            _ => Err(ResponseError::GroupIdNotFound),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        match &self.members {
            Members::None => true,
            Members::Classic(classic) => classic.is_empty(),
            Members::Consumer(consumer) => consumer.is_empty(),
        }
    }

    pub(crate) fn state(&self) -> &'static str {
        match &self.members {
            Members::None => "Empty",
            Members::Classic(classic) => classic.state(),
            Members::Consumer(consumer) => consumer.state(),
        }
    }

    pub(crate) fn kind(&self) -> &'static str {
        if matches!(self.members, Members::Consumer(_)) { "consumer" } else { "classic" }
    }

    /// Whether whoever claims to be a member may commit. A commit is a sign of life.
    pub(crate) fn may_commit(&mut self, claim: Claim<'_>, now: Instant) -> Result<(), ResponseError> {
        // Administrators and consumers that need no group commit without a generation, as long as nobody is in it.
        if claim.generation < 0 && self.is_empty() {
            return Ok(());
        }
        match &mut self.members {
            Members::None => Err(ResponseError::UnknownMemberId),
            Members::Classic(classic) => classic.may_commit(claim, now),
            Members::Consumer(consumer) => consumer.may_commit(claim),
        }
    }

    pub(crate) fn commit(&mut self, fact: &OffsetFact) {
        let committed = Committed { offset: fact.offset, leader_epoch: fact.leader_epoch, metadata: fact.metadata.clone() };
        self.offsets.insert((fact.topic.clone(), fact.partition), committed);
    }

    pub(crate) fn facts(&self) -> Vec<OffsetFact> {
        let fact = |((topic, partition), committed): (&TopicPartition, &Committed)| OffsetFact {
            topic: topic.clone(),
            partition: *partition,
            offset: committed.offset,
            leader_epoch: committed.leader_epoch,
            metadata: committed.metadata.clone(),
        };
        self.offsets.iter().map(fact).collect()
    }
}
