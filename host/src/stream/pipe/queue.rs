//! The thread that reads the source, some chunks ahead of the lane.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use super::gauge::End;
use super::{Chunk, Gauge, Source};

/// Chunks that are read ahead: with the one in the reader's hand, what a pipe holds beside the lane's own buffers.
const AHEAD: usize = 4;

/// What the reader says.
pub(super) enum Read {
    Chunk(Chunk),
    End(End),
}

/// Starts reading. The thread ends with the source, when the source stops as it was told to, or when nobody listens any more;
/// one that waits for what never comes ends with the process.
pub(super) fn start(source: impl Source, gauge: Arc<Gauge>) -> std::io::Result<Receiver<Read>> {
    let (chunks, queue) = sync_channel(AHEAD);
    std::thread::Builder::new().name("pipe-input".to_owned()).spawn(move || read(source, &chunks, &gauge))?;
    Ok(queue)
}

fn read(mut source: impl Source, chunks: &SyncSender<Read>, gauge: &Gauge) {
    loop {
        let read = match source.next() {
            Ok(Some(chunk)) => Read::Chunk(chunk),
            // However a source puts it that it stopped, it is no failure.
            Ok(None) | Err(_) if gauge.is_cut() => Read::End(End::Stopped),
            Ok(None) => Read::End(End::Whole),
            Err(reason) => Read::End(End::Failed(reason)),
        };
        let goes_on = matches!(read, Read::Chunk(_));
        if chunks.send(read).is_err() || !goes_on {
            return;
        }
    }
}
