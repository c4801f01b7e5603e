//! Prometheus. Lanes count for themselves; a scrape reads their counters, so nothing is done per record for it.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::{Registry, Unit};

use super::models::Total;
use super::{StreamView, View};
use crate::telemetry::{LaneStats, LetterStage};

const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

pub(super) async fn metrics(State(view): State<Arc<View>>) -> Response {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Figures(view)));
    let mut body = String::new();
    match text::encode(&mut body, &registry) {
        Ok(()) => ([(header::CONTENT_TYPE, CONTENT_TYPE)], body).into_response(),
        Err(error) => super::error(StatusCode::INTERNAL_SERVER_ERROR, &format!("the metrics could not be written: {error}")),
    }
}

struct Figures(Arc<View>);

impl std::fmt::Debug for Figures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Figures")
    }
}

type Labels = Vec<(String, String)>;
type Result = std::result::Result<(), std::fmt::Error>;

/// A counter: its name without `_total`, its help, its unit and how it is read.
type Figure<T> = (&'static str, &'static str, Option<Unit>, fn(&T) -> f64);

const OF_LANES: &[Figure<LaneStats>] = &[
    ("sandstream_records_in", "Records taken from the input topics, repeated ones included", None, |lane| {
        count(lane.records_in.get())
    }),
    ("sandstream_records_in", "Bytes of those records, keys and headers included", Some(Unit::Bytes), |lane| {
        count(lane.bytes_in.get())
    }),
    ("sandstream_results", "Results produced, those of aborted transactions included", None, |lane| count(lane.results.get())),
    ("sandstream_results", "Bytes of those results", Some(Unit::Bytes), |lane| count(lane.bytes_out.get())),
    ("sandstream_holds", "Times a partition was held", None, |lane| count(lane.held.get())),
    ("sandstream_batches", "Batches delivered", None, |lane| count(lane.batches.get())),
    ("sandstream_commits", "Transactions committed", None, |lane| count(lane.commit.count())),
    ("sandstream_commit", "Time spent in commits", Some(Unit::Seconds), |lane| lane.commit.total().as_secs_f64()),
    ("sandstream_aborts", "Transactions given up", None, |lane| count(lane.aborts.get())),
    ("sandstream_reopens", "Times new clients were opened", None, |lane| count(lane.reopens.get())),
    ("sandstream_rebalances", "Partitions assigned, wanted back or lost: each report counts once", None, |lane| {
        count(lane.rebalances.get())
    }),
    ("sandstream_traps", "Calls of a model that ended in a trap or too late", None, |lane| count(lane.traps.get())),
    ("sandstream_step", "Time spent in steps that had rows", Some(Unit::Seconds), |lane| lane.step.total().as_secs_f64()),
    ("sandstream_score", "Time spent in calls of models", Some(Unit::Seconds), |lane| lane.score.total().as_secs_f64()),
];

fn count(n: u64) -> f64 {
    n as f64
}

impl Collector for Figures {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result {
        for (name, help, unit, read) in OF_LANES {
            let mut metric = encoder.encode_descriptor(name, help, unit.as_ref(), MetricType::Counter)?;
            for (labels, lane) in self.lanes() {
                ConstCounter::new(read(lane)).encode(metric.encode_family(&labels)?)?;
            }
        }
        self.dead_letters(&mut encoder)?;
        self.lane_states(&mut encoder)?;
        self.models(&mut encoder)?;
        self.streams(&mut encoder)
    }
}

impl Figures {
    fn lanes(&self) -> impl Iterator<Item = (Labels, &LaneStats)> {
        self.0.streams.iter().flat_map(|stream| {
            stream.lanes.iter().enumerate().map(move |(at, lane)| {
                let labels = vec![("stream".to_owned(), stream.name.clone()), ("lane".to_owned(), at.to_string())];
                (labels, lane.as_ref())
            })
        })
    }

    fn dead_letters(&self, encoder: &mut DescriptorEncoder<'_>) -> Result {
        let help = "Records that could not be scored, by where on their way";
        let mut metric = encoder.encode_descriptor("sandstream_dead_letters", help, None, MetricType::Counter)?;
        for (labels, lane) in self.lanes() {
            for stage in LetterStage::ALL {
                let labels = with(&labels, "stage", stage.as_str());
                ConstCounter::new(lane.dead_letters(stage)).encode(metric.encode_family(&labels)?)?;
            }
        }
        Ok(())
    }

    fn lane_states(&self, encoder: &mut DescriptorEncoder<'_>) -> Result {
        let help = "1 for the state the lane is in";
        let mut metric = encoder.encode_descriptor("sandstream_lane_state", help, None, MetricType::Gauge)?;
        for (labels, lane) in self.lanes() {
            let labels = with(&labels, "state", lane.state().as_str());
            ConstGauge::new(1_i64).encode(metric.encode_family(&labels)?)?;
        }
        let help = "Time since the lane's last step began";
        let mut metric = encoder.encode_descriptor("sandstream_lane_idle", help, Some(&Unit::Seconds), MetricType::Gauge)?;
        for (labels, lane) in self.lanes() {
            if let Some(last) = lane.last_step() {
                ConstGauge::new(last.elapsed().as_secs_f64()).encode(metric.encode_family(&labels)?)?;
            }
        }
        Ok(())
    }

    /// Of the models that a stream holds sessions for.
    fn models(&self, encoder: &mut DescriptorEncoder<'_>) -> Result {
        let held: Vec<(Labels, Total)> = self.0.streams.iter().flat_map(of_models).collect();
        let counters: [Figure<Total>; 4] = [
            ("sandstream_model_rows", "Rows a model scored", None, |total| count(total.rows)),
            ("sandstream_model_calls", "Calls of a model", None, |total| count(total.calls)),
            ("sandstream_model_faults", "Calls of a model that failed", None, |total| count(total.faults)),
            ("sandstream_model", "Time spent in calls of a model", Some(Unit::Seconds), |total| total.seconds),
        ];
        for (name, help, unit, read) in counters {
            let mut metric = encoder.encode_descriptor(name, help, unit.as_ref(), MetricType::Counter)?;
            for (labels, total) in &held {
                ConstCounter::new(read(total)).encode(metric.encode_family(labels)?)?;
            }
        }
        Ok(())
    }

    fn streams(&self, encoder: &mut DescriptorEncoder<'_>) -> Result {
        let help = "Revision of the control log that is in force";
        let mut metric = encoder.encode_descriptor("sandstream_revision", help, None, MetricType::Gauge)?;
        for stream in &self.0.streams {
            let revision = i64::try_from(stream.registry.snapshot().revision).unwrap_or(i64::MAX);
            ConstGauge::new(revision).encode(metric.encode_family(&of_stream(stream))?)?;
        }
        let help = "Declared data types that no version answers for";
        let mut metric = encoder.encode_descriptor("sandstream_types_without_model", help, None, MetricType::Gauge)?;
        for stream in &self.0.streams {
            let waiting = i64::try_from(stream.without_model().count()).unwrap_or(i64::MAX);
            ConstGauge::new(waiting).encode(metric.encode_family(&of_stream(stream))?)?;
        }
        Ok(())
    }
}

fn of_stream(stream: &StreamView) -> Labels {
    vec![("stream".to_owned(), stream.name.clone())]
}

fn of_models(stream: &StreamView) -> Vec<(Labels, Total)> {
    let models = stream.registry.models();
    let held = models.iter().filter_map(|status| Some((status, status.version.as_deref()?)));
    let labelled = held.map(|(status, version)| {
        let labels = with(&of_stream(stream), "data_type", &status.id.data_type);
        (with(&with(&labels, "model", &status.id.name), "version", &status.id.version), Total::of(version))
    });
    labelled.collect()
}

fn with(labels: &Labels, name: &str, value: &str) -> Labels {
    let mut labels = labels.clone();
    labels.push((name.to_owned(), value.to_owned()));
    labels
}
