//! The classic group protocol: members join, the broker collects them and names a leader, the leader assigns, all fetch what they got.
//!
//! Nothing waits in here: a request that has to wait is asked about again until `joined` or `synced` has its answer.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bytes::Bytes;
use kafka_protocol::error::ResponseError;

use super::{Claim, Client};

#[derive(Debug, Default)]
pub(crate) struct Classic {
    phase: Phase,
    pub(crate) generation: i32,
    pub(crate) protocol_type: String,
    /// The assignor that was chosen.
    pub(crate) protocol: String,
    leader: String,
    members: BTreeMap<String, Member>,
    /// Ids that were given out and have not joined yet, with when they are forgotten.
    invited: BTreeMap<String, Instant>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Phase {
    #[default]
    Empty,
    /// Members join until all have, or until this moment; not before the other.
    Joining {
        until: Instant,
        not_before: Instant,
    },
    /// The leader assigns.
    Syncing,
    Stable,
}

#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) instance: Option<String>,
    pub(crate) client: Client,
    protocols: Vec<(String, Bytes)>,
    session: Duration,
    rebalance: Duration,
    heard: Instant,
    /// It has joined and waits for the others, or has asked for its assignment and waits for the leader. It cannot send heartbeats
    /// meanwhile.
    waits: bool,
    pub(crate) assignment: Bytes,
}

/// What a member joins with.
pub(crate) struct Join {
    pub(crate) member: String,
    pub(crate) instance: Option<String>,
    pub(crate) client: Client,
    pub(crate) protocol_type: String,
    /// In the order it prefers them.
    pub(crate) protocols: Vec<(String, Bytes)>,
    pub(crate) session: Duration,
    pub(crate) rebalance: Duration,
    /// Whether a new member has to come back with the id it gets (KIP-394).
    pub(crate) invite: bool,
    /// How long a first member waits for others.
    pub(crate) delay: Duration,
}

/// What became of a join.
pub(crate) enum Joining {
    /// Ask `joined` with this id and the generation before.
    Wait(String, i32),
    Answer(Joined),
    /// Come back with this id.
    Invited(String),
}

/// A member of a generation.
pub(crate) struct Joined {
    pub(crate) member: String,
    pub(crate) generation: i32,
    pub(crate) protocol: String,
    pub(crate) leader: String,
    /// For the leader: all members with their metadata.
    pub(crate) members: Vec<(String, Option<String>, Bytes)>,
}

impl Classic {
    pub(crate) fn is_empty(&self) -> bool {
        self.members.is_empty() && self.invited.is_empty()
    }

    pub(crate) fn state(&self) -> &'static str {
        match self.phase {
            Phase::Empty => "Empty",
            Phase::Joining { .. } => "PreparingRebalance",
            Phase::Syncing => "CompletingRebalance",
            Phase::Stable => "Stable",
        }
    }

    pub(crate) fn members(&self) -> impl Iterator<Item = (&String, &Member)> {
        self.members.iter()
    }

    pub(crate) fn join(&mut self, mut join: Join, fresh_id: String, now: Instant) -> Result<Joining, ResponseError> {
        self.check_protocols(&join)?;
        if join.member.is_empty() {
            if let Some(instance) = &join.instance {
                if let Some(old) = self.of_instance(instance) {
                    return Ok(self.replace(&old, fresh_id, join, now));
                }
            } else if join.invite {
                self.invited.insert(fresh_id.clone(), now + join.session);
                return Ok(Joining::Invited(fresh_id));
            }
            join.member = fresh_id;
        } else if self.invited.remove(&join.member).is_none() {
            self.check_member(&join.member, join.instance.as_deref())?;
        }
        if let Some(member) = self.members.get_mut(&join.member) {
            member.heard = now;
            let same = member.protocols == join.protocols;
            let settled = match self.phase {
                Phase::Stable => same && self.leader != join.member,
                Phase::Syncing => same,
                Phase::Empty | Phase::Joining { .. } => false,
            };
            if settled {
                return Ok(Joining::Answer(self.answer(&join.member)));
            }
        }
        let (id, before) = (join.member.clone(), self.generation);
        let (first, delay) = (self.members.is_empty(), join.delay);
        self.protocol_type.clone_from(&join.protocol_type);
        self.rebalance(join.rebalance, now);
        self.members.insert(id.clone(), Member::new(join, true, now));
        if let Phase::Joining { not_before, .. } = &mut self.phase
            && first
        {
            *not_before = now + delay;
        }
        self.complete(now);
        Ok(Joining::Wait(id, before))
    }

    /// A static member that comes back has another id and its old place; nothing moves unless it wants other things.
    fn replace(&mut self, old: &str, fresh_id: String, join: Join, now: Instant) -> Joining {
        let Some(before) = self.members.remove(old) else { return Joining::Invited(fresh_id) };
        let (generation, rebalance) = (self.generation, join.rebalance);
        let mut member = Member::new(join, false, now);
        member.assignment = before.assignment;
        self.members.insert(fresh_id.clone(), member);
        // What it tells its leader differs, as it owns nothing now; what counts is whether the assignor stays the same.
        let settled = self.phase == Phase::Stable && self.elected() == self.protocol;
        // It is told of the leader it may have been under its old name, so that it does not assign anew.
        let told = self.leader.clone();
        if self.leader == old {
            self.leader.clone_from(&fresh_id);
        }
        if settled {
            return Joining::Answer(Joined { leader: told, members: Vec::new(), ..self.answer(&fresh_id) });
        }
        self.rebalance(rebalance, now);
        if let Some(member) = self.members.get_mut(&fresh_id) {
            member.waits = true;
        }
        self.complete(now);
        Joining::Wait(fresh_id, generation)
    }

    /// The answer to a join, once the generation it was asked in is over.
    pub(crate) fn joined(&self, id: &str, instance: Option<&str>, before: i32) -> Option<Result<Joined, ResponseError>> {
        match self.check_member(id, instance) {
            Err(error) => Some(Err(error)),
            Ok(()) if self.generation == before => None,
            Ok(()) => Some(Ok(self.answer(id))),
        }
    }

    fn answer(&self, id: &str) -> Joined {
        let told = |(id, member): (&String, &Member)| (id.clone(), member.instance.clone(), member.metadata(&self.protocol));
        Joined {
            member: id.to_owned(),
            generation: self.generation,
            protocol: self.protocol.clone(),
            leader: self.leader.clone(),
            members: if self.leader == id { self.members.iter().map(told).collect() } else { Vec::new() },
        }
    }

    /// Takes a leader's assignments; the answer comes from `synced`.
    pub(crate) fn sync(
        &mut self,
        claim: Claim<'_>,
        assignments: Vec<(String, Bytes)>,
        now: Instant,
    ) -> Result<(), ResponseError> {
        self.check(claim, now)?;
        if matches!(self.phase, Phase::Joining { .. }) {
            return Err(ResponseError::RebalanceInProgress);
        }
        // Whoever asks when the leader has answered already is answered at once.
        if self.phase == Phase::Syncing
            && let Some(member) = self.members.get_mut(claim.member)
        {
            member.waits = true;
        }
        if self.phase == Phase::Syncing && self.leader == claim.member {
            for member in self.members.values_mut() {
                member.assignment = Bytes::new();
                member.waits = false;
                member.heard = now;
            }
            for (id, assignment) in assignments {
                if let Some(member) = self.members.get_mut(&id) {
                    member.assignment = assignment;
                }
            }
            self.phase = Phase::Stable;
        }
        Ok(())
    }

    /// What a member got, once it is known.
    pub(crate) fn synced(&self, claim: Claim<'_>) -> Option<Result<Bytes, ResponseError>> {
        if let Err(error) = self.check_member(claim.member, claim.instance) {
            return Some(Err(error));
        }
        match self.phase {
            Phase::Syncing if claim.generation == self.generation => None,
            Phase::Stable if claim.generation == self.generation => {
                Some(Ok(self.members.get(claim.member).map(|member| member.assignment.clone()).unwrap_or_default()))
            }
            _ => Some(Err(ResponseError::RebalanceInProgress)),
        }
    }

    pub(crate) fn heartbeat(&mut self, claim: Claim<'_>, now: Instant) -> Result<(), ResponseError> {
        self.check(claim, now)?;
        if matches!(self.phase, Phase::Joining { .. }) { Err(ResponseError::RebalanceInProgress) } else { Ok(()) }
    }

    pub(crate) fn leave(&mut self, id: &str, instance: Option<&str>, now: Instant) -> Result<(), ResponseError> {
        let id = match instance.filter(|_| id.is_empty()).map(|instance| self.of_instance(instance)) {
            Some(found) => found.ok_or(ResponseError::UnknownMemberId)?,
            None => id.to_owned(),
        };
        if self.invited.remove(&id).is_some() {
            self.complete(now);
            return Ok(());
        }
        self.check_member(&id, instance)?;
        self.remove(&id, now);
        Ok(())
    }

    pub(crate) fn may_commit(&mut self, claim: Claim<'_>, now: Instant) -> Result<(), ResponseError> {
        self.check(claim, now)?;
        // A member that waits for its assignment goes on with what it has kept, and commits that in its transactions.
        if self.phase == Phase::Syncing && !claim.transactional { Err(ResponseError::RebalanceInProgress) } else { Ok(()) }
    }

    /// Lets time pass; whether anything changed.
    pub(crate) fn tick(&mut self, now: Instant) -> bool {
        self.invited.retain(|_, until| now < *until);
        let silent = |member: &Member| now.duration_since(member.heard) > member.session && !member.waits;
        let gone: Vec<String> = self.members.iter().filter(|(_, member)| silent(member)).map(|(id, _)| id.clone()).collect();
        gone.iter().for_each(|id| self.remove(id, now));
        self.complete(now) || !gone.is_empty()
    }

    fn remove(&mut self, id: &str, now: Instant) {
        self.members.remove(id);
        if self.members.is_empty() {
            self.phase = Phase::Empty;
            self.generation += 1;
            self.leader.clear();
        } else {
            self.rebalance(Duration::ZERO, now);
            self.complete(now);
        }
    }

    /// Has everybody join anew, within the longest time that one of them allows.
    fn rebalance(&mut self, allowed: Duration, now: Instant) {
        if matches!(self.phase, Phase::Joining { .. }) {
            return;
        }
        let longest = self.members.values().map(|member| member.rebalance).max().unwrap_or_default().max(allowed);
        self.members.values_mut().for_each(|member| member.waits = false);
        self.phase = Phase::Joining { until: now + longest, not_before: now };
    }

    /// Begins the next generation when everybody is there; whether it did.
    fn complete(&mut self, now: Instant) -> bool {
        let Phase::Joining { until, not_before } = self.phase else { return false };
        let all = self.members.values().all(|member| member.waits) && self.invited.is_empty();
        if !(all && now >= not_before || now >= until) {
            return false;
        }
        self.members.retain(|_, member| member.waits || member.instance.is_some());
        self.generation += 1;
        if self.members.is_empty() {
            self.phase = Phase::Empty;
            self.leader.clear();
            return true;
        }
        if !self.members.get(&self.leader).is_some_and(|leader| leader.waits) {
            let first = self.members.iter().find(|(_, member)| member.waits).or_else(|| self.members.iter().next());
            self.leader = first.map(|(id, _)| id.clone()).unwrap_or_default();
        }
        self.protocol = self.elected();
        self.phase = Phase::Syncing;
        for member in self.members.values_mut() {
            member.heard = now;
            member.waits = false;
        }
        true
    }

    /// The assignor that all members know and most prefer.
    fn elected(&self) -> String {
        let common = |name: &str| self.members.values().all(|member| member.knows(name));
        let mut votes: BTreeMap<&str, usize> = BTreeMap::new();
        for member in self.members.values() {
            if let Some((name, _)) = member.protocols.iter().find(|(name, _)| common(name)) {
                *votes.entry(name).or_default() += 1;
            }
        }
        votes.into_iter().max_by_key(|(_, votes)| *votes).map(|(name, _)| name.to_owned()).unwrap_or_default()
    }

    fn check_protocols(&self, join: &Join) -> Result<(), ResponseError> {
        let others: Vec<&Member> = self
            .members
            .iter()
            .filter(|(id, member)| **id != join.member && (join.instance.is_none() || member.instance != join.instance))
            .map(|(_, member)| member)
            .collect();
        let common = |(name, _): &(String, Bytes)| others.iter().all(|member| member.knows(name));
        let fits = others.is_empty() || (join.protocol_type == self.protocol_type && join.protocols.iter().any(common));
        if fits && !join.protocols.is_empty() { Ok(()) } else { Err(ResponseError::InconsistentGroupProtocol) }
    }

    fn check(&mut self, claim: Claim<'_>, now: Instant) -> Result<(), ResponseError> {
        self.check_member(claim.member, claim.instance)?;
        if claim.generation != self.generation {
            return Err(ResponseError::IllegalGeneration);
        }
        if let Some(member) = self.members.get_mut(claim.member) {
            member.heard = now;
        }
        Ok(())
    }

    /// Whether this is a member. One whose place a member of the same instance has taken is fenced: it is not to come back.
    fn check_member(&self, id: &str, instance: Option<&str>) -> Result<(), ResponseError> {
        if let Some(now) = instance.and_then(|instance| self.of_instance(instance))
            && now != id
        {
            return Err(ResponseError::FencedInstanceId);
        }
        if self.members.contains_key(id) { Ok(()) } else { Err(ResponseError::UnknownMemberId) }
    }

    fn of_instance(&self, instance: &str) -> Option<String> {
        let is = |member: &Member| member.instance.as_deref() == Some(instance);
        self.members.iter().find(|(_, member)| is(member)).map(|(id, _)| id.clone())
    }
}

impl Member {
    fn new(join: Join, waits: bool, now: Instant) -> Self {
        Self {
            instance: join.instance,
            client: join.client,
            protocols: join.protocols,
            session: join.session,
            rebalance: join.rebalance,
            heard: now,
            waits,
            assignment: Bytes::new(),
        }
    }

    fn knows(&self, name: &str) -> bool {
        self.protocols.iter().any(|(known, _)| known == name)
    }

    /// What it told its leader for an assignor.
    pub(crate) fn metadata(&self, protocol: &str) -> Bytes {
        self.protocols.iter().find(|(name, _)| name == protocol).map(|(_, bytes)| bytes.clone()).unwrap_or_default()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    const SESSION: Duration = Duration::from_secs(6);

    fn join(classic: &mut Classic, id: &str, now: Instant) {
        let join = Join {
            member: String::new(),
            instance: None,
            client: Client::default(),
            protocol_type: "consumer".to_owned(),
            protocols: vec![("range".to_owned(), Bytes::new())],
            session: SESSION,
            rebalance: SESSION,
            invite: false,
            delay: Duration::from_millis(1),
        };
        assert!(matches!(classic.join(join, id.to_owned(), now).unwrap(), Joining::Wait(..)));
    }

    /// Who asks for its assignment when the leader has told it already is answered at once, and is watched like everybody.
    #[test]
    fn a_member_that_asks_last_is_missed_when_it_falls_silent() {
        let (mut classic, start) = (Classic::default(), Instant::now());
        join(&mut classic, "leader", start);
        join(&mut classic, "other", start);
        classic.tick(start + Duration::from_millis(2));
        let generation = classic.generation;
        let leader = Claim::classic("leader", None, generation);
        let answers = vec![("leader".to_owned(), Bytes::from_static(b"1")), ("other".to_owned(), Bytes::from_static(b"2"))];
        classic.sync(leader, answers, start).unwrap();
        let other = Claim::classic("other", None, generation);
        classic.sync(other, Vec::new(), start).unwrap();
        assert_eq!(classic.synced(other).unwrap().unwrap(), Bytes::from_static(b"2"));
        let later = start + SESSION * 2;
        classic.heartbeat(leader, later).unwrap();
        assert!(classic.tick(later));
        assert_eq!(classic.state(), "PreparingRebalance");
        assert_eq!(classic.members().map(|(id, _)| id.as_str()).collect::<Vec<_>>(), ["leader"]);
    }
}
