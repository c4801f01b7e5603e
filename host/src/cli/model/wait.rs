//! Waiting for the hosts to say what came of a record.

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};

use super::log::Log;
use super::status::{Notice, States};
use crate::cli::SOME_REFUSED;

/// How long others may take to speak when all that have spoken are done: a host says within milliseconds that it has seen a
/// record, and one that is down never does.
const SETTLE: Duration = Duration::from_secs(1);

/// What a notice means for what is waited for.
pub(super) enum Judged {
    /// It is about something else.
    Nothing,
    /// The place is at work on it.
    Pending(Answer),
    /// The place is done with it.
    Final(Answer),
}

/// What came of a record at one place.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) outcome: Outcome,
    pub(super) state: String,
    pub(super) stage: Option<String>,
    pub(super) reason: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// As it was asked for.
    Done,
    /// In order, but something else stands before it: a pin, or a newer version.
    Held,
    /// Not done.
    Failed,
}

impl Answer {
    pub(super) fn of(outcome: Outcome, notice: &Notice) -> Self {
        let said = notice.said.clone();
        Self { outcome, state: said.state, stage: said.stage, reason: said.reason }
    }

    fn shown(&self, place: &str) -> String {
        let stage = self.stage.as_deref().map(|stage| format!(" at {stage}")).unwrap_or_default();
        let reason = self.reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
        format!("{} on {place}{stage}{reason}", self.state)
    }
}

/// Answers by place.
pub(super) type Answers = BTreeMap<String, Answer>;

/// Follows the status topic until every place that has spoken is done, or until `patience` has run out; then those that are not
/// are part of the answer as they are. `answers` are those that are known already.
pub(super) fn answers(
    log: &mut Log,
    data_type: &str,
    patience: Duration,
    mut answers: Answers,
    mut judge: impl FnMut(&States, &Notice) -> Judged,
) -> Result<Answers> {
    let until = Instant::now() + patience;
    let expected = log.states.places(data_type);
    let mut pending: Answers = BTreeMap::new();
    let mut settled = Instant::now() + SETTLE;
    loop {
        let all_spoke = !expected.is_empty() && expected.iter().all(|place| answers.contains_key(place));
        let now = Instant::now();
        let enough = pending.is_empty() && !answers.is_empty() && (all_spoke || now >= settled);
        if enough || now >= until {
            break;
        }
        let Some(notice) = log.next_notice(until.min(now + Duration::from_millis(100)))? else { continue };
        if notice.data_type != data_type {
            continue;
        }
        let place = notice.place.clone();
        match judge(&log.states, &notice) {
            Judged::Nothing => continue,
            Judged::Pending(answer) => {
                answers.remove(&place);
                pending.insert(place, answer);
            }
            Judged::Final(answer) => {
                pending.remove(&place);
                answers.insert(place, answer);
            }
        }
        settled = Instant::now() + SETTLE;
    }
    let late = |answer: Answer| Answer {
        outcome: Outcome::Failed,
        reason: Some(answer.reason.unwrap_or_else(|| format!("not done within {patience:?}"))),
        ..answer
    };
    answers.extend(pending.into_iter().map(|(place, answer)| (place, late(answer))));
    Ok(answers)
}

/// What a command says at its end.
pub(super) struct Report {
    /// What it is about, in words.
    pub(super) subject: String,
    /// Members of the JSON.
    pub(super) members: Map<String, Value>,
    pub(super) json: bool,
}

impl Report {
    pub(super) fn new(subject: String, json: bool) -> Self {
        Self { subject, members: Map::new(), json }
    }

    pub(super) fn with(mut self, name: &str, value: Value) -> Self {
        self.members.insert(name.to_owned(), value);
        self
    }

    /// Prints the answers; the exit code is 0 where all places did what was asked for, or have it ready.
    pub(super) fn answered(self, answers: &Answers, patience: Duration, advice: Option<&str>) -> Result<ExitCode> {
        let list = |(place, answer): (&String, &Answer)| {
            let Answer { state, stage, reason, .. } = answer;
            json!({ "host": place, "state": state, "stage": stage, "reason": reason })
        };
        let hosts = answers.iter().map(list).collect();
        let state = answers.values().max_by_key(|answer| answer.outcome as u8).map(|answer| answer.state.clone());
        let subject = self.subject.clone();
        let lines: Vec<_> = answers.iter().map(|(place, answer)| format!("{subject}: {}", answer.shown(place))).collect();
        let lines = if lines.is_empty() { vec![format!("{subject}: no host has answered")] } else { lines };
        self.with("state", json!(state)).with("hosts", Value::Array(hosts)).print(&lines)?;
        if answers.is_empty() {
            eprintln!(
                "sandstream: no host has answered within {patience:?}. The record is in the control log: a host that starts, \
                 and has this data type, takes it. `sandstream model list` shows what hosts say"
            );
        }
        if let Some(advice) = advice {
            eprintln!("sandstream: {advice}");
        }
        let good = !answers.is_empty() && answers.values().all(|answer| answer.outcome != Outcome::Failed);
        Ok(if good { ExitCode::SUCCESS } else { ExitCode::from(SOME_REFUSED) })
    }

    /// Prints that every host refuses the record.
    pub(super) fn refused(self, reason: &str) -> Result<ExitCode> {
        let line = format!("{}: refused: {reason}", self.subject);
        self.with("state", json!("Refused")).with("reason", json!(reason)).print(&[line])?;
        Ok(ExitCode::from(SOME_REFUSED))
    }

    /// Prints that nobody was waited for, or that there was nothing to wait for.
    pub(super) fn done(self, state: &str, words: &str) -> Result<ExitCode> {
        let line = format!("{}: {words}", self.subject);
        self.with("state", json!(state)).print(&[line])?;
        Ok(ExitCode::SUCCESS)
    }

    fn print(self, lines: &[String]) -> Result<()> {
        let text = if self.json { serde_json::to_string_pretty(&Value::Object(self.members))? } else { lines.join("\n") };
        writeln!(io::stdout().lock(), "{text}").context("stdout")
    }
}
