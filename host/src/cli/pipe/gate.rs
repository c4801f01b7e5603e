//! The bytes of an input, until the pipe is told to stop. What is read from a pipe is gone from there, so nothing is read then that
//! would not be answered any more.

use std::fs::File;
use std::io::{self, Error, Read, stdin};
use std::os::fd::AsFd as _;
use std::sync::Arc;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use crate::stream::pipe::Gauge;

/// How soon a reader that waits for bytes notices that it is to stop.
const LOOK_EVERY: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };

/// A file, a pipe or a terminal.
pub(super) struct Gate {
    file: File,
    /// Whether bytes may have to be waited for.
    waits: bool,
    gauge: Arc<Gauge>,
}

/// The process's stdin, unbuffered.
pub(super) fn standard_input() -> io::Result<File> {
    Ok(File::from(stdin().as_fd().try_clone_to_owned()?))
}

impl Gate {
    pub(super) fn new(file: File, gauge: Arc<Gauge>) -> io::Result<Self> {
        let waits = !file.metadata()?.is_file();
        Ok(Self { file, waits, gauge })
    }

    /// Whether a read would return at once.
    fn is_ready(&self) -> io::Result<bool> {
        let mut files = [PollFd::new(&self.file, PollFlags::IN)];
        match poll(&mut files, Some(&LOOK_EVERY)) {
            Ok(ready) => Ok(ready > 0),
            Err(Errno::INTR) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

impl Read for Gate {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            if self.gauge.closing() {
                // Not the end: the beginning of a record that was read is none.
                self.gauge.cut();
                return Err(Error::other("stopped by a signal"));
            }
            if !self.waits || self.is_ready()? {
                return self.file.read(into);
            }
        }
    }
}
