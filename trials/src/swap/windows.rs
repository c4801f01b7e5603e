//! Windows of a run, and the longest gap between two finished batches in each.

use std::collections::BTreeMap;
use std::time::Instant;

use sandstream::telemetry::{Finished, longest_gap};
use serde::Serialize;

use super::WINDOW;

type Span = (Instant, Instant);

/// What happened when.
#[derive(Debug, Default)]
pub(super) struct Timeline {
    pub(super) begin: Option<Instant>,
    pub(super) end: Option<Instant>,
    /// From a model's announcement until it was live.
    pub(super) prepared: Vec<Span>,
    pub(super) batches: Vec<Finished>,
}

/// The longest gaps of some windows.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Gaps {
    windows: usize,
    pub(super) median_ms: f64,
    pub(super) p95_ms: f64,
    max_ms: f64,
}

impl Gaps {
    fn of(batches: &[Finished], windows: &[Span]) -> Self {
        let mut gaps: Vec<f64> = windows.iter().filter_map(|window| gap_ms(batches, *window)).collect();
        let at = |gaps: &mut [f64], share| quantile(gaps, share).unwrap_or(f64::NAN);
        let [median_ms, p95_ms, max_ms] = [0.5, 0.95, 1.0].map(|share| at(&mut gaps, share));
        Self { windows: gaps.len(), median_ms, p95_ms, max_ms }
    }
}

/// The longest gap of a window, milliseconds.
fn gap_ms(batches: &[Finished], (from, to): Span) -> Option<f64> {
    longest_gap(near(batches, from, to), from, to).map(|gap| gap.as_secs_f64() * 1e3)
}

/// The smallest value that so large a share of them do not exceed.
fn quantile(values: &mut [f64], share: f64) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    values.get(((values.len() as f64 * share).ceil() as usize).saturating_sub(1)).copied()
}

/// The revision of the model that answered last in a window.
fn answering(batches: &[Finished], (_, to): Span) -> Option<u64> {
    batches[..batches.partition_point(|batch| batch.at <= to)].iter().rev().find_map(|batch| batch.revision)
}

/// The batches of a window and one on each side, so that a gap that reaches beyond it counts as a whole.
fn near(batches: &[Finished], from: Instant, to: Instant) -> &[Finished] {
    let first = batches.partition_point(|batch| batch.at < from).saturating_sub(1);
    let after = batches.partition_point(|batch| batch.at <= to);
    &batches[first..batches.len().min(after + 1)]
}

/// What a run came to.
pub(super) struct Measured {
    /// How many swaps the lane saw.
    pub(super) swaps: u64,
    /// Near swaps, in windows without anything, and while models were prepared.
    pub(super) swap: Gaps,
    pub(super) control: Gaps,
    pub(super) prepare: Gaps,
    /// Of the gaps while a model was prepared, each over the median gap in windows without anything under the model that answered
    /// meanwhile: one scores so much longer than another that windows of different ones cannot be compared.
    pub(super) prepare_median_ratio: f64,
}

impl Timeline {
    pub(super) fn measure(&self) -> Option<Measured> {
        let (begin, end) = (self.begin?, self.end?);
        let swaps: Vec<Span> = self.swaps().filter(|at| *at >= begin).map(around).collect();
        let mut busy = [&swaps[..], &self.prepared].concat();
        busy.sort_unstable();
        let control = windows(&[(begin, end)], &busy);
        let prepare = windows(&self.prepared, &swaps);
        let [near_swaps, without, preparing] = [&swaps, &control, &prepare].map(|windows| Gaps::of(&self.batches, windows));
        Some(Measured {
            swaps: swaps.len() as u64,
            swap: near_swaps,
            control: without,
            prepare: preparing,
            prepare_median_ratio: self.ratio(&prepare, &control),
        })
    }

    fn ratio(&self, prepare: &[Span], control: &[Span]) -> f64 {
        let mut usual: BTreeMap<Option<u64>, Vec<f64>> = BTreeMap::new();
        for window in control {
            usual.entry(answering(&self.batches, *window)).or_default().extend(gap_ms(&self.batches, *window));
        }
        let mut ratios: Vec<f64> = Vec::new();
        for window in prepare {
            let usual = usual.get_mut(&answering(&self.batches, *window)).and_then(|gaps| quantile(gaps, 0.5));
            ratios.extend(gap_ms(&self.batches, *window).zip(usual).map(|(gap, usual)| gap / usual));
        }
        quantile(&mut ratios, 0.5).unwrap_or(f64::NAN)
    }

    /// When the lane finished its last batch under one model, before its first under another.
    fn swaps(&self) -> impl Iterator<Item = Instant> + '_ {
        let mut last: Option<&Finished> = None;
        self.batches.iter().filter(|batch| batch.revision.is_some()).filter_map(move |batch| {
            let before = last.replace(batch)?;
            (before.revision != batch.revision).then_some(before.at)
        })
    }
}

fn around(swap: Instant) -> Span {
    (swap - WINDOW / 2, swap + WINDOW / 2)
}

/// As many windows as fit, one after the other, into the spans without overlapping with what is `busy`. Both are in order.
fn windows(spans: &[Span], busy: &[Span]) -> Vec<Span> {
    let mut found = Vec::new();
    for (begin, end) in spans {
        let mut from = *begin;
        while from + WINDOW <= *end {
            let to = from + WINDOW;
            match busy.iter().find(|(start, end)| *start < to && *end > from) {
                None => {
                    found.push((from, to));
                    from = to;
                }
                Some((_, end)) => from = *end,
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn windows_lie_between_what_is_busy() {
        let zero = Instant::now();
        let span = |from: u64, to: u64| (zero + Duration::from_millis(from), zero + Duration::from_millis(to));
        let found = windows(&[span(0, 3000)], &[span(700, 1000), span(900, 1200), span(2100, 2400)]);
        assert_eq!(found, [span(0, 500), span(1200, 1700), span(2400, 2900)]);
        assert_eq!(windows(&[span(0, 499)], &[]), []);
    }

    #[test]
    fn a_swap_is_where_the_revision_changes() {
        let zero = Instant::now();
        let batch = |ms: u64, revision| Finished { at: zero + Duration::from_millis(ms), revision, rows: 1 };
        let batches = vec![batch(0, Some(1)), batch(5, None), batch(10, Some(1)), batch(40, Some(2)), batch(50, Some(2))];
        let timeline = Timeline { begin: Some(zero), end: Some(zero + Duration::from_secs(2)), prepared: Vec::new(), batches };
        let Some(Measured { swaps, swap, control, .. }) = timeline.measure() else { unreachable!("it begins and ends") };
        assert_eq!((swaps, swap.windows), (1, 1));
        assert!((swap.median_ms - 30.0).abs() < 1e-6, "{swap:?}");
        assert_eq!(control.windows, 0);
    }

    #[test]
    fn preparing_is_compared_with_quiet_times_under_the_same_model() {
        let zero = Instant::now();
        let span = |from: u64, to: u64| (zero + Duration::from_millis(from), zero + Duration::from_millis(to));
        // A batch every 10 ms under the first model, every 50 ms under the second; twice as long while a model is prepared.
        let every = |from: u64, to: u64, ms: u64, revision: u64| {
            let at = (from / ms + 1)..=(to / ms);
            at.map(move |i| Finished { at: zero + Duration::from_millis(i * ms), revision: Some(revision), rows: 1 })
        };
        let parts = [(0, 4000, 10, 1), (4000, 4500, 20, 1), (4500, 6000, 50, 2), (6000, 8000, 100, 2), (8000, 9000, 50, 2)];
        let batches = parts.into_iter().flat_map(|(from, to, ms, revision)| every(from, to, ms, revision)).collect();
        let prepared = vec![span(4000, 4500), span(6000, 8000)];
        let timeline = Timeline { begin: Some(zero), end: Some(zero + Duration::from_secs(9)), prepared, batches };
        let Some(measured) = timeline.measure() else { unreachable!("it begins and ends") };
        assert!((measured.prepare.median_ms / measured.control.median_ms - 10.0).abs() < 1e-6, "windows of both models");
        assert!((measured.prepare_median_ratio - 2.0).abs() < 1e-6, "{}", measured.prepare_median_ratio);
    }
}
