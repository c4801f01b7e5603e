//! The part of a check that asks the brokers: topics, their partitions, settings and sizes, and what the user may do.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::findings::Findings;
use super::roles::{self, Partitions, Role};
use crate::cli::table::bytes;
use crate::config::{Config, Stream};
use crate::stream::Delivery;
use crate::stream::kafka::{self, Error, LinkConfig, Probe, Topic};

/// How missing topics are made.
pub(super) struct Create {
    /// Of inputs; `None` is the brokers' default.
    pub(super) partitions: Option<i32>,
}

/// What a record's framing may take of `max.message.bytes`.
const FRAMING: usize = 4096;

/// Asks everything. What cannot be asked is a finding, not an error.
pub(super) fn check(config: &Config, kafka: &kafka::Config, create: Option<&Create>, findings: &mut Findings) {
    let probe = match Probe::connect(kafka) {
        Ok(probe) => probe,
        Err(error) => return findings.wrong("brokers", error.to_string()),
    };
    // Each question waits for its answer, so nobody is asked twice who does not answer.
    if let Err(error @ Error::Unreachable { .. }) = probe.topic(&config.control.topic) {
        return findings.wrong("brokers", error.to_string());
    }
    findings.ok("brokers", format!("{} answer", kafka.brokers()));
    let mut check = Check { probe, create, found: BTreeMap::new(), findings };
    for role in roles::of(config) {
        check.role(&role);
    }
    check.sizes(config);
    if check.found.contains_key(&config.control.chunks) {
        check.publishing(config);
    }
    for stream in &config.streams {
        check.group(stream);
        if stream.delivery == Delivery::ExactlyOnce {
            check.transactional_id(stream);
        }
    }
}

struct Check<'a> {
    probe: Probe,
    create: Option<&'a Create>,
    /// Topics that exist.
    found: BTreeMap<String, Topic>,
    findings: &'a mut Findings,
}

impl Check<'_> {
    fn role(&mut self, role: &Role) {
        let about = format!("topic {}", role.topic);
        let topic = match self.find(role, &about) {
            Ok(Some(topic)) => topic,
            Ok(None) => return self.absent(role, &about),
            Err(error) => return self.findings.wrong(&about, format!("{}: {error}", role.what)),
        };
        let before = self.findings.all.len();
        self.partitions(role, &topic, &about);
        self.settings(role, &topic, &about);
        self.rights(role, &about);
        if self.findings.all.len() == before {
            self.findings.ok(&about, format!("{}: {}", role.what, counted(topic.partitions)));
        }
        self.found.insert(role.topic.clone(), topic);
    }

    fn absent(&mut self, role: &Role, about: &str) {
        match role.only_for {
            Some(only_for) => {
                self.findings.note(about, format!("{}: does not exist, so {only_for}; make it, or say --create", role.what));
            }
            None => self.findings.wrong(about, format!("{}: does not exist; make it, or say --create", role.what)),
        }
    }

    /// The topic, made where it is missing and that was asked for.
    fn find(&mut self, role: &Role, about: &str) -> Result<Option<Topic>, Error> {
        if let Some(topic) = self.probe.topic(&role.topic)? {
            return Ok(Some(topic));
        }
        let Some(create) = self.create else { return Ok(None) };
        let partitions = match &role.partitions {
            Partitions::Any => create.partitions,
            Partitions::One | Partitions::Few => Some(1),
            Partitions::As { inputs, .. } => self.most_partitions(inputs),
        };
        let settings: Vec<_> = role.settings.iter().map(|(key, value, _)| (*key, *value)).collect();
        self.probe.create(&role.topic, partitions, &settings)?;
        self.findings.note(about, format!("{}: made", role.what));
        self.made(&role.topic)
    }

    /// A topic that was made is known to every broker a moment later.
    fn made(&self, topic: &str) -> Result<Option<Topic>, Error> {
        let until = Instant::now() + Duration::from_secs(10);
        loop {
            let found = self.probe.topic(topic)?;
            if found.is_some() || Instant::now() >= until {
                return Ok(found);
            }
            std::thread::park_timeout(Duration::from_millis(50));
        }
    }

    fn most_partitions(&self, inputs: &[String]) -> Option<i32> {
        inputs.iter().filter_map(|input| self.found.get(input)).map(|topic| topic.partitions).max()
    }

    fn partitions(&mut self, role: &Role, topic: &Topic, about: &str) {
        let has = topic.partitions;
        match &role.partitions {
            Partitions::One if has != 1 => self.findings.wrong(
                about,
                format!("{}: expected 1 partition, so that all hosts see one order, got {has}; make another topic", role.what),
            ),
            Partitions::As { inputs, strict } => {
                let Some(wanted) = self.most_partitions(inputs).filter(|wanted| *wanted != has) else { return };
                let inputs = inputs.join("`, `");
                let text = format!("{}: expected {wanted} partitions as `{inputs}` has, got {has}", role.what);
                if *strict {
                    let why = "a result would not be in the partition of its record; add partitions or make the topic again";
                    self.findings.wrong(about, format!("{text}: {why}"));
                } else {
                    self.findings.note(about, format!("{text}: dead letters are spread by their keys"));
                }
            }
            Partitions::Any | Partitions::One | Partitions::Few => {}
        }
    }

    fn settings(&mut self, role: &Role, topic: &Topic, about: &str) {
        if topic.settings.is_empty() && !role.settings.is_empty() {
            let text = format!("{}: its settings may not be read (DescribeConfigs), so they were not checked", role.what);
            return self.findings.note(about, text);
        }
        for (key, wanted, why) in role.settings {
            let has = topic.settings.get(*key).map_or("", String::as_str);
            // `compact,delete` is a compacted topic too.
            let fits = has == *wanted || (*wanted == "compact" && has.split(',').any(|part| part.trim() == "compact"));
            if !fits {
                let change = format!(
                    "kafka-configs --alter --entity-type topics --entity-name {} --add-config {key}={wanted}",
                    role.topic
                );
                self.findings.wrong(about, format!("{}: expected {key}={wanted}, got {has}: {why}; {change}", role.what));
            }
        }
    }

    fn rights(&mut self, role: &Role, about: &str) {
        let rights = match self.probe.topic_rights(&role.topic) {
            Ok(rights) => rights,
            Err(error) => return self.findings.wrong(about, format!("{}: {error}", role.what)),
        };
        let asked =
            [("Read", rights.read, role.read, role.commands_read), ("Write", rights.write, role.write, role.commands_write)];
        for (right, has, host_needs, commands_need) in asked {
            if host_needs && !has {
                let text = format!("{}: the user may not {right} it; grant {right} on topic `{}`", role.what, role.topic);
                self.findings.wrong(about, text);
            } else if commands_need && !has {
                let text = format!("{}: without {right}, `sandstream model` does not work with this configuration", role.what);
                self.findings.note(about, text);
            }
        }
    }

    /// What fits: the smallest topic counts, as a record may go to any of them.
    fn sizes(&mut self, config: &Config) {
        if let Some(log) = self.found.get(&config.control.topic) {
            let fits = log.bytes_max().saturating_sub(FRAMING);
            let text = format!(
                "a model of up to {fits} bytes ({}) fits into a record; a larger one goes in chunks, or is published with \
                 --location",
                bytes(fits)
            );
            self.findings.ok("sizes", text);
        }
        for stream in &config.streams {
            let of = |topics: &[String]| {
                topics.iter().filter_map(|name| self.found.get(name)).map(Topic::bytes_max).collect::<Vec<_>>()
            };
            let sinks = of(&[stream.outputs.as_slice(), stream.dead_letters.as_slice()].concat());
            let (Some(most_in), Some(least_out)) = (of(&stream.inputs).into_iter().max(), sinks.into_iter().min()) else {
                continue;
            };
            let fits = least_out.saturating_sub(FRAMING);
            let text = format!(
                "stream `{}`: results and dead letters of up to {fits} bytes ({}) can be written",
                stream.name,
                bytes(fits)
            );
            if most_in > least_out {
                let text = format!(
                    "{text}, but its inputs take records of {most_in} bytes: a larger dead letter becomes an envelope with the \
                     record's position and digest. Raise max.message.bytes of the outputs and dead letters to keep whole records"
                );
                self.findings.note("sizes", text);
            } else {
                self.findings.ok("sizes", text);
            }
        }
    }

    /// Whether chunks can be sent. Hosts do without, so it is nothing wrong where they cannot.
    fn publishing(&mut self, config: &Config) {
        let prefix = format!("{}-publish-", config.control.topic);
        let about = format!("transactional id {prefix}..");
        match self.probe.may_use_transactional_id(&format!("{prefix}check")) {
            Ok(true) => self.findings.ok(&about, "models in chunks can be published".to_owned()),
            Ok(false) => {
                let text = format!(
                    "models in chunks cannot be published by this user; grant Write and Describe on transactional ids with the \
                     prefix `{prefix}`"
                );
                self.findings.note(&about, text);
            }
            Err(error) => self.findings.note(&about, error.to_string()),
        }
    }

    fn group(&mut self, stream: &Stream) {
        let about = format!("group {}", stream.group);
        match self.probe.group_rights(&stream.group) {
            Ok(rights) if rights.read => self.findings.ok(&about, format!("stream `{}` may use it", stream.name)),
            Ok(_) => {
                let text =
                    format!("stream `{}`: the user may not use the group; grant Read on group `{}`", stream.name, stream.group);
                self.findings.wrong(&about, text);
            }
            Err(error) => self.findings.wrong(&about, error.to_string()),
        }
    }

    /// Tried with the number of a lane that no host has: a transaction under an id that is in use would end that lane's.
    fn transactional_id(&mut self, stream: &Stream) {
        let prefix = format!("{}-{}-", stream.group, stream.instance);
        let about = format!("transactional id {prefix}<lane>");
        match self.probe.may_use_transactional_id(&LinkConfig::transactional_id_of(&stream.group, &stream.instance, u32::MAX)) {
            Ok(true) => self.findings.ok(&about, format!("stream `{}` may use it", stream.name)),
            Ok(false) => {
                let text = format!(
                    "stream `{}`: the user may not use it; grant Write and Describe on transactional ids with the prefix \
                     `{prefix}`",
                    stream.name
                );
                self.findings.wrong(&about, text);
            }
            Err(error) => self.findings.wrong(&about, error.to_string()),
        }
    }
}

fn counted(partitions: i32) -> String {
    if partitions == 1 { "1 partition".to_owned() } else { format!("{partitions} partitions") }
}
