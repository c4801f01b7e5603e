//! Is it alive, is it ready, and if not, why.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::{StreamView, View};
use crate::telemetry::{LaneState, LaneStats};

/// A lane steps many times a second; one that has not for so long is stuck.
const STUCK: Duration = Duration::from_secs(30);

pub(super) async fn livez() -> Response {
    Json(json!({ "status": "alive" })).into_response()
}

pub(super) async fn readyz(State(view): State<Arc<View>>) -> Response {
    let reasons: Vec<String> = view.streams.iter().flat_map(reasons).collect();
    if reasons.is_empty() {
        return Json(json!({ "status": "ready" })).into_response();
    }
    (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "status": "not ready", "reasons": reasons }))).into_response()
}

/// Why a stream is not ready; empty when it is.
fn reasons(stream: &StreamView) -> Vec<String> {
    let mut reasons = Vec::new();
    let name = &stream.name;
    if !stream.registry.caught_up() {
        reasons.push(format!("stream `{name}`: the control log has not been read to its end yet"));
    }
    for data_type in stream.without_model() {
        reasons.push(format!(
            "stream `{name}`: data type `{data_type}` has no live model; publish one, or see GET /models/{data_type}"
        ));
    }
    let lanes = stream.lanes.iter().enumerate();
    reasons.extend(lanes.filter_map(|(at, lane)| lane_reason(lane).map(|why| format!("stream `{name}`: lane {at} {why}"))));
    reasons
}

fn lane_reason(lane: &LaneStats) -> Option<String> {
    match lane.state() {
        LaneState::Starting => Some("has not joined its group yet".to_owned()),
        LaneState::Stopped(reason) => Some(format!("has stopped: {reason}")),
        LaneState::Drained => Some("has left its group".to_owned()),
        LaneState::Holding(reason) => Some(format!("holds records: {reason}")),
        LaneState::Running => {
            let idle = lane.last_step()?.elapsed();
            (idle > STUCK).then(|| format!("has made no step for {} s", idle.as_secs()))
        }
    }
}
