//! Looking at groups, and deleting them.

use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::delete_groups_response::DeletableGroupResult;
use kafka_protocol::messages::describe_groups_response::{DescribedGroup, DescribedGroupMember};
use kafka_protocol::messages::list_groups_response::ListedGroup;
use kafka_protocol::messages::offset_delete_response::{OffsetDeleteResponsePartition, OffsetDeleteResponseTopic};
use kafka_protocol::messages::{
    DeleteGroupsRequest, DeleteGroupsResponse, DescribeGroupsRequest, DescribeGroupsResponse, GroupId, ListGroupsRequest,
    ListGroupsResponse, OffsetDeleteRequest, OffsetDeleteResponse,
};

use super::{Call, allowed, code, text};
use crate::group::{Group, Members};
use crate::journal::Fact;
use crate::state::State;

/// From this version on a description says that there is no such group; before, such a group is dead.
const SAYS_NOT_FOUND: i16 = 6;

pub(super) fn list(call: &Call<'_>, request: ListGroupsRequest) -> ListGroupsResponse {
    let state = call.state();
    let passes = |filter: &[kafka_protocol::protocol::StrBytes], value: &str| {
        filter.is_empty() || filter.iter().any(|wanted| wanted.eq_ignore_ascii_case(value))
    };
    let listed = state
        .groups
        .iter()
        .filter(|(_, group)| passes(&request.states_filter, group.state()) && passes(&request.types_filter, group.kind()));
    let groups = listed.map(|(id, group)| {
        let mut answer = ListedGroup::default().with_group_id(GroupId(text(id))).with_protocol_type(text(protocol_type(group)));
        if call.version >= 4 {
            answer.group_state = text(group.state());
        }
        if call.version >= 5 {
            answer.group_type = text(group.kind());
        }
        answer
    });
    ListGroupsResponse::default().with_groups(groups.collect())
}

fn protocol_type(group: &Group) -> &str {
    match &group.members {
        Members::None => "",
        Members::Classic(classic) => &classic.protocol_type,
        Members::Consumer(_) => "consumer",
    }
}

pub(super) fn describe(call: &Call<'_>, request: DescribeGroupsRequest) -> DescribeGroupsResponse {
    let state = call.state();
    let told = allowed::told(request.include_authorized_operations, allowed::GROUP);
    let groups = request.groups.into_iter().map(|id| {
        let group = state.groups.get(id.as_str());
        let mut answer = DescribedGroup::default().with_group_id(id).with_authorized_operations(told);
        match group.map(|group| &group.members) {
            // What does not exist, or is of the other protocol, is dead to those who ask in this one.
            None | Some(Members::Consumer(_)) => {
                answer.group_state = text("Dead");
                if call.version >= SAYS_NOT_FOUND {
                    answer.error_code = ResponseError::GroupIdNotFound.code();
                    answer.error_message = Some(text(&format!("Group {} not found.", answer.group_id.as_str())));
                }
            }
            Some(Members::None) => answer.group_state = text("Empty"),
            Some(Members::Classic(classic)) => {
                answer.group_state = text(classic.state());
                answer.protocol_type = text(&classic.protocol_type);
                let settled = classic.state() == "Stable";
                if settled {
                    answer.protocol_data = text(&classic.protocol);
                }
                let member = |(id, member): (&String, &crate::group::classic::Member)| {
                    let mut answer = DescribedGroupMember::default()
                        .with_member_id(text(id))
                        .with_client_id(text(&member.client.id))
                        .with_client_host(text(&member.client.host));
                    if settled {
                        answer.member_metadata = member.metadata(&classic.protocol);
                        answer.member_assignment = member.assignment.clone();
                    }
                    if call.version >= 4 {
                        answer.group_instance_id = member.instance.as_deref().map(text);
                    }
                    answer
                };
                answer.members = classic.members().map(member).collect();
            }
        }
        answer
    });
    DescribeGroupsResponse::default().with_groups(groups.collect())
}

pub(super) fn delete(call: &Call<'_>, request: DeleteGroupsRequest) -> DeleteGroupsResponse {
    let mut state = call.state();
    let results = request.groups_names.into_iter().map(|id| {
        let deleted = delete_one(&mut state, &id);
        DeletableGroupResult::default().with_group_id(id).with_error_code(code(&deleted))
    });
    DeleteGroupsResponse::default().with_results(results.collect())
}

fn delete_one(state: &mut State, id: &str) -> Result<(), ResponseError> {
    let group = state.groups.get(id).ok_or(ResponseError::GroupIdNotFound)?;
    if !group.is_empty() {
        return Err(ResponseError::NonEmptyGroup);
    }
    state.groups.remove(id);
    state.record(&Fact::NoGroup { group: id.to_owned() })
}

pub(super) fn delete_offsets(call: &Call<'_>, request: OffsetDeleteRequest) -> OffsetDeleteResponse {
    let mut state = call.state();
    let id = request.group_id.to_string();
    let Some(group) = state.groups.get_mut(&id) else {
        return OffsetDeleteResponse::default().with_error_code(ResponseError::GroupIdNotFound.code());
    };
    // Who reads which topic is known to the members alone, so those of a group that is at work stay.
    let busy = !group.is_empty();
    let topics = request.topics.iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|asked| {
            if !busy {
                group.offsets.remove(&(topic.name.to_string(), asked.partition_index));
            }
            let code = if busy { ResponseError::GroupSubscribedToTopic.code() } else { 0 };
            OffsetDeleteResponsePartition::default().with_partition_index(asked.partition_index).with_error_code(code)
        });
        OffsetDeleteResponseTopic::default().with_name(topic.name.clone()).with_partitions(partitions.collect())
    });
    let answer = OffsetDeleteResponse::default().with_topics(topics.collect());
    match state.record_offsets(&id) {
        Ok(()) => answer,
        Err(error) => OffsetDeleteResponse::default().with_error_code(error.code()),
    }
}
