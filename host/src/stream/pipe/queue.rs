//! The thread that reads the source, some chunks ahead of the lane.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use super::{Chunk, Source};

/// Chunks that are read ahead: with the one in the reader's hand, what a pipe holds beside the lane's own buffers.
const AHEAD: usize = 4;

/// What the reader says.
pub(super) enum Read {
    Chunk(Chunk),
    End,
    Failed(String),
}

/// Starts reading. The thread ends with the source, or when nobody listens any more; one that waits for stdin ends with the
/// process.
pub(super) fn start(source: impl Source) -> std::io::Result<Receiver<Read>> {
    let (chunks, queue) = sync_channel(AHEAD);
    std::thread::Builder::new().name("pipe-input".to_owned()).spawn(move || read(source, &chunks))?;
    Ok(queue)
}

fn read(mut source: impl Source, chunks: &SyncSender<Read>) {
    loop {
        let read = match source.next() {
            Ok(Some(chunk)) => Read::Chunk(chunk),
            Ok(None) => Read::End,
            Err(reason) => Read::Failed(reason),
        };
        let goes_on = matches!(read, Read::Chunk(_));
        if chunks.send(read).is_err() || !goes_on {
            return;
        }
    }
}
