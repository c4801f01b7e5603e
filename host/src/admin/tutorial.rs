//! The query paths of Lightbend's model-serving-tutorial, so that programs written for it find what they look for.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::View;
use super::models::{Total, unknown_type};
use crate::registry::State as ModelState;

/// The data types that are scored.
pub(super) async fn processors(State(view): State<Arc<View>>) -> Response {
    let mut types: Vec<&str> = view.streams.iter().flat_map(|stream| stream.types.iter().map(String::as_str)).collect();
    types.sort_unstable();
    types.dedup();
    Json(types).into_response()
}

/// The model in force for a data type: name, description, modelType, since, usage, duration, min, max. Durations are
/// milliseconds, of calls: `duration` is the mean. A list when several streams score the data type.
pub(super) async fn state(State(view): State<Arc<View>>, Path(data_type): Path<String>) -> Response {
    if let Some(error) = unknown_type(&view, &data_type) {
        return error;
    }
    let mut live: Vec<Value> = Vec::new();
    for stream in &view.streams {
        for status in stream.registry.models().iter() {
            if status.id.data_type != data_type || status.state != ModelState::Live {
                continue;
            }
            let total = status.version.as_deref().map(Total::of).unwrap_or_default();
            let mean = if total.calls == 0 { 0.0 } else { total.seconds / total.calls as f64 };
            live.push(json!({
                "name": status.id.name,
                "description": status.description,
                "modelType": status.model_type,
                "since": status.since_ms,
                "usage": total.rows,
                "duration": mean * 1e3,
                "min": total.seconds_min * 1e3,
                "max": total.seconds_max * 1e3,
            }));
        }
    }
    match live.len() {
        1 => Json(live.swap_remove(0)).into_response(),
        _ => Json(live).into_response(),
    }
}
