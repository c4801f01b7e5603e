//! Making and deleting topics, partitions and records.

use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::create_partitions_response::CreatePartitionsTopicResult;
use kafka_protocol::messages::create_topics_request::CreatableTopic;
use kafka_protocol::messages::create_topics_response::{CreatableTopicConfigs, CreatableTopicResult};
use kafka_protocol::messages::delete_records_response::{DeleteRecordsPartitionResult, DeleteRecordsTopicResult};
use kafka_protocol::messages::delete_topics_request::DeleteTopicState;
use kafka_protocol::messages::delete_topics_response::DeletableTopicResult;
use kafka_protocol::messages::{
    CreatePartitionsRequest, CreatePartitionsResponse, CreateTopicsRequest, CreateTopicsResponse, DeleteRecordsRequest,
    DeleteRecordsResponse, DeleteTopicsRequest, DeleteTopicsResponse, TopicName,
};

use super::{Call, NODE, code, configs, text};
use crate::config::{TOPIC, Values};
use crate::state::{Refused, State};

pub(super) fn create(call: &Call<'_>, request: CreateTopicsRequest) -> CreateTopicsResponse {
    let mut state = call.state();
    let topics = request.topics.iter().map(|topic| {
        let mut answer = CreatableTopicResult::default().with_name(topic.name.clone());
        match create_one(&mut state, topic, request.validate_only) {
            Ok(partitions) => {
                if call.version >= 5 {
                    (answer.num_partitions, answer.replication_factor) = (partitions, 1);
                    answer.configs = Some(settings(&state, &set(topic)));
                }
                if let Some(made) = state.topics.get(topic.name.as_str()).filter(|_| call.version >= 7) {
                    answer.topic_id = made.id;
                }
            }
            Err(refused) => {
                answer.error_code = refused.code;
                answer.error_message = Some(text(&refused.why));
            }
        }
        answer
    });
    CreateTopicsResponse::default().with_topics(topics.collect())
}

fn create_one(state: &mut State, topic: &CreatableTopic, only_check: bool) -> Result<i32, Refused> {
    let partitions = match topic.num_partitions {
        _ if !topic.assignments.is_empty() => assigned(topic)?,
        -1 => state.settings.number("num.partitions") as i32,
        count => count,
    };
    if !matches!(topic.replication_factor, -1 | 1) {
        let why = format!("Replication factor: {} larger than available brokers: 1.", topic.replication_factor);
        return Err(Refused::new(ResponseError::InvalidReplicationFactor, why));
    }
    state.create_topic(&topic.name, partitions, set(topic), only_check)?;
    Ok(partitions)
}

/// The number of partitions whose replicas a client chose, of which there is one choice.
fn assigned(topic: &CreatableTopic) -> Result<i32, Refused> {
    let wrong = |why: String| Err(Refused::new(ResponseError::InvalidReplicaAssignment, why));
    let count = topic.assignments.len() as i32;
    let chosen = |partition| topic.assignments.iter().find(|assignment| assignment.partition_index == partition);
    for partition in 0..count {
        match chosen(partition) {
            None => return wrong(format!("partitions are to be numbered from 0 on; {partition} of {count} is missing")),
            Some(assignment) if assignment.broker_ids != [NODE] => {
                return wrong(format!("partition {partition}: expected node 1 alone, which is the only one there is"));
            }
            Some(_) => {}
        }
    }
    Ok(count)
}

/// What a topic is to be set to.
fn set(topic: &CreatableTopic) -> Values {
    let set = topic.configs.iter().filter_map(|config| Some((config.name.to_string(), config.value.as_ref()?.to_string())));
    set.collect()
}

/// All settings of a topic. Java's client takes an answer without them for a broken one.
fn settings(state: &State, own: &Values) -> Vec<CreatableTopicConfigs> {
    let settings = TOPIC.iter().map(|setting| {
        let (source, value) = configs::effective(state, setting, own);
        CreatableTopicConfigs::default().with_name(text(setting.name)).with_value(Some(text(value))).with_config_source(source)
    });
    settings.collect()
}

pub(super) fn delete(call: &Call<'_>, request: DeleteTopicsRequest) -> DeleteTopicsResponse {
    let mut state = call.state();
    let by_name = request.topic_names.into_iter().map(|name| DeleteTopicState::default().with_name(Some(name)));
    let asked: Vec<DeleteTopicState> = by_name.chain(request.topics).collect();
    let responses = asked.into_iter().map(|asked| {
        let name = match &asked.name {
            Some(name) => Some(name.to_string()),
            None => state.topic_of(asked.topic_id).cloned(),
        };
        let deleted = match &name {
            Some(name) => state.delete_topic(name),
            None => Err(ResponseError::UnknownTopicId),
        };
        let mut answer =
            DeletableTopicResult::default().with_name(name.map(|name| TopicName(text(&name)))).with_error_code(code(&deleted));
        if call.version >= 6 {
            answer.topic_id = asked.topic_id;
        }
        answer
    });
    let answer = DeleteTopicsResponse::default().with_responses(responses.collect());
    drop(state);
    call.broker.records_changed();
    answer
}

pub(super) fn create_partitions(call: &Call<'_>, request: CreatePartitionsRequest) -> CreatePartitionsResponse {
    let mut state = call.state();
    let results = request.topics.iter().map(|topic| {
        let mut answer = CreatePartitionsTopicResult::default().with_name(topic.name.clone());
        if let Err(refused) = state.add_partitions(&topic.name, topic.count, request.validate_only) {
            answer.error_code = refused.code;
            answer.error_message = Some(text(&refused.why));
        }
        answer
    });
    CreatePartitionsResponse::default().with_results(results.collect())
}

pub(super) fn delete_records(call: &Call<'_>, request: DeleteRecordsRequest) -> DeleteRecordsResponse {
    let mut state = call.state();
    let topics = request.topics.iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|asked| {
            let deleted = state.delete_records(&topic.name, asked.partition_index, asked.offset);
            DeleteRecordsPartitionResult::default()
                .with_partition_index(asked.partition_index)
                .with_error_code(code(&deleted))
                .with_low_watermark(deleted.unwrap_or(-1))
        });
        DeleteRecordsTopicResult::default().with_name(topic.name.clone()).with_partitions(partitions.collect())
    });
    DeleteRecordsResponse::default().with_topics(topics.collect())
}
