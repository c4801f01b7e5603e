//! `[streams.<name>]`: where records come from, what they are, where results go, and what is promised about them.

use std::collections::HashMap;
use std::time::Duration;

use super::reader::Section;
use crate::codec::{Format, ResultFormat, Spec};
use crate::pipeline::OnNoModel;
use crate::stream::Delivery;
use crate::stream::kafka::Profile;
use crate::types::nearest;

/// A stream.
#[derive(Debug, Clone, PartialEq)]
pub struct Stream {
    /// Its name.
    pub name: String,
    /// Input topics.
    pub inputs: Vec<String>,
    /// Output topic of each input.
    pub outputs: Vec<String>,
    /// Dead-letter topic of each input.
    pub dead_letters: Vec<String>,
    /// Names of its data types.
    pub types: Vec<String>,
    /// How a record's data type is found.
    pub type_by: TypeBy,
    /// Consumer group.
    pub group: String,
    /// Name of this host in the group.
    pub instance: String,
    /// Lanes in this host.
    pub lanes: usize,
    /// Guarantee.
    pub delivery: Delivery,
    /// Fields of the record that results repeat.
    pub include: Vec<String>,
    /// Format of results.
    pub output_format: ResultFormat,
    /// What becomes of records whose data type has no live model.
    pub on_no_model: OnNoModel,
    /// Set of client properties.
    pub profile: Profile,
    /// A transaction is committed when it is so old ..
    pub commit_interval: Duration,
    /// .. or has so many records.
    pub commit_records: usize,
    /// What all of the stream's buffers may take in this host, bytes.
    pub memory_max: usize,
    /// How long a step's calls may take.
    pub step_max: Duration,
    /// Where more than this share of the records are dead letters, the stream waits.
    pub dead_letter_share_max: Option<f64>,
}

/// How the data type of a record is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TypeBy {
    /// All records are of one.
    Constant(String),
    /// The value of a header.
    Header(String),
    /// The value of a field.
    Field(String),
}

pub(super) fn read(root: &Section<'_>, types: &[Spec]) -> Vec<Stream> {
    let mut groups: HashMap<String, String> = HashMap::new();
    let mut streams = Vec::new();
    for (name, section) in root.named("streams") {
        let stream = one(&name, &section, types);
        // Lanes of two streams under one transactional.id would end each other's transactions for ever.
        if let Some(other) = groups.insert(stream.group.clone(), name.clone()) {
            section.wrong("group", format!("stream `{other}` has the group \"{}\" too; each stream needs its own", stream.group));
        }
        streams.push(stream);
    }
    streams
}

fn one(name: &str, section: &Section<'_>, types: &[Spec]) -> Stream {
    let inputs = section.texts("inputs").unwrap_or_default();
    if inputs.is_empty() && !section.has("inputs") {
        section.wrong("inputs", "is missing; expected a list of topics");
    } else if inputs.iter().any(|topic| topic.trim().is_empty()) || (inputs.is_empty() && section.has("inputs")) {
        section.wrong("inputs", "expected names of topics, at least one");
    }
    let (type_by, own_types) = data_types(section, types);
    let profile = section.choice("profile", &[("throughput", Profile::Throughput), ("latency", Profile::Latency)]);
    let profile = profile.unwrap_or_default();
    let (commit_interval, commit_records) = commit(section, profile);
    let stream = Stream {
        outputs: sinks(section, "output", &inputs, ".scores"),
        dead_letters: sinks(section, "dead_letters", &inputs, ".dlq"),
        inputs,
        types: own_types,
        type_by,
        group: section.text("group").unwrap_or_else(|| format!("sandstream-{name}")),
        instance: section.text("instance").unwrap_or_else(hostname),
        lanes: section.integer("lanes", 1..=1024).unwrap_or(1) as usize,
        delivery: delivery(section),
        include: section.texts("include").unwrap_or_default(),
        output_format: output_format(section),
        on_no_model: on_no_model(section),
        profile,
        commit_interval,
        commit_records,
        memory_max: memory_max(section),
        step_max: step_max(section),
        dead_letter_share_max: section.share("dead_letter_share_max"),
        name: name.to_owned(),
    };
    section.finish();
    for (key, topics) in [("output", &stream.outputs), ("dead_letters", &stream.dead_letters)] {
        if let Some(topic) = topics.iter().find(|topic| stream.inputs.contains(topic)) {
            section.wrong(key, format!("topic \"{topic}\" is an input of the stream too: it would read what it writes"));
        }
    }
    stream
}

fn delivery(section: &Section<'_>) -> Delivery {
    let choices = [("exactly_once", Delivery::ExactlyOnce), ("at_least_once", Delivery::AtLeastOnce)];
    section.choice("delivery", &choices).unwrap_or_default()
}

fn output_format(section: &Section<'_>) -> ResultFormat {
    let choices = [("json", ResultFormat::Json), ("protobuf", ResultFormat::Protobuf)];
    section.choice("output_format", &choices).unwrap_or(ResultFormat::Json)
}

fn memory_max(section: &Section<'_>) -> usize {
    let bytes = section.size("memory_max").unwrap_or(512 << 20);
    if bytes < 1 << 20 {
        section.wrong("memory_max", "expected at least \"1MiB\"");
    }
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

fn step_max(section: &Section<'_>) -> Duration {
    let step = section.duration("step_max").unwrap_or(Duration::from_secs(1));
    if step < Duration::from_millis(1) || step > Duration::from_secs(60) {
        section.wrong("step_max", format!("expected 1ms to 60s, got {step:?}"));
    }
    step
}

/// The topic of each input: one for all, a list with one for each, or the input's name with an ending.
fn sinks(section: &Section<'_>, key: &'static str, inputs: &[String], ending: &str) -> Vec<String> {
    match section.texts(key) {
        None => inputs.iter().map(|input| format!("{input}{ending}")).collect(),
        Some(topics) if topics.len() == 1 => vec![topics[0].clone(); inputs.len()],
        Some(topics) => {
            if topics.len() != inputs.len() {
                let (got, wanted) = (topics.len(), inputs.len());
                section.wrong(key, format!("expected one topic, or one for each of the {wanted} inputs, got {got}"));
            }
            topics
        }
    }
}

fn commit(section: &Section<'_>, profile: Profile) -> (Duration, usize) {
    let (mut interval, records) = profile.commit();
    let mut records = usize::try_from(records).unwrap_or(usize::MAX);
    if let Some(commit) = section.section("commit") {
        interval = commit.duration("interval").unwrap_or(interval);
        records = commit.integer("records", 1..=10_000_000).map_or(records, |n| n as usize);
        commit.finish();
        if interval < Duration::from_millis(1) || interval > Duration::from_secs(60) {
            commit.wrong("interval", format!("expected 1ms to 60s, got {interval:?}"));
        }
    }
    (interval, records)
}

fn on_no_model(section: &Section<'_>) -> OnNoModel {
    let waits = section.duration("wait_max");
    match section.choice("on_no_model", &[("hold", false), ("dead_letter", true)]) {
        Some(true) => OnNoModel::DeadLetterAfter(waits.unwrap_or_default()),
        _ => {
            if waits.is_some() {
                section.wrong("wait_max", "has a meaning only with on_no_model = \"dead_letter\": records wait so long first");
            }
            OnNoModel::Hold
        }
    }
}

fn data_types(section: &Section<'_>, types: &[Spec]) -> (TypeBy, Vec<String>) {
    let type_by = type_by(section).unwrap_or_else(|| TypeBy::Constant(String::new()));
    let declared = || types.iter().map(|spec| spec.data_type.as_str());
    let check = |key: &str, name: &str| {
        if !name.is_empty() && !declared().any(|known| known == name) {
            let near = nearest(name, declared()).map(|near| format!("; the nearest is `{near}`")).unwrap_or_default();
            section.wrong(key, format!("there is no data type [types.{name}]{near}"));
        }
    };
    if let TypeBy::Constant(name) = &type_by {
        check("type", name);
        if section.has("types") {
            section.wrong("types", "has a meaning only where `type` is a header or a field");
            section.texts("types");
        }
        return (type_by.clone(), vec![name.clone()]);
    }
    let names = section.texts("types").unwrap_or_else(|| declared().map(str::to_owned).collect());
    names.iter().for_each(|name| check("types", name));
    if names.is_empty() {
        section.wrong("types", "the stream has no data type; declare [types.<name>]");
    }
    if let TypeBy::Field(field) = &type_by {
        let raw = types.iter().find(|spec| names.contains(&spec.data_type) && matches!(spec.format, Format::Raw));
        if let Some(raw) = raw {
            section
                .wrong("type", format!("field \"{field}\": records of data type `{}` are raw and have no fields", raw.data_type));
        }
    }
    (type_by, names)
}

const TYPE: &str = "{ constant = \"<data type>\" }, { header = \"<name>\" } or { field = \"<name>\" }";

fn type_by(section: &Section<'_>) -> Option<TypeBy> {
    if !section.has("type") {
        section.wrong("type", format!("is missing; expected {TYPE}"));
        return None;
    }
    let table = section.section("type")?;
    let found = [
        table.text("constant").map(TypeBy::Constant),
        table.text("header").map(TypeBy::Header),
        table.text("field").map(TypeBy::Field),
    ];
    table.finish();
    let mut found = found.into_iter().flatten();
    let first = found.next();
    if first.is_none() || found.next().is_some() {
        section.wrong("type", format!("expected exactly one of {TYPE}"));
    }
    first
}

fn hostname() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}
