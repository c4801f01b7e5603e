//! The screen as a picture, for documents: drawn by the same code into memory, and written as SVG.

use std::fmt::Write as _;
use std::time::Duration;

use anyhow::Result;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};

use super::screen;
use crate::board::{Seen, Switch};

/// Size of the terminal, cells.
const SIZE: (u16, u16) = (112, 32);
/// Size of a cell, pixels.
const CELL: (f64, f64) = (8.4, 17.0);
const MARGIN: f64 = 12.0;

/// A picture of the screen in the middle of a demo.
///
/// # Errors
/// It cannot be drawn.
pub fn recording() -> Result<String> {
    let mut terminal = Terminal::new(TestBackend::new(SIZE.0, SIZE.1))?;
    terminal.draw(|frame| screen::draw(frame, &example()))?;
    Ok(picture(terminal.backend().buffer()))
}

fn picture(buffer: &Buffer) -> String {
    let (width, height) = (f64::from(SIZE.0) * CELL.0 + 2.0 * MARGIN, f64::from(SIZE.1) * CELL.1 + 2.0 * MARGIN);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" viewBox=\"0 0 {width:.0} {height:.0}\" \
         role=\"img\" aria-label=\"sandstream demo in a terminal\">\n\
         <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"#14171c\"/>\n\
         <g font-family=\"ui-monospace, Menlo, Consolas, monospace\" font-size=\"14\" xml:space=\"preserve\">\n"
    );
    for row in 0..SIZE.1 {
        let y = MARGIN + (f64::from(row) + 0.75) * CELL.1;
        let mut column = 0;
        while column < SIZE.0 {
            let first = &buffer[(column, row)];
            let mut run = String::new();
            let begin = column;
            while column < SIZE.0 && same_style(first, &buffer[(column, row)]) {
                run.push_str(buffer[(column, row)].symbol());
                column += 1;
            }
            if !run.trim().is_empty() {
                let x = MARGIN + f64::from(begin) * CELL.0;
                let length = run.chars().count() as f64 * CELL.0;
                let _ = writeln!(
                    svg,
                    "<text x=\"{x:.1}\" y=\"{y:.1}\" textLength=\"{length:.1}\" fill=\"{}\"{}>{}</text>",
                    colour(first),
                    if first.modifier.contains(Modifier::BOLD) { " font-weight=\"bold\"" } else { "" },
                    escaped(&run)
                );
            }
        }
    }
    svg + "</g>\n</svg>\n"
}

fn same_style(a: &Cell, b: &Cell) -> bool {
    a.fg == b.fg && a.modifier == b.modifier
}

fn colour(cell: &Cell) -> &'static str {
    match cell.fg {
        Color::Cyan => "#56d4dd",
        Color::Green => "#7ec699",
        Color::Magenta => "#d59df6",
        Color::Yellow => "#e5c07b",
        Color::Blue => "#7aa2f7",
        Color::Red => "#f07178",
        Color::DarkGray => "#4b5563",
        _ if cell.modifier.contains(Modifier::DIM) => "#8b949e",
        _ => "#d7dae0",
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// A moment of a demo; its figures are an illustration and measure nothing.
fn example() -> Seen {
    let switch = |from: &str, to: &str, gap_ms| Switch { from: from.into(), to: to.into(), gap_ms, control_p999_ms: 0.0 };
    Seen {
        broker: "broker for development on 127.0.0.1:9092".into(),
        admin: "127.0.0.1:8080".into(),
        elapsed: Duration::from_secs(14),
        whole: Duration::from_secs(30),
        results: 69_720,
        dead_letters: 140,
        first_score_ms: Some(1100.0),
        rates: (0..14).map(|second| 4950 + (second * 37) % 90).collect(),
        p50_ms: 61.0,
        p99_ms: 112.0,
        by_model: [("linear@1", 20_958u64), ("forest@1", 38_922), ("linear@2", 9_840)]
            .map(|(model, results)| (model.to_owned(), results))
            .into(),
        answering: (0..4).map(|partition| (partition, "linear@2".to_owned())).collect(),
        switches: vec![switch("linear@1", "forest@1", 101.0), switch("forest@1", "linear@2", 99.0)],
        lines: [
            "# A better one, 100 boosted trees. It is compiled and warmed beside the stream, then takes over.",
            "$ sandstream model publish wine-forest.wasm --name forest --version 1 --config wine.toml --data-type wine",
            "  wine/forest@1: Live on host/wine",
            "# Half a module. It is rejected, and the forest goes on.",
            "$ sandstream model publish half-a-module.wasm --name forest --version 2 --config wine.toml --data-type wine",
            "  wine/forest@2: Rejected on host/wine at compile: unexpected end-of-file",
            "# The linear model again, as another version: nothing is compiled.",
            "$ sandstream model publish wine-linear.wasm --name linear --version 2 --config wine.toml --data-type wine",
            "  wine/linear@2: Live on host/wine",
        ]
        .map(str::to_owned)
        .into(),
        ..Seen::default()
    }
}
