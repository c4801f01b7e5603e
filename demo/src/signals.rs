//! SIGTERM and SIGINT: the first asks the demo to end, the second ends it at once. Before it does, the terminal is given back, which the
//! flags that other commands have cannot do.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use anyhow::{Context, Result};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level;

use crate::view;

/// A flag that the first signal sets. A second one, or one after the flag was set otherwise, ends the process.
///
/// # Errors
/// Signals cannot be listened to.
pub fn stop_flag() -> Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&stop);
    let mut signals = Signals::new([SIGTERM, SIGINT]).context("signals")?;
    let listen = move || {
        for _ in signals.forever() {
            if told.swap(true, Ordering::SeqCst) {
                view::give_back();
                // The host goes with this process.
                low_level::exit(1);
            }
        }
    };
    thread::Builder::new().name("signals".to_owned()).spawn(listen)?;
    Ok(stop)
}
