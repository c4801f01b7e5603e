//! How it is shown: a view that fills the terminal, or lines where there is none.

mod plain;
mod screen;
mod svg;
mod terminal;

use std::io::IsTerminal as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use anyhow::Result;

use crate::board::Board;

pub use svg::recording;
pub(crate) use terminal::give_back;

/// A view that is shown until this is dropped.
pub(crate) struct View {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// Opens the view that fits where the output goes. `interrupted` is set when the user wants to end.
pub(crate) fn open(board: &Arc<Board>, plain: bool, interrupted: &Arc<AtomicBool>) -> Result<View> {
    let (stop, board, interrupted) = (Arc::new(AtomicBool::new(false)), Arc::clone(board), Arc::clone(interrupted));
    let told = Arc::clone(&stop);
    let fills = !plain && std::io::stdout().is_terminal();
    let show = move || if fills { terminal::show(&board, &told, &interrupted) } else { plain::show(&board, &told) };
    let thread = thread::Builder::new().name("view".to_owned()).spawn(show)?;
    Ok(View { stop, thread: Some(thread) })
}

impl Drop for View {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
