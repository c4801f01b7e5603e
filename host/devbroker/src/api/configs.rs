//! Settings of topics, and of the broker to look at.

use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::alter_configs_response::AlterConfigsResourceResponse;
use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::describe_configs_response::{
    DescribeConfigsResourceResult, DescribeConfigsResult, DescribeConfigsSynonym,
};
use kafka_protocol::messages::incremental_alter_configs_request::AlterConfigsResource;
use kafka_protocol::messages::incremental_alter_configs_response;
use kafka_protocol::messages::{
    AlterConfigsRequest, AlterConfigsResponse, DescribeConfigsRequest, DescribeConfigsResponse, IncrementalAlterConfigsRequest,
    IncrementalAlterConfigsResponse,
};

use super::{Call, text};
use crate::config::{BROKER, Setting, TOPIC, Values, find};
use crate::state::{Refused, State};

/// Kinds of resources.
const OF_TOPIC: i8 = 2;
const OF_BROKER: i8 = 4;

/// Where a value comes from.
const SET_FOR_TOPIC: i8 = 1;
const SET_FOR_BROKER: i8 = 4;
const DEFAULT: i8 = 5;

pub(super) fn describe(call: &Call<'_>, request: DescribeConfigsRequest) -> DescribeConfigsResponse {
    let state = call.state();
    let results = request.resources.iter().map(|asked| {
        let answer = DescribeConfigsResult::default()
            .with_resource_type(asked.resource_type)
            .with_resource_name(asked.resource_name.clone());
        match described(&state, asked, request.include_synonyms, call.version) {
            Ok(configs) => answer.with_configs(configs).with_error_message(None),
            Err(refused) => answer.with_error_code(refused.code).with_error_message(Some(text(&refused.why))),
        }
    });
    DescribeConfigsResponse::default().with_results(results.collect())
}

fn described(
    state: &State,
    asked: &DescribeConfigsResource,
    synonyms: bool,
    version: i16,
) -> Result<Vec<DescribeConfigsResourceResult>, Refused> {
    let topic = match asked.resource_type {
        OF_TOPIC => Some(state.topics.get(asked.resource_name.as_str()).ok_or(ResponseError::UnknownTopicOrPartition)?),
        OF_BROKER if matches!(asked.resource_name.as_str(), "" | "1") => None,
        OF_BROKER => {
            let why = format!("Unexpected broker id, expected 1, but received {}", asked.resource_name);
            return Err(Refused::new(ResponseError::InvalidRequest, why));
        }
        other => {
            let why = format!("settings of resources of type {other} are not kept by the broker for development");
            return Err(Refused::new(ResponseError::InvalidRequest, why));
        }
    };
    let settings: Box<dyn Iterator<Item = &Setting>> =
        if topic.is_some() { Box::new(TOPIC.iter()) } else { Box::new(BROKER.iter().chain(TOPIC)) };
    let name = |setting: &Setting| if topic.is_some() { setting.name } else { setting.broker.unwrap_or(setting.name) };
    let wanted = |setting: &&Setting| {
        asked.configuration_keys.as_ref().is_none_or(|keys| keys.iter().any(|key| key.as_str() == name(setting)))
    };
    let none = Values::new();
    let own = topic.map_or(&none, |topic| &topic.config);
    let result = |setting: &Setting| {
        let all = sources(state, setting, own);
        let (source, value) = effective(state, setting, own);
        let mut result = DescribeConfigsResourceResult::default()
            .with_name(text(name(setting)))
            .with_value(Some(text(value)))
            .with_read_only(topic.is_none())
            .with_config_source(source);
        if synonyms {
            let synonym = |(source, name, value): &(i8, &str, &str)| {
                DescribeConfigsSynonym::default().with_name(text(name)).with_value(Some(text(value))).with_source(*source)
            };
            result.synonyms = all.iter().map(synonym).collect();
        }
        if version >= 3 {
            result.config_type = setting.kind as i8;
        }
        result
    };
    Ok(settings.filter(wanted).map(result).collect())
}

/// Where the value comes from that a setting has, and the value.
pub(super) fn effective<'a>(state: &'a State, setting: &'a Setting, own: &'a Values) -> (i8, &'a str) {
    sources(state, setting, own).first().map_or((DEFAULT, setting.default), |(source, _, value)| (*source, value))
}

/// The values a setting has, the one that counts first.
fn sources<'a>(state: &'a State, setting: &'a Setting, own: &'a Values) -> Vec<(i8, &'a str, &'a str)> {
    let broker = setting.broker.unwrap_or(setting.name);
    let of_topic = own.get(setting.name).map(|value| (SET_FOR_TOPIC, setting.name, value.as_str()));
    let of_broker = state.settings.set.get(broker).map(|value| (SET_FOR_BROKER, broker, value.as_str()));
    of_topic.into_iter().chain(of_broker).chain([(DEFAULT, broker, setting.default)]).collect()
}

/// Replaces all settings of a topic.
pub(super) fn alter(call: &Call<'_>, request: AlterConfigsRequest) -> AlterConfigsResponse {
    let mut state = call.state();
    let responses = request.resources.iter().map(|asked| {
        let set = asked.configs.iter().filter_map(|config| Some((config.name.to_string(), config.value.as_ref()?.to_string())));
        let altered = topic_only(asked.resource_type)
            .and_then(|()| state.configure_topic(&asked.resource_name, set.collect(), request.validate_only));
        let answer = AlterConfigsResourceResponse::default()
            .with_resource_type(asked.resource_type)
            .with_resource_name(asked.resource_name.clone());
        match altered {
            Ok(()) => answer.with_error_message(None),
            Err(refused) => answer.with_error_code(refused.code).with_error_message(Some(text(&refused.why))),
        }
    });
    AlterConfigsResponse::default().with_responses(responses.collect())
}

/// Changes some settings of a topic.
pub(super) fn alter_some(call: &Call<'_>, request: IncrementalAlterConfigsRequest) -> IncrementalAlterConfigsResponse {
    let mut state = call.state();
    let responses = request.resources.iter().map(|asked| {
        let altered = topic_only(asked.resource_type).and_then(|()| {
            let config = changed(&state, asked)?;
            state.configure_topic(&asked.resource_name, config, request.validate_only)
        });
        let answer = incremental_alter_configs_response::AlterConfigsResourceResponse::default()
            .with_resource_type(asked.resource_type)
            .with_resource_name(asked.resource_name.clone());
        match altered {
            Ok(()) => answer.with_error_message(None),
            Err(refused) => answer.with_error_code(refused.code).with_error_message(Some(text(&refused.why))),
        }
    });
    IncrementalAlterConfigsResponse::default().with_responses(responses.collect())
}

fn changed(state: &State, asked: &AlterConfigsResource) -> Result<Values, Refused> {
    let topic = state.topics.get(asked.resource_name.as_str()).ok_or(ResponseError::UnknownTopicOrPartition)?;
    let mut config = topic.config.clone();
    for (index, change) in asked.configs.iter().enumerate() {
        let name = change.name.to_string();
        if asked.configs[..index].iter().any(|earlier| earlier.name == change.name) {
            return Err(Refused::new(ResponseError::InvalidRequest, format!("{name} is to be changed twice in one request")));
        }
        let setting = find(TOPIC, &name)?;
        let value = change.value.as_ref().map(ToString::to_string).unwrap_or_default();
        let now = config.get(&name).cloned().unwrap_or_else(|| state.settings.get(setting).to_owned());
        let words = now.split(',').filter(|word| !word.is_empty() && *word != value);
        let value = match change.config_operation {
            0 => value,
            1 => {
                config.remove(&name);
                continue;
            }
            2 => words.chain([value.as_str()]).collect::<Vec<_>>().join(","),
            3 => words.collect::<Vec<_>>().join(","),
            other => return Err(Refused::new(ResponseError::InvalidRequest, format!("operation {other} is unknown"))),
        };
        config.insert(name, value);
    }
    Ok(config)
}

fn topic_only(kind: i8) -> Result<(), Refused> {
    if kind == OF_TOPIC {
        return Ok(());
    }
    let why = "the broker for development changes settings of topics alone; its own are set when it starts, with --set";
    Err(Refused::new(ResponseError::InvalidRequest, why))
}
