//! The models and how far they are.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::json;

use super::View;
use crate::registry::{ModelStatus, Version};
use crate::types::nearest;

/// A model on a stream.
#[derive(Debug, Serialize)]
struct Model {
    stream: String,
    data_type: String,
    name: String,
    version: String,
    description: String,
    model_type: String,
    digest: Option<String>,
    /// Offset of its announcement in the control log.
    revision: u64,
    state: String,
    stage: Option<String>,
    reason: Option<String>,
    /// Milliseconds since the epoch.
    since_ms: u64,
    usage: Option<Total>,
    /// What runs it and what it costs, where that is a native graph.
    cost: Option<Cost>,
}

/// What a native graph costs, measured when it was loaded.
#[derive(Debug, Serialize)]
struct Cost {
    engine: String,
    /// Whether the rows of a call go through it together.
    batched: bool,
    /// Weights: tract holds them once for all lanes, ONNX Runtime once for each.
    weights_bytes: u64,
    /// Nanoseconds a row, by rows of a call.
    ns_per_row: BTreeMap<u32, u64>,
}

impl Cost {
    fn of(version: &Version) -> Option<Self> {
        let cost = version.model.cost()?;
        let per_row = |(rows, took): &(u32, Duration)| {
            let nanos = took.as_nanos() / u128::from((*rows).max(1));
            (*rows, u64::try_from(nanos).unwrap_or(u64::MAX))
        };
        Some(Self {
            engine: cost.engine.to_string(),
            batched: cost.batched,
            weights_bytes: cost.weights_bytes,
            ns_per_row: cost.calls.iter().map(per_row).collect(),
        })
    }
}

/// What a version did on all lanes of this host; durations in seconds, of calls.
#[derive(Debug, Default, Clone, Copy, Serialize)]
pub(super) struct Total {
    pub(super) rows: u64,
    pub(super) calls: u64,
    pub(super) faults: u64,
    pub(super) seconds: f64,
    pub(super) seconds_min: f64,
    pub(super) seconds_max: f64,
}

const NANOS: f64 = 1e-9;

impl Total {
    pub(super) fn of(version: &Version) -> Self {
        let mut total = Self { seconds_min: f64::INFINITY, ..Self::default() };
        for lane in &version.usage {
            let calls = lane.calls.load(Ordering::Relaxed);
            if calls == 0 {
                continue;
            }
            total.rows += lane.rows.load(Ordering::Relaxed);
            total.calls += calls;
            total.faults += lane.faults.load(Ordering::Relaxed);
            total.seconds += lane.nanos.load(Ordering::Relaxed) as f64 * NANOS;
            total.seconds_min = total.seconds_min.min(lane.nanos_min.load(Ordering::Relaxed) as f64 * NANOS);
            total.seconds_max = total.seconds_max.max(lane.nanos_max.load(Ordering::Relaxed) as f64 * NANOS);
        }
        if total.calls == 0 {
            total.seconds_min = 0.0;
        }
        total
    }
}

impl Model {
    fn of(stream: &str, status: &ModelStatus) -> Self {
        Self {
            stream: stream.to_owned(),
            data_type: status.id.data_type.clone(),
            name: status.id.name.clone(),
            version: status.id.version.clone(),
            description: status.description.clone(),
            model_type: status.model_type.clone(),
            digest: status.digest.map(|digest| digest.to_string()),
            revision: status.revision,
            state: status.state.to_string(),
            stage: status.stage.clone(),
            reason: status.reason.clone(),
            since_ms: status.since_ms,
            usage: status.version.as_deref().map(Total::of),
            cost: status.version.as_deref().and_then(Cost::of),
        }
    }
}

fn select(view: &View, wanted: impl Fn(&ModelStatus) -> bool) -> Vec<Model> {
    let of_stream = |stream: &super::StreamView| {
        let models = stream.registry.models();
        models.iter().filter(|status| wanted(status)).map(|status| Model::of(&stream.name, status)).collect::<Vec<_>>()
    };
    view.streams.iter().flat_map(of_stream).collect()
}

fn listed(models: &[Model]) -> Response {
    Json(json!({ "models": models })).into_response()
}

/// All models of all streams.
pub(super) async fn all(State(view): State<Arc<View>>) -> Response {
    listed(&select(&view, |_| true))
}

/// Those of a data type.
pub(super) async fn of_type(State(view): State<Arc<View>>, Path(data_type): Path<String>) -> Response {
    match unknown_type(&view, &data_type) {
        Some(error) => error,
        None => listed(&select(&view, |status| status.id.data_type == data_type)),
    }
}

/// One, on every stream that has it.
pub(super) async fn one(
    State(view): State<Arc<View>>,
    Path((data_type, name, version)): Path<(String, String, String)>,
) -> Response {
    let wanted =
        |status: &ModelStatus| status.id.data_type == data_type && status.id.name == name && status.id.version == version;
    let models = select(&view, wanted);
    if models.is_empty() {
        let message =
            format!("no model `{data_type}/{name}@{version}` has been announced; GET /models/{data_type} lists those that have");
        return super::error(StatusCode::NOT_FOUND, &message);
    }
    listed(&models)
}

/// The error for a data type that no stream declares.
pub(super) fn unknown_type(view: &View, data_type: &str) -> Option<Response> {
    let types = || view.streams.iter().flat_map(|stream| stream.types.iter().map(String::as_str));
    if types().any(|declared| declared == data_type) {
        return None;
    }
    let nearest = nearest(data_type, types()).unwrap_or("none");
    let message = format!("no stream declares the data type `{data_type}`; the nearest that is declared is `{nearest}`");
    Some(super::error(StatusCode::NOT_FOUND, &message))
}
