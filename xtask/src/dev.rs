//! The broker for development, in a process of its own.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

use crate::workspace;

/// A broker that ends when this is dropped.
pub(crate) struct Dev {
    child: Child,
    address: String,
}

impl Dev {
    /// Starts it, with these words besides.
    pub(crate) fn start(words: &[String]) -> Result<Self> {
        let mut command = Command::new(workspace::programs()?.join("sandstream"));
        command.args(["broker", "--listen", "127.0.0.1:0", "--log", "error"]).args(words);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().context("cannot start the broker")?;
        let out = child.stdout.take().context("stdout is piped")?;
        let mut dev = Self { child, address: String::new() };
        let mut line = String::new();
        BufReader::new(out).read_line(&mut line)?;
        // {"event":"running","pid":1,"brokers":"127.0.0.1:9092"}
        let address = line.split_once("\"brokers\":\"").and_then(|(_, rest)| rest.split('"').next());
        let Some(address) = address else { bail!("the broker for development did not start: {line}") };
        address.clone_into(&mut dev.address);
        Ok(dev)
    }

    /// Bootstrap address.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process(pid, Signal::TERM);
        }
        let _ = self.child.wait();
    }
}
