//! The view that fills the terminal.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ratatui::crossterm::event::{self, Event, KeyCode, KeyModifiers};

use super::{plain, screen};
use crate::board::Board;

/// How often it is drawn anew.
const FRAME: Duration = Duration::from_millis(100);

/// Draws until `stop` is set; `q` and Ctrl-C set `interrupted`. A terminal that cannot be filled gets lines.
pub(super) fn show(board: &Board, stop: &AtomicBool, interrupted: &AtomicBool) {
    let Ok(mut terminal) = ratatui::try_init() else { return plain::show(board, stop) };
    while !stop.load(Ordering::Relaxed) {
        let seen = board.seen();
        if terminal.draw(|frame| screen::draw(frame, &seen)).is_err() {
            break;
        }
        if event::poll(FRAME).unwrap_or(false)
            && let Ok(Event::Key(key)) = event::read()
            && (key.code == KeyCode::Char('q') || key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL))
        {
            interrupted.store(true, Ordering::Relaxed);
        }
    }
    ratatui::restore();
}
