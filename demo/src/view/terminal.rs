//! The view that fills the terminal.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ratatui::crossterm::event::{self, Event, KeyCode, KeyModifiers};

use super::{plain, screen};
use crate::board::Board;

/// How often it is drawn anew.
const FRAME: Duration = Duration::from_millis(100);

/// Whether the terminal is filled now. There is one terminal, and whoever ends the process asks from another thread.
static FILLED: AtomicBool = AtomicBool::new(false);

/// Gives the terminal back, if it is filled.
pub(crate) fn give_back() {
    if FILLED.swap(false, Ordering::SeqCst) {
        ratatui::restore();
    }
}

/// Draws until `stop` is set; `q` and Ctrl-C set `interrupted`. A terminal that cannot be filled gets lines.
pub(super) fn show(board: &Board, stop: &AtomicBool, interrupted: &AtomicBool) {
    // Before it is filled, so that there is no moment in which it is and nobody knows.
    FILLED.store(true, Ordering::SeqCst);
    let Ok(mut terminal) = ratatui::try_init() else {
        give_back();
        return plain::show(board, stop);
    };
    while !stop.load(Ordering::Relaxed) {
        let seen = board.seen();
        if terminal.draw(|frame| screen::draw(frame, &seen)).is_err() {
            break;
        }
        if event::poll(FRAME).unwrap_or(false)
            && let Ok(Event::Key(key)) = event::read()
        {
            let ends = key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL);
            // A terminal that is filled sends no signals: the second Ctrl-C is made one, so that it ends the process as elsewhere.
            if ends && interrupted.load(Ordering::Relaxed) {
                let _ = signal_hook::low_level::raise(signal_hook::consts::SIGINT);
            } else if ends || key.code == KeyCode::Char('q') {
                interrupted.store(true, Ordering::Relaxed);
            }
        }
    }
    give_back();
}
