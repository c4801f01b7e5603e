//! The checker: what a `read_committed` reader sees, record by record, never as a set.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use sandstream::pipeline::{Activation, headers};
use sandstream::stream::Delivery;
use sandstream::stream::memory::{Isolation, Message, Outcome, View};

use super::plan::{LATE, REFUSE, REJECT, SHAPE, TRAP, TYPES};
use super::world::{ACTIVATIONS, STREAM, World, dead_letters, input, output};

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Violation(pub(crate) String);

/// What became of a record: a result, or a dead letter with its stage and class.
#[derive(Debug, Clone, PartialEq)]
enum End {
    Result,
    Dead(&'static str, &'static str),
}

/// A result or dead letter, as read.
struct Seen {
    offset: i64,
    end: String,
    /// Revision of the model that answered.
    revision: Option<u64>,
    score: Option<f64>,
}

/// Compares everything that is there with everything that should be. Also tells how many aborted records there are.
pub(crate) fn check(world: &World) -> Result<(Vec<Violation>, u64)> {
    let mut violations = Vec::new();
    let mut aborted = 0;
    for (topic, partitions) in world.plan.inputs.iter().enumerate() {
        for partition in 0..*partitions {
            aborted += uncommitted(world, &output(topic), partition) + uncommitted(world, &dead_letters(topic), partition);
            let mut found = Vec::new();
            OfPartition { world, topic, partition }.check(&mut found)?;
            violations.extend(found.into_iter().map(|text| Violation(format!("{}/{partition}: {text}", input(topic)))));
        }
    }
    Ok((violations, aborted))
}

fn uncommitted(world: &World, topic: &str, partition: i32) -> u64 {
    let views = world.broker.read(topic, partition, 0, Isolation::Uncommitted);
    views.iter().filter(|view| view.outcome == Outcome::Aborted).count() as u64
}

struct OfPartition<'a> {
    world: &'a World,
    topic: usize,
    partition: i32,
}

impl OfPartition<'_> {
    fn check(&self, violations: &mut Vec<String>) -> Result<()> {
        let exactly_once = self.world.plan.delivery == Delivery::ExactlyOnce;
        let records = self.read(&input(self.topic));
        let results = self.read(&output(self.topic)).iter().map(result).collect::<Result<Vec<_>>>()?;
        let letters = self.read(&dead_letters(self.topic)).iter().map(|view| self.letter(view)).collect::<Result<Vec<_>>>()?;
        if exactly_once {
            in_order("results", &results, violations);
            in_order("dead letters", &letters, violations);
        }
        let mut ends: BTreeMap<i64, Vec<&Seen>> = BTreeMap::new();
        for seen in results.iter().chain(&letters) {
            ends.entry(seen.offset).or_default().push(seen);
        }
        for record in &records {
            let seen = ends.remove(&record.offset).unwrap_or_default();
            self.check_record(record, &seen, exactly_once, violations)?;
        }
        violations.extend(ends.keys().map(|offset| format!("offset {offset} was never sent and has an end")));
        Ok(())
    }

    fn read(&self, topic: &str) -> Vec<View> {
        self.world.broker.read(topic, self.partition, 0, Isolation::Committed)
    }

    fn check_record(&self, record: &View, seen: &[&Seen], exactly_once: bool, violations: &mut Vec<String>) -> Result<()> {
        let offset = record.offset;
        let expected = self.expected(&record.message);
        let wanted = format!("{expected:?}");
        if seen.is_empty() {
            violations.push(format!("offset {offset} is missing: expected {wanted}"));
        }
        if exactly_once && seen.len() > 1 {
            violations.push(format!("offset {offset} is duplicated: {} times", seen.len()));
        }
        for end in seen {
            if end.end != wanted {
                violations.push(format!("offset {offset}: expected {wanted}, got {}", end.end));
            }
            let (Some(revision), true) = (end.revision, exactly_once) else { continue };
            let active = self.active(&record.message, offset)?;
            if active != Some(revision) {
                violations.push(format!("offset {offset}: answered by revision {revision}, but {active:?} was active"));
            }
            let value: f64 = text(&record.message).parse().unwrap_or(f64::NAN);
            if end.score.is_some_and(|score| score != revision as f64 + value) {
                violations.push(format!("offset {offset}: revision {revision} gave {:?} for {value}", end.score));
            }
        }
        Ok(())
    }

    fn data_type<'a>(&self, message: &'a Message) -> &'a str {
        if self.world.plan.types == 1 { TYPES[0] } else { message.header("type").unwrap_or_default() }
    }

    fn expected(&self, message: &Message) -> End {
        if !TYPES[..self.world.plan.types].contains(&self.data_type(message)) {
            return End::Dead("route", "sandstream.UndeclaredDataType");
        }
        match text(message).parse::<u32>() {
            Err(_) => End::Dead("decode", "sandstream.Undecodable"),
            Ok(TRAP) => End::Dead("score", "sandstream.Trap"),
            Ok(LATE) => End::Dead("score", "sandstream.Late"),
            Ok(REJECT) => End::Dead("score", "sandstream.Rejected"),
            Ok(REFUSE) => End::Dead("score", "sandstream.Refused"),
            Ok(SHAPE) => End::Dead("score", "sandstream.Shape"),
            Ok(_) => End::Result,
        }
    }

    /// Revision of the last activation whose first offset is not above `offset`.
    fn active(&self, message: &Message, offset: i64) -> Result<Option<u64>> {
        let key = Activation::key(STREAM, &input(self.topic), self.partition, self.data_type(message));
        let mut active = None;
        for view in self.world.broker.read(ACTIVATIONS, 0, 0, Isolation::Committed) {
            if view.message.key.as_deref() != Some(key.as_bytes()) {
                continue;
            }
            let activation: Activation = serde_json::from_slice(view.message.value.as_deref().unwrap_or_default())?;
            if activation.first_offset <= offset {
                active = Some(activation.revision);
            }
        }
        Ok(active)
    }

    fn letter(&self, view: &View) -> Result<Seen> {
        let message = &view.message;
        let header = |name| message.header(name).with_context(|| format!("a dead letter has no header {name}"));
        let (topic, partition) = (header(headers::TOPIC)?, header(headers::PARTITION)?);
        anyhow::ensure!(
            topic == input(self.topic) && partition == self.partition.to_string(),
            "a dead letter of {topic}/{partition}"
        );
        let end = format!("Dead({:?}, {:?})", header(headers::STAGE)?, header(headers::CLASS)?);
        let revision = message.header(headers::MODEL).and_then(|model| model.rsplit_once('@')?.1.parse().ok());
        Ok(Seen { offset: header(headers::OFFSET)?.parse()?, end, revision, score: None })
    }
}

fn text(message: &Message) -> &str {
    message.value.as_deref().and_then(|value| std::str::from_utf8(value).ok()).unwrap_or_default()
}

/// `<name>@<version> <revision> <partition>/<offset> <y>`
fn result(view: &View) -> Result<Seen> {
    let text = text(&view.message);
    let parts: Vec<&str> = text.split(' ').collect();
    let [_, revision, place, score] = parts[..] else { anyhow::bail!("a result is not one: `{text}`") };
    let (_, offset) = place.split_once('/').context("a result without a place")?;
    Ok(Seen {
        offset: offset.parse()?,
        end: format!("{:?}", End::Result),
        revision: Some(revision.parse()?),
        score: Some(score.parse()?),
    })
}

fn in_order(what: &str, seen: &[Seen], violations: &mut Vec<String>) {
    for pair in seen.windows(2) {
        if pair[1].offset < pair[0].offset {
            violations.push(format!("{what} are reordered: {} after {}", pair[1].offset, pair[0].offset));
        }
    }
}
