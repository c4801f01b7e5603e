//! What the status topic is told. Keys and values are those of CONTRACTS.

use serde_json::{Value, json};

use super::catalog::Deployment;
use super::watch::{Refused, Strategy};
use crate::registry::{ModelStatus, Version};
use crate::stream::Notices;
use crate::types::control::escape;

/// What a lane did with a version since `start`.
pub(super) struct LaneTotals<'a> {
    pub(super) start: &'a str,
    pub(super) rows: u64,
    pub(super) calls: u64,
    /// Spent in calls.
    pub(super) seconds: f64,
    pub(super) faults: u64,
}

/// Writes notices under `<instance>/<stream>/`.
pub(super) struct Status {
    instance: String,
    notices: Box<dyn Notices>,
}

impl Status {
    pub(super) fn new(instance: &str, notices: Box<dyn Notices>) -> Self {
        Self { instance: escape(instance), notices }
    }

    /// A model's state changed.
    pub(super) fn model(&mut self, stream: &str, model: &ModelStatus, now_ms: u64) {
        let value = json!({
            "state": model.state.to_string(),
            "stage": model.stage,
            "reason": model.reason,
            "revision": model.revision,
            "digest": model.digest.map(|digest| digest.to_string()),
            "since": model.since_ms,
            "time": now_ms,
        });
        self.put(stream, &model.id.data_type, &model.id.name, &model.id.version, &value);
    }

    /// What a lane did with a version.
    pub(super) fn totals(&mut self, stream: &str, lane: usize, version: &Version, totals: &LaneTotals<'_>, now_ms: u64) {
        let value = json!({
            "start": totals.start,
            "revision": version.revision,
            "rows": totals.rows,
            "calls": totals.calls,
            "seconds": totals.seconds,
            "faults": totals.faults,
            "time": now_ms,
        });
        let stream = format!("{}/{lane}", escape(stream));
        self.put_at(&stream, &version.id.data_type, &version.id.name, &version.id.version, &value);
    }

    /// A record of the control log changed nothing. It has a key of its own, as the model of that name may be in service.
    pub(super) fn refused(&mut self, stream: &str, data_type: &str, refused: &Refused, now_ms: u64) {
        let value = json!({
            "state": "Rejected",
            "stage": "verify",
            "reason": refused.reason,
            "model": refused.id.as_ref().map(ToString::to_string),
            "revision": refused.revision,
            "since": now_ms,
            "time": now_ms,
        });
        self.put(stream, data_type, "$refused", &refused.revision.to_string(), &value);
    }

    /// The deployment of a data type changed, or what is in force of it.
    pub(super) fn deployment(
        &mut self,
        stream: &str,
        data_type: &str,
        in_force: &Deployment,
        pending: Option<&Deployment>,
        now_ms: u64,
    ) {
        let asked = pending.unwrap_or(in_force);
        let reason = pending.map(|pending| format!("{} is not announced; {} stays", shown(pending), shown(in_force)));
        let value = json!({
            "state": if pending.is_some() { "Pending" } else { "InForce" },
            "stage": null,
            "reason": reason,
            "strategy": shown(asked),
            "revision": asked.revision,
            "since": now_ms,
            "time": now_ms,
        });
        let revision = asked.revision.map(|revision| revision.to_string()).unwrap_or_default();
        self.put(stream, data_type, "$deployment", &revision, &value);
    }

    fn put(&mut self, stream: &str, data_type: &str, name: &str, version: &str, value: &Value) {
        self.put_at(&escape(stream), data_type, name, version, value);
    }

    /// `place` is the stream, and the lane where it is one's.
    fn put_at(&mut self, place: &str, data_type: &str, name: &str, version: &str, value: &Value) {
        let (data_type, name, version) = (escape(data_type), escape(name), escape(version));
        let key = format!("{}/{place}/{data_type}/{name}@{version}", self.instance);
        self.notices.put(&key, value.to_string().as_bytes());
    }
}

fn shown(deployment: &Deployment) -> String {
    match &deployment.strategy {
        Strategy::Latest => "latest".to_owned(),
        Strategy::Pinned { name, version } => format!("the pin to `{name}@{version}`"),
    }
}
