//! The host, in a process of its own.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::stage::Stage;

pub(crate) struct Host {
    child: Child,
    /// Where its admin server listens.
    pub(crate) admin: String,
}

impl Host {
    /// Starts it and waits until it runs.
    pub(crate) fn start(stage: &Stage) -> Result<Self> {
        let log = File::create(stage.host_log())?;
        let mut command = Command::new(&stage.program);
        // A demo that is killed leaves no host behind. It is this thread that counts, so the demo's main one starts it.
        command.arg("run").arg("--config").arg(stage.config()).arg("--with-parent").arg(std::process::id().to_string());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log);
        // A group of its own: Ctrl-C is the demo's to see, which then drains the host.
        let mut child = command.process_group(0).spawn().context("cannot start the host")?;
        let out = child.stdout.take().context("stdout is piped")?;
        let mut host = Self { child, admin: String::new() };
        let mut line = String::new();
        // The one line it says, or nothing when it ends before.
        BufReader::new(out).read_line(&mut line)?;
        if line.is_empty() {
            let status = host.child.wait()?;
            bail!("the host ended with {status}: {}", std::fs::read_to_string(stage.host_log()).unwrap_or_default());
        }
        let said: Value = serde_json::from_str(&line).with_context(|| format!("the host said: {line}"))?;
        host.admin = said["admin"].as_str().unwrap_or_default().to_owned();
        Ok(host)
    }

    /// SIGTERM, which drains it, then waits.
    pub(crate) fn end(mut self, patience: Duration) -> Result<ExitStatus> {
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            kill_process(pid, Signal::TERM)?;
        }
        let until = Instant::now() + patience;
        while Instant::now() < until {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        bail!("the host still runs {patience:?} after SIGTERM")
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // Ended already: then there is nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
