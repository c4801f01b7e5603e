//! The threads that prepare models, build spares and free versions in production.

use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};

use super::task::{Report, Task, Work, Workers};

/// Versions that wait to be freed; when there are more, the control thread frees them itself.
const FREE_MAX: usize = 64;
/// More than there can be: a task makes four reports at most, and three tasks run at a time.
const REPORTS_MAX: usize = 64;

/// One thread per preparation, two at most by the lifecycle's own count, one for spares and one reaper.
pub struct Threads {
    reports: Receiver<Report>,
    report: SyncSender<Report>,
    reaper: SyncSender<Task>,
}

impl Threads {
    /// Starts the reaper; the others are started as they are needed.
    ///
    /// # Errors
    /// The system has no thread to give.
    pub fn new() -> std::io::Result<Self> {
        let (report, reports) = sync_channel(REPORTS_MAX);
        let (reaper, versions) = sync_channel::<Task>(FREE_MAX);
        thread("sandstream-reaper", move || versions.iter().for_each(|task| task.run(&mut |_| {})))?;
        Ok(Self { reports, report, reaper })
    }

    fn spawn(&self, task: Task) {
        // The thread may not start; the task is kept here so that it can be run all the same.
        let task = Arc::new(Mutex::new(Some(task)));
        let (theirs, report) = (task.clone(), self.report.clone());
        let started = thread("sandstream-prepare", move || {
            give_way();
            if let Some(task) = take(&theirs) {
                task.run(&mut |news| {
                    // Nobody listens any more once the host stops.
                    let _ = report.send(news);
                });
            }
        });
        if let Err(error) = started {
            tracing::warn!(%error, "no thread for a preparation; it runs on the control thread");
            if let Some(task) = take(&task) {
                task.run(&mut |news| {
                    let _ = self.report.send(news);
                });
            }
        }
    }
}

fn take(task: &Mutex<Option<Task>>) -> Option<Task> {
    task.lock().unwrap_or_else(PoisonError::into_inner).take()
}

fn thread(name: &str, run: impl FnOnce() + Send + 'static) -> std::io::Result<JoinHandle<()>> {
    Builder::new().name(name.to_owned()).spawn(run)
}

/// Lanes come first: on Linux this lowers the calling thread alone.
fn give_way() {
    if cfg!(target_os = "linux") {
        let _ = rustix::process::setpriority_process(None, 10);
    }
}

impl Workers for Threads {
    fn start(&mut self, task: Task) {
        match task.work() {
            Work::Prepare | Work::Spare => self.spawn(task),
            Work::Free => match self.reaper.try_send(task) {
                Ok(()) => {}
                Err(TrySendError::Full(task) | TrySendError::Disconnected(task)) => task.run(&mut |_| {}),
            },
        }
    }

    fn report(&mut self) -> Option<Report> {
        self.reports.try_recv().ok()
    }
}
