//! A line that says how far it is, for a person who waits for a file.

use std::io::{IsTerminal as _, stderr};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::outlet::Written;
use crate::stream::pipe::Gauge;

/// How often it is drawn.
const EVERY: Duration = Duration::from_millis(200);
const STYLE: &str = "{bar:30} {percent:>3}%  {msg}";

/// Drawn to stderr where that is a terminal and the length of the input is known.
pub(super) struct Progress {
    bar: Option<ProgressBar>,
    /// When it was drawn, and how many records were answered then.
    last: (Instant, u64),
    rate: f64,
}

impl Progress {
    pub(super) fn new(units: Option<u64>) -> Self {
        let bar = units.filter(|_| stderr().is_terminal()).map(|units| {
            let bar = ProgressBar::with_draw_target(Some(units), ProgressDrawTarget::stderr());
            match ProgressStyle::with_template(STYLE) {
                Ok(style) => bar.with_style(style),
                Err(_) => bar,
            }
        });
        Self { bar, last: (Instant::now(), 0), rate: 0.0 }
    }

    pub(super) fn show(&mut self, gauge: &Gauge, written: &Written) {
        let Some(bar) = &self.bar else { return };
        let since = self.last.0.elapsed();
        if since < EVERY {
            return;
        }
        let answered = gauge.answered();
        self.rate = (answered - self.last.1) as f64 / since.as_secs_f64();
        self.last = (Instant::now(), answered);
        let figures = written.figures();
        let model =
            figures.last.as_ref().map_or_else(|| "no model yet".to_owned(), |last| format!("{}@{}", last.model, last.version));
        bar.set_position(gauge.units());
        bar.set_message(format!("{answered} records, {:.0}/s, {} dead letters, {model}", self.rate, figures.dead_letters));
    }

    pub(super) fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
