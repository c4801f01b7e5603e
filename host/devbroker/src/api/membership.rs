//! Being in a group of the classic protocol.

use std::time::{Duration, Instant};

use bytes::Bytes;
use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::join_group_response::JoinGroupResponseMember;
use kafka_protocol::messages::leave_group_request::MemberIdentity;
use kafka_protocol::messages::leave_group_response::MemberResponse;
use kafka_protocol::messages::{
    HeartbeatRequest, HeartbeatResponse, JoinGroupRequest, JoinGroupResponse, LeaveGroupRequest, LeaveGroupResponse,
    SyncGroupRequest, SyncGroupResponse,
};
use uuid::Uuid;

use super::{Call, code, text};
use crate::group::classic::{Classic, Join, Joined, Joining};
use crate::group::{Claim, Group, Members};
use crate::state::{State, random};

/// From these versions on a member that is new is sent back with its id, and may be a static one.
const INVITES: i16 = 4;

pub(super) fn join(call: &Call<'_>, request: JoinGroupRequest) -> JoinGroupResponse {
    let member = request.member_id.clone();
    match try_join(call, request) {
        Ok(joined) => {
            let members = joined.members.iter().map(|(id, instance, metadata)| {
                let mut member = JoinGroupResponseMember::default().with_member_id(text(id)).with_metadata(metadata.clone());
                if call.version >= 5 {
                    member.group_instance_id = instance.as_deref().map(text);
                }
                member
            });
            JoinGroupResponse::default()
                .with_generation_id(joined.generation)
                .with_protocol_name(Some(text(&joined.protocol)))
                .with_leader(text(&joined.leader))
                .with_member_id(text(&joined.member))
                .with_members(members.collect())
        }
        Err((error, id)) => JoinGroupResponse::default()
            .with_error_code(error.code())
            .with_generation_id(-1)
            .with_protocol_name(Some(text("")))
            .with_member_id(id.map_or(member, |id| text(&id))),
    }
}

type NotJoined = (ResponseError, Option<String>);

fn try_join(call: &Call<'_>, request: JoinGroupRequest) -> Result<Joined, NotJoined> {
    let group = request.group_id.to_string();
    let mut state = call.state();
    let join = wished(call, &state, request).map_err(|error| (error, None))?;
    let (now, instance) = (Instant::now(), join.instance.clone());
    let fresh = format!("{}-{}", call.client.id, Uuid::from_bytes(random()));
    // Whoever says that it is a member already makes no group.
    if !join.member.is_empty() && !state.groups.contains_key(&group) {
        return Err((ResponseError::UnknownMemberId, None));
    }
    let classic = state.groups.entry(group.clone()).or_default().classic().map_err(|error| (error, None))?;
    let joining = classic.join(join, fresh, now).map_err(|error| (error, None))?;
    call.broker.groups_changed();
    let (id, before) = match joining {
        Joining::Answer(joined) => return Ok(joined),
        Joining::Invited(id) => return Err((ResponseError::MemberIdRequired, Some(id))),
        Joining::Wait(id, before) => (id, before),
    };
    let joined = wait(call, state, &group, |classic| classic.joined(&id, instance.as_deref(), before));
    joined.map_err(|error| (error, Some(id)))
}

fn wished(call: &Call<'_>, state: &State, request: JoinGroupRequest) -> Result<Join, ResponseError> {
    if request.group_id.is_empty() {
        return Err(ResponseError::InvalidGroupId);
    }
    let session = i64::from(request.session_timeout_ms);
    let (least, most) =
        (state.settings.number("group.min.session.timeout.ms"), state.settings.number("group.max.session.timeout.ms"));
    if session < least || session > most {
        return Err(ResponseError::InvalidSessionTimeout);
    }
    let millis = |value: i64| Duration::from_millis(u64::try_from(value).unwrap_or(0));
    let rebalance = if call.version >= 1 { i64::from(request.rebalance_timeout_ms) } else { session };
    Ok(Join {
        member: request.member_id.to_string(),
        instance: request.group_instance_id.map(|instance| instance.to_string()),
        client: call.client.clone(),
        protocol_type: request.protocol_type.to_string(),
        protocols: request.protocols.into_iter().map(|p| (p.name.to_string(), p.metadata)).collect(),
        session: millis(session),
        rebalance: millis(rebalance),
        invite: call.version >= INVITES,
        delay: millis(state.settings.number("group.initial.rebalance.delay.ms")),
    })
}

/// Waits until the group has an answer; whoever waits is woken when a group changes and when time has passed.
fn wait<T>(
    call: &Call<'_>,
    mut state: std::sync::MutexGuard<'_, State>,
    group: &str,
    answer: impl Fn(&Classic) -> Option<Result<T, ResponseError>>,
) -> Result<T, ResponseError> {
    loop {
        let Some(Members::Classic(classic)) = state.groups.get(group).map(|group| &group.members) else {
            return Err(ResponseError::UnknownMemberId);
        };
        if let Some(answer) = answer(classic) {
            return answer;
        }
        if call.broker.is_closing() {
            return Err(ResponseError::CoordinatorNotAvailable);
        }
        state = call.broker.wait_for_groups(state);
    }
}

pub(super) fn sync(call: &Call<'_>, request: SyncGroupRequest) -> SyncGroupResponse {
    let synced = try_sync(call, request);
    let code = code(&synced);
    SyncGroupResponse::default().with_error_code(code).with_assignment(synced.unwrap_or_default())
}

fn try_sync(call: &Call<'_>, request: SyncGroupRequest) -> Result<Bytes, ResponseError> {
    let group = request.group_id.as_str();
    let mut state = call.state();
    let claim = Claim::classic(&request.member_id, request.group_instance_id.as_deref(), request.generation_id);
    let assignments = request.assignments.into_iter().map(|a| (a.member_id.to_string(), a.assignment)).collect();
    members(&mut state, group)?.sync(claim, assignments, Instant::now())?;
    call.broker.groups_changed();
    wait(call, state, group, |classic| classic.synced(claim))
}

/// The members of a group that exists.
fn members<'a>(state: &'a mut State, group: &str) -> Result<&'a mut Classic, ResponseError> {
    state.groups.get_mut(group).and_then(Group::as_classic).ok_or(ResponseError::UnknownMemberId)
}

pub(super) fn heartbeat(call: &Call<'_>, request: HeartbeatRequest) -> HeartbeatResponse {
    let mut state = call.state();
    let claim = Claim::classic(&request.member_id, request.group_instance_id.as_deref(), request.generation_id);
    let beaten = members(&mut state, &request.group_id).and_then(|classic| classic.heartbeat(claim, Instant::now()));
    HeartbeatResponse::default().with_error_code(code(&beaten))
}

pub(super) fn leave(call: &Call<'_>, request: LeaveGroupRequest) -> LeaveGroupResponse {
    let mut state = call.state();
    let several = call.version >= 3;
    let leaving = if several {
        request.members
    } else {
        vec![MemberIdentity::default().with_member_id(request.member_id).with_group_instance_id(None)]
    };
    let mut answer = LeaveGroupResponse::default();
    for member in leaving {
        let left = members(&mut state, &request.group_id)
            .and_then(|classic| classic.leave(&member.member_id, member.group_instance_id.as_deref(), Instant::now()));
        if several {
            let answered =
                MemberResponse::default().with_member_id(member.member_id).with_group_instance_id(member.group_instance_id);
            answer.members.push(answered.with_error_code(code(&left)));
        } else {
            answer.error_code = code(&left);
        }
    }
    drop(state);
    call.broker.groups_changed();
    answer
}
