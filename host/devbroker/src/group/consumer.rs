//! The consumer group protocol (KIP-848): one request, the heartbeat. The broker assigns; a member first gives back what it is to lose,
//! and gets what others have given back. Source: cwiki.apache.org, KIP-848, "Reconciliation process".

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use kafka_protocol::error::ResponseError;
use uuid::Uuid;

use super::assign::{self, Part};
use super::{Claim, Client};

#[derive(Debug, Default)]
pub(crate) struct Consumer {
    /// Grows with every change of members, subscriptions or topics.
    pub(crate) epoch: i32,
    pub(crate) assignor: String,
    members: BTreeMap<String, Member>,
    /// The topics of the last assignment, with how many partitions they had.
    topics: BTreeMap<Uuid, i32>,
    /// A member went, so the next heartbeat assigns anew.
    stale: bool,
}

#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) instance: Option<String>,
    pub(crate) client: Client,
    pub(crate) epoch: i32,
    epoch_before: i32,
    pub(crate) topics: BTreeSet<String>,
    pub(crate) pattern: Option<String>,
    assignor: Option<String>,
    rebalance: Duration,
    heard: Instant,
    /// What it has, or may take.
    pub(crate) assigned: BTreeSet<Part>,
    /// What it has to give back, and has not yet.
    returning: BTreeSet<Part>,
    return_until: Option<Instant>,
    pub(crate) target: BTreeSet<Part>,
}

/// One heartbeat.
pub(crate) struct Beat {
    pub(crate) member: String,
    pub(crate) instance: Option<String>,
    pub(crate) client: Client,
    /// 0 joins, -1 leaves, -2 leaves for a while (a static member).
    pub(crate) epoch: i32,
    pub(crate) topics: Option<BTreeSet<String>>,
    /// A pattern of topics, checked.
    pub(crate) pattern: Option<String>,
    pub(crate) assignor: Option<String>,
    pub(crate) rebalance: Option<Duration>,
    /// What it has, if it says so.
    pub(crate) has: Option<BTreeSet<Part>>,
}

/// The answer to a heartbeat.
pub(crate) struct Beaten {
    pub(crate) member: String,
    pub(crate) epoch: i32,
    /// `None`: as before.
    pub(crate) assignment: Option<BTreeSet<Part>>,
}

/// The topics there are: by name, with id and number of partitions.
pub(crate) type Topics = BTreeMap<String, (Uuid, i32)>;

impl Consumer {
    pub(crate) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    pub(crate) fn state(&self) -> &'static str {
        if self.members.is_empty() {
            "Empty"
        } else if self.members.values().all(|member| member.epoch == self.epoch && member.is_settled()) {
            "Stable"
        } else {
            "Reconciling"
        }
    }

    pub(crate) fn members(&self) -> impl Iterator<Item = (&String, &Member)> {
        self.members.iter()
    }

    pub(crate) fn beat(&mut self, beat: &Beat, all: &Topics, now: Instant) -> Result<Beaten, ResponseError> {
        if beat.epoch < 0 {
            return self.leave(beat);
        }
        let id = beat.member.clone();
        let whole = beat.epoch == 0;
        let mut changed = if whole { self.admit(beat, now)? } else { self.check(beat)? };
        let Some(member) = self.members.get_mut(&id) else { return Err(ResponseError::UnknownMemberId) };
        member.heard = now;
        changed |= member.update(beat);
        self.reassign(changed, all);
        let before = self.members.get(&id).map(|member| member.assigned.clone());
        self.reconcile(&id, beat.has.as_ref(), now);
        let Some(member) = self.members.get(&id) else { return Err(ResponseError::UnknownMemberId) };
        let told = whole || before.as_ref() != Some(&member.assigned) || beat.has.is_some();
        Ok(Beaten { member: id, epoch: member.epoch, assignment: told.then(|| member.assigned.clone()) })
    }

    /// Lets a member in, or in again.
    fn admit(&mut self, beat: &Beat, now: Instant) -> Result<bool, ResponseError> {
        let of_instance = |member: &Member| beat.instance.is_some() && member.instance == beat.instance;
        let twin = self.members.iter().find(|(id, member)| **id != beat.member && of_instance(member));
        let twin = twin.map(|(id, member)| (id.clone(), member.epoch));
        let mut fresh = Member::new(beat, now);
        match twin {
            Some((_, epoch)) if epoch != LEFT_FOR_A_WHILE => Err(ResponseError::UnreleasedInstanceId),
            // A static member that comes back takes the place it left, and nothing moves.
            Some((id, _)) => {
                if let Some(old) = self.members.remove(&id) {
                    fresh = Member { instance: fresh.instance, client: fresh.client, heard: now, epoch: 0, ..old };
                }
                self.members.insert(beat.member.clone(), fresh);
                Ok(false)
            }
            None if self.members.contains_key(&beat.member) => {
                if let Some(member) = self.members.get_mut(&beat.member) {
                    member.epoch = 0;
                    member.assigned.clear();
                    member.returning.clear();
                }
                Ok(false)
            }
            None => {
                self.members.insert(beat.member.clone(), fresh);
                Ok(true)
            }
        }
    }

    /// Whether a member is at its epoch, or one behind because an answer was lost.
    fn check(&mut self, beat: &Beat) -> Result<bool, ResponseError> {
        self.check_instance(beat)?;
        let member = self.members.get(&beat.member).ok_or(ResponseError::UnknownMemberId)?;
        let lost_answer =
            beat.epoch == member.epoch_before && beat.has.as_ref().is_some_and(|has| has.is_subset(&member.assigned));
        if beat.epoch == member.epoch || lost_answer { Ok(false) } else { Err(ResponseError::FencedMemberEpoch) }
    }

    /// Whether a static member still has its place: one that another of the same instance has taken it from is fenced.
    fn check_instance(&self, beat: &Beat) -> Result<(), ResponseError> {
        if beat.instance.is_none() {
            return Ok(());
        }
        let holder = self.members.iter().find(|(_, member)| member.instance == beat.instance);
        match holder {
            None => Err(ResponseError::UnknownMemberId),
            Some((id, _)) if *id != beat.member => Err(ResponseError::FencedInstanceId),
            Some(_) => Ok(()),
        }
    }

    fn leave(&mut self, beat: &Beat) -> Result<Beaten, ResponseError> {
        self.check_instance(beat)?;
        let member = self.members.get_mut(&beat.member).ok_or(ResponseError::UnknownMemberId)?;
        let answer = Beaten { member: beat.member.clone(), epoch: beat.epoch, assignment: None };
        if beat.epoch == LEFT_FOR_A_WHILE && member.instance.is_some() {
            member.epoch = LEFT_FOR_A_WHILE;
        } else {
            self.members.remove(&beat.member);
            self.stale = true;
        }
        Ok(answer)
    }

    /// Assigns anew if something changed.
    fn reassign(&mut self, changed: bool, all: &Topics) {
        let wanted: BTreeMap<&String, BTreeSet<Uuid>> =
            self.members.iter().map(|(id, member)| (id, member.wanted(all))).collect();
        let ids: BTreeSet<Uuid> = wanted.values().flatten().copied().collect();
        let topics: BTreeMap<Uuid, i32> = all.values().filter(|(id, _)| ids.contains(id)).copied().collect();
        if !changed && !self.stale && topics == self.topics {
            return;
        }
        self.stale = false;
        let preferred = self.members.values().find_map(|member| member.assignor.clone());
        self.assignor = preferred.unwrap_or_else(|| "uniform".to_owned());
        let seen: Vec<assign::Member<'_>> = self
            .members
            .iter()
            .map(|(id, member)| assign::Member { id, topics: wanted.get(id).cloned().unwrap_or_default(), has: &member.target })
            .collect();
        let mut target = assign::assign(&self.assignor, &seen, &topics);
        for (id, member) in &mut self.members {
            member.target = target.remove(id).unwrap_or_default();
        }
        self.topics = topics;
        self.epoch += 1;
    }

    /// Brings a member one step nearer to its target.
    fn reconcile(&mut self, id: &str, has: Option<&BTreeSet<Part>>, now: Instant) {
        let group_epoch = self.epoch;
        let others: BTreeSet<Part> = self
            .members
            .iter()
            .filter(|(other, _)| *other != id)
            .flat_map(|(_, member)| member.assigned.union(&member.returning).copied())
            .collect();
        let Some(member) = self.members.get_mut(id) else { return };
        if has.is_some_and(|has| has.is_disjoint(&member.returning)) {
            member.returning.clear();
        }
        let lost: BTreeSet<Part> = member.assigned.difference(&member.target).copied().collect();
        member.assigned.retain(|part| !lost.contains(part));
        // A member that has just come holds nothing, whatever it was given before.
        if member.epoch > 0 {
            member.returning.extend(lost);
        }
        if !member.returning.is_empty() {
            member.return_until.get_or_insert(now + member.rebalance);
            return;
        }
        member.return_until = None;
        if member.epoch != group_epoch {
            member.epoch_before = member.epoch;
            member.epoch = group_epoch;
        }
        let free = member.target.iter().filter(|part| !others.contains(part)).copied();
        member.assigned = free.collect();
    }

    pub(crate) fn may_commit(&self, claim: Claim<'_>) -> Result<(), ResponseError> {
        let member = self.members.get(claim.member).ok_or(ResponseError::UnknownMemberId)?;
        match (claim.generation == member.epoch, claim.knows_epochs) {
            (true, _) => Ok(()),
            (false, true) => Err(ResponseError::StaleMemberEpoch),
            (false, false) => Err(ResponseError::IllegalGeneration),
        }
    }

    /// Lets time pass: members that were not heard of, or do not give back what they have to, are out. Whether any was.
    pub(crate) fn tick(&mut self, session: Duration, now: Instant) -> bool {
        let before = self.members.len();
        self.members.retain(|_, member| {
            now.duration_since(member.heard) <= session && member.return_until.is_none_or(|until| now < until)
        });
        let gone = self.members.len() < before;
        self.stale |= gone;
        gone
    }
}

/// Epoch of a static member that said it will be back.
const LEFT_FOR_A_WHILE: i32 = -2;

impl Member {
    fn new(beat: &Beat, now: Instant) -> Self {
        Self {
            instance: beat.instance.clone(),
            client: beat.client.clone(),
            epoch: 0,
            epoch_before: 0,
            topics: BTreeSet::new(),
            pattern: None,
            assignor: None,
            rebalance: beat.rebalance.unwrap_or(Duration::from_secs(300)),
            heard: now,
            assigned: BTreeSet::new(),
            returning: BTreeSet::new(),
            return_until: None,
            target: BTreeSet::new(),
        }
    }

    /// Takes over what a heartbeat says; whether that changes what the member wants.
    fn update(&mut self, beat: &Beat) -> bool {
        let before = (self.topics.clone(), self.pattern.clone(), self.assignor.clone());
        if let Some(topics) = &beat.topics {
            self.topics.clone_from(topics);
        }
        if let Some(pattern) = &beat.pattern {
            self.pattern = Some(pattern.clone()).filter(|pattern| !pattern.is_empty());
        }
        if beat.assignor.is_some() {
            self.assignor.clone_from(&beat.assignor);
        }
        if let Some(rebalance) = beat.rebalance {
            self.rebalance = rebalance;
        }
        before != (self.topics.clone(), self.pattern.clone(), self.assignor.clone())
    }

    fn is_settled(&self) -> bool {
        self.returning.is_empty() && self.assigned == self.target
    }

    /// The topics that it subscribed to and that there are.
    fn wanted(&self, all: &Topics) -> BTreeSet<Uuid> {
        let pattern = self.pattern.as_deref().and_then(|pattern| regex_lite::Regex::new(&format!("^(?:{pattern})$")).ok());
        let wants = |name: &String| self.topics.contains(name) || pattern.as_ref().is_some_and(|p| p.is_match(name));
        all.iter().filter(|(name, _)| wants(name)).map(|(_, (id, _))| *id).collect()
    }
}
