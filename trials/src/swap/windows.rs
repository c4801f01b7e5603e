//! Windows of a run, and the longest gap between two finished batches in each.

use std::time::{Duration, Instant};

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
        let mut gaps: Vec<Duration> =
            windows.iter().filter_map(|(from, to)| longest_gap(near(batches, *from, *to), *from, *to)).collect();
        gaps.sort_unstable();
        let at = |share: f64| {
            let rank = (gaps.len() as f64 * share).ceil() as usize;
            gaps.get(rank.saturating_sub(1)).map_or(f64::NAN, |gap| gap.as_secs_f64() * 1e3)
        };
        Self { windows: gaps.len(), median_ms: at(0.5), p95_ms: at(0.95), max_ms: at(1.0) }
    }
}

/// The batches of a window and one on each side, so that a gap that reaches beyond it counts as a whole.
fn near(batches: &[Finished], from: Instant, to: Instant) -> &[Finished] {
    let first = batches.partition_point(|batch| batch.at < from).saturating_sub(1);
    let after = batches.partition_point(|batch| batch.at <= to);
    &batches[first..batches.len().min(after + 1)]
}

impl Timeline {
    /// How many swaps the lane saw, and the gaps: near swaps, in windows without anything, and while models were prepared.
    pub(super) fn gaps(&self) -> (u64, [Gaps; 3]) {
        let (Some(begin), Some(end)) = (self.begin, self.end) else { return (0, [Gaps::of(&[], &[]); 3]) };
        let swaps: Vec<Span> = self.swaps().filter(|at| *at >= begin).map(around).collect();
        let mut busy = [&swaps[..], &self.prepared].concat();
        busy.sort_unstable();
        let control = windows(&[(begin, end)], &busy);
        let prepare = windows(&self.prepared, &swaps);
        (swaps.len() as u64, [&swaps, &control, &prepare].map(|windows| Gaps::of(&self.batches, windows)))
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
        let (swaps, [swap, control, _]) = timeline.gaps();
        assert_eq!((swaps, swap.windows), (1, 1));
        assert!((swap.median_ms - 30.0).abs() < 1e-6, "{swap:?}");
        assert_eq!(control.windows, 0);
    }
}
